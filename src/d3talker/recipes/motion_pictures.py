"""Faces to look at: a face model as a lit grey mask, from the front or from the side, and as its PNCC picture."""

from __future__ import annotations

import numpy as np
import torch

from d3talker.faces.model import FaceModel
from d3talker.faces.pncc import Pncc
from d3talker.ops.mesh import vertex_normals
from d3talker.ops.pncc import paint
from d3talker.ops.subdivide import subdivision

_COARSE = 3000  # vertices below which a mesh is made rounder
_SKIN = np.array([0.93, 0.92, 0.90])
_DISTANCE = 1.0  # metres from the camera to the middle of the face
_FRAMING = 1.2  # height of the picture over that of the face at rest: room for the jaw to fall


class FacePainter:
    """Draws a face model at one picture size; its mean face at rest sets the framing.

    Args:
        model: what to draw.
        size: rows and columns of the pictures.
    """

    def __init__(self, model: FaceModel, size: int) -> None:
        self._size = size
        self._pncc = Pncc(model, size)
        mean = model.mean.numpy().astype(np.float64)
        self._round, self._triangles = None, model.triangles.numpy().astype(np.int64)
        if len(mean) < _COARSE:
            self._round, self._triangles = subdivision(self._triangles, len(mean))
        low, high = mean.min(axis=0), mean.max(axis=0)
        height = high[1] - low[1]
        self._middle = (low + high) / 2 - [0, 0.03 * height, 0]  # the jaw falls, the forehead does not rise
        self._mean = mean - self._middle
        self._focal = size * _DISTANCE / (_FRAMING * height)

    def nothing(self) -> np.ndarray:
        """The empty picture (size, size, 3) uint8."""
        return np.zeros((self._size, self._size, 3), np.uint8)

    def pncc(self, coefficients: np.ndarray) -> np.ndarray:
        """The PNCC picture (size, size, 3) uint8 of one frame's coefficients (Ke,)."""
        picture = self._pncc.images(torch.from_numpy(coefficients[None]).float())[0]
        return _bytes((picture.numpy() + 1) / 2)

    def shaded(self, vertices: np.ndarray, turn: float = 0.0) -> np.ndarray:
        """The lit face (size, size, 3) uint8 over black.

        Args:
            vertices: (V, 3) metres, head frame.
            turn: degrees to the right of the picture.
        """
        vertices = vertices.astype(np.float64)
        if self._round is not None:
            vertices = self._round @ vertices
        cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        rotation = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
        across = self._mean @ rotation[:, 0]
        seen = (vertices - self._middle) @ rotation
        seen[:, 0] -= (across.min() + across.max()) / 2  # the turned face stays in the middle
        depth = _DISTANCE - seen[:, 2]
        scale, centre = self._focal / depth, self._size / 2
        pixels = np.stack([centre + scale * seen[:, 0], centre - scale * seen[:, 1], depth], axis=1)
        colours = (_light(seen, self._triangles)[:, None] * _SKIN).astype(np.float32)
        picture = paint(
            torch.from_numpy(pixels[None].astype(np.float32)),
            torch.from_numpy(self._triangles),
            torch.from_numpy(colours),
            self._size,
            self._size,
            background=0.0,
        )
        return _bytes(picture[0].numpy())


def _light(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Brightness (V,) under a lamp above on the left, a weaker one on the right, and a gloss."""
    normals = vertex_normals(vertices, triangles)
    lamp, fill = _unit(-0.45, 0.55, 0.75), _unit(0.6, 0.1, 0.6)
    gloss = _unit(*(lamp + [0.0, 0.0, 1.0]))
    lamp_light, fill_light, shine = ((normals @ direction).clip(0) for direction in (lamp, fill, gloss))
    return 0.16 + 0.62 * lamp_light + 0.18 * fill_light + 0.12 * shine**24


def _unit(*direction: float) -> np.ndarray:
    return np.array(direction) / np.linalg.norm(direction)


def _bytes(picture: np.ndarray) -> np.ndarray:
    """(3, H, W) in [0, 1] as (H, W, 3) uint8."""
    return (255 * picture.clip(0, 1) + 0.5).astype(np.uint8).transpose(1, 2, 0)
