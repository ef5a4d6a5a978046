"""PNCC: the face of given expression coefficients, drawn with the place of each point on the face as its colour.

Projected normalised coordinate code (3DDFA). The head never turns or moves: only the expression is in the picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from d3talker.faces.model import FaceModel
from d3talker.ops.pncc import paint

FOCAL = 1015.0 / 224.0
"""Focal length in widths of the picture (Deep3DFaceRecon): a field of view of 12.6 degrees."""
DISTANCE = 1.0
"""Metres from the camera to the middle of the face."""


class Pncc:
    """Pictures of one person's face.

    The camera of Deep3DFaceRecon and Real3D-Portrait, 1 m before the mean vertex of the model; colours in [-1, 1] (R to
    the right, G up, B to the viewer), background -1, in the eyes and the open mouth too; 2 x 2 samples a pixel.

    Args:
        face_model: its device is where pictures are drawn.
        size: rows and columns.
        neutral: (V, 3) metres, the person's own neutral face; none is the model's mean. Colours are the model's.
    """

    def __init__(self, face_model: FaceModel, size: int = 256, neutral: Tensor | None = None) -> None:
        self.size = size
        self._model = face_model
        self._neutral = neutral
        self._colours = face_model.colours * 2 - 1
        self._centre = face_model.mean.mean(dim=0)
        self.canonical: Tensor = self.images(torch.zeros(1, len(face_model.expression)))[0]
        """(3, H, W): the face with expression 0."""

    def images(self, coefficients: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) float32 in [-1, 1] of expression coefficients (B, Ke)."""
        vertices = self._model.vertices(coefficients.to(self._centre), neutral=self._neutral) - self._centre
        depth = DISTANCE - vertices[..., 2]
        pixels = FOCAL * self.size * vertices[..., :2] / depth[..., None]
        corners = torch.stack([self.size / 2 + pixels[..., 0], self.size / 2 - pixels[..., 1], depth], dim=-1)
        return paint(corners, self._model.triangles, self._colours, self.size, self.size)

    def differences(self, coefficients: Tensor) -> Tensor:
        """Pictures less the canonical one, (B, 3, H, W) in [-2, 2]; exactly 0 for coefficients 0."""
        return self.images(coefficients) - self.canonical
