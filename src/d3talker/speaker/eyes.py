"""Eyeballs: where they sit, where they look, and how the lids shade them."""

from __future__ import annotations

import numpy as np

from d3talker.speaker.face_pose import EYE_AXES, EYE_CENTRE_DEPTH, EYE_SLANT, Controls, FacePoser
from d3talker.speaker.face_surface import EYE_HEIGHT, EYE_SIDE
from d3talker.speaker.head_mesh import EYE_HALF_WIDTH
from d3talker.speaker.mesh_piece import Label, Material, Piece, ellipsoid

IRIS_RADIUS = 0.0059
EYE_RADIUS = 0.0122
SIDES = (-1.0, 1.0)


class Eyes:
    """Both eyeballs; ``pieces`` holds the one at -x, then the one at +x."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._offsets: list[np.ndarray] = []
        for side in SIDES:
            points, triangles, direction = ellipsoid(np.zeros(3), EYE_AXES * 0.955, 22, 40)
            points[:, 2] -= EYE_SLANT * side * points[:, 0]
            self._offsets.append(points)
            normal = direction / EYE_AXES
            normal[:, 0] += EYE_SLANT * side * normal[:, 2]
            normal /= np.linalg.norm(normal, axis=1, keepdims=True)
            centre = np.array([side * EYE_SIDE, EYE_HEIGHT, EYE_CENTRE_DEPTH])
            self.pieces.append(Piece(points + centre, triangles, direction[:, :2], Material.EYE, Label.FACE, normal))

    def look(self, eye: int, controls: Controls, poser: FacePoser) -> np.ndarray:
        """For each vertex of an eye: offset from the iris in its radii (2), and its share of sky and key light (2)."""
        side, offset = SIDES[eye], self._offsets[eye]
        # The eyes meet on the camera: a little inwards.
        gaze = np.array([controls.gaze[0] - 0.03 * side, controls.gaze[1]]) * EYE_RADIUS
        outward = side * offset[:, 0]
        below_lid = (poser.upper_lid_line(eye, outward, controls) - offset[:, 1]) / 0.0034
        corner = 0.55 + 0.45 * np.clip((EYE_HALF_WIDTH - np.abs(outward)) / 0.006, 0, 1)
        sky = (0.30 + 0.70 * np.clip(below_lid, 0, 1)) * corner
        key = (0.20 + 0.80 * np.clip(0.8 * below_lid, 0, 1)) * corner
        return np.column_stack([(offset[:, :2] - gaze) / IRIS_RADIUS, sky, key])
