"""Eyeballs: where they sit, where they look, and how the lids shade them."""

from __future__ import annotations

import numpy as np

from d3talker.speaker.face_pose import EYE_AXES, EYE_CENTRE_DEPTH, EYE_SLANT, Controls, FacePoser
from d3talker.speaker.face_surface import EYE_HEIGHT, EYE_SIDE
from d3talker.speaker.head_mesh import EYE_HALF_WIDTH
from d3talker.speaker.identity import Identity
from d3talker.speaker.mesh_piece import Label, Material, Piece, ellipsoid

IRIS_RADIUS = 0.0059
EYE_RADIUS = 0.0122


class Eyes:
    """Both eyeballs of one person; ``pieces`` holds the one at -x, then the one at +x."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.pieces, self._offsets = [], []
        for side in (-1.0, 1.0):
            points, triangles, direction = ellipsoid(np.zeros(3), EYE_AXES * 0.955, 22, 40)
            points[:, 2] -= EYE_SLANT * side * points[:, 0]
            self._offsets.append(points.copy())
            normal = direction / EYE_AXES
            normal[:, 0] += EYE_SLANT * side * normal[:, 2]
            normal /= np.linalg.norm(normal, axis=1, keepdims=True)
            centre = np.array([side * EYE_SIDE, EYE_HEIGHT, EYE_CENTRE_DEPTH])
            self.pieces.append(Piece(points + centre, triangles, direction[:, :2], Material.EYE, Label.FACE, normal))

    def fill(self, attributes: np.ndarray, starts: np.ndarray, controls: Controls, poser: FacePoser) -> None:
        """Writes gaze (uv: offset from the iris in its radii) and the shade of the lids into the attributes."""
        for eye, (side, offset) in enumerate(zip((-1.0, 1.0), self._offsets, strict=True)):
            rows = slice(starts[eye], starts[eye] + len(offset))
            # The eyes meet on the camera: a little inwards.
            look = np.array([controls.gaze[0] - 0.03 * side, controls.gaze[1]]) * EYE_RADIUS
            attributes[rows, 6:8] = (offset[:, :2] - look) / IRIS_RADIUS
            outward = side * offset[:, 0]
            line = poser.upper_lid_line(eye, outward, controls)
            below = (line - offset[:, 1]) / 0.0034
            corner = np.clip((EYE_HALF_WIDTH - np.abs(outward)) / 0.006, 0, 1)
            attributes[rows, 8] = (0.30 + 0.70 * np.clip(below, 0, 1)) * (0.55 + 0.45 * corner)
            attributes[rows, 9] = (0.20 + 0.80 * np.clip(below * 0.8, 0, 1)) * (0.55 + 0.45 * corner)
