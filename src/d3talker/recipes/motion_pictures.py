"""Faces to look at: a face model as a lit grey mask, from the front or from the side, and as its PNCC picture."""

from __future__ import annotations

import numpy as np
import torch

from d3talker.faces.model import FaceModel
from d3talker.faces.pncc import Pncc
from d3talker.ops.mesh import rasterize_mesh
from d3talker.ops.subdivide import subdivision

BACKGROUND = np.array([17, 19, 23], np.float32) / 255
SUPERSAMPLING = 2
_COARSE = 3000  # vertices below which a mesh is made rounder
_SKIN = np.array([0.93, 0.92, 0.90], np.float32)
_DISTANCE = 1.0  # metres from the camera to the middle of the face
_FRAMING = 1.2  # height of the picture over that of the face at rest: room for the jaw to fall


class FacePainter:
    """Draws a face model at one picture size; the model's mean face at rest sets the framing.

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
        self._middle = (low + high) / 2
        self._middle[1] -= 0.03 * (high[1] - low[1])  # the jaw falls, the forehead does not rise
        self._mean = mean - self._middle
        self._focal = SUPERSAMPLING * size * _DISTANCE / (_FRAMING * (high[1] - low[1]))

    def nothing(self) -> np.ndarray:
        """The empty picture (size, size, 3) uint8."""
        return np.broadcast_to((255 * BACKGROUND + 0.5).astype(np.uint8), (self._size, self._size, 3))

    def pncc(self, coefficients: np.ndarray) -> np.ndarray:
        """The PNCC picture (size, size, 3) uint8 of one frame's coefficients (Ke,)."""
        picture = self._pncc.images(torch.from_numpy(coefficients[None]).float())[0]
        return (255 * (picture.permute(1, 2, 0) + 1) / 2).round().to(torch.uint8).numpy()

    def shaded(self, vertices: np.ndarray, turn: float = 0.0) -> np.ndarray:
        """The lit face (size, size, 3) uint8.

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
        wide = SUPERSAMPLING * self._size
        depth = _DISTANCE - seen[:, 2]
        scale = self._focal / depth
        pixels = np.stack([wide / 2 + scale * seen[:, 0], wide / 2 - scale * seen[:, 1], depth], axis=1)
        index, weights, _ = rasterize_mesh(pixels, self._triangles, wide, wide)
        covered = index >= 0
        light = _light(seen, self._triangles)[self._triangles[index[covered]]]
        picture = np.empty((wide, wide, 3), np.float32)
        picture[:] = BACKGROUND
        picture[covered] = (weights[covered] * light).sum(axis=1)[:, None] * _SKIN
        fine = picture.reshape(self._size, SUPERSAMPLING, self._size, SUPERSAMPLING, 3).mean(axis=(1, 3))
        return (255 * fine.clip(0, 1) + 0.5).astype(np.uint8)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals (V, 3), the mean of the triangles around weighted by area; 0 at a vertex without triangles."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    normals = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(across[:, axis], 3), len(vertices)) for axis in range(3)], axis=1
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _light(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Brightness (V,) float32 under a lamp above the left, a weaker one at the right, and a gloss."""
    normals = vertex_normals(vertices, triangles)
    lamp, fill = _unit(-0.45, 0.55, 0.75), _unit(0.6, 0.1, 0.6)
    gloss = _unit(*(lamp + [0.0, 0.0, 1.0]))
    lit = (
        0.16
        + 0.62 * (normals @ lamp).clip(0)
        + 0.18 * (normals @ fill).clip(0)
        + 0.12 * (normals @ gloss).clip(0) ** 24
    )
    return lit.astype(np.float32)


def _unit(*direction: float) -> np.ndarray:
    return np.array(direction) / np.linalg.norm(direction)
