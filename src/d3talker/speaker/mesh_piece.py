"""A piece of the person's mesh, and small shapes to build pieces from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Material(IntEnum):
    """How a triangle is shaded."""

    SKIN = 0
    HAIR = 1
    EYE = 2
    TOOTH = 3
    GUM = 4
    CLOTH = 5
    CAVITY = 6
    EAR = 7


class Label(IntEnum):
    """Labels of the masks (docs/conventions.md)."""

    BACKGROUND = 0
    TORSO = 1
    HAIR = 2
    FACE = 3
    MOUTH = 4


@dataclass(frozen=True)
class Piece:
    """A rigid part.

    Attributes:
        points: (V, 3) metres, head frame at rest.
        triangles: (F, 3).
        uv: (V, 2); what it means depends on the material.
        material: of all its triangles.
        label: of the mask.
        normals: (V, 3) for hair, whose ribbons are lit like the surface that they cover; None: the mesh's own.
        tangents: (V, 3) along the hairs, or None.
    """

    points: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    material: Material
    label: Label
    normals: np.ndarray | None = None
    tangents: np.ndarray | None = None


def grid_triangles(rows: int, columns: int) -> np.ndarray:
    """Two triangles for each cell of a grid whose vertex (r, c) is ``r * columns + c``."""
    first = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    return np.concatenate([
        np.column_stack([first, first + columns, first + 1]),
        np.column_stack([first + 1, first + columns, first + columns + 1]),
    ])  # fmt: skip


def ellipsoid(
    centre: np.ndarray, axes: np.ndarray, rows: int, columns: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, triangles and unit directions (as uvw) of the half of an ellipsoid that faces +z."""
    polar, round_ = np.meshgrid(np.linspace(0, 0.55 * np.pi, rows), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    direction = np.stack([np.sin(polar) * np.cos(round_), np.sin(polar) * np.sin(round_), np.cos(polar)], -1).reshape(
        -1, 3
    )
    return centre + direction * axes, grid_triangles(rows, columns), direction


def ribbons(paths: np.ndarray, sides: np.ndarray, widths: np.ndarray, shades: np.ndarray) -> tuple[np.ndarray, ...]:
    """Flat hairs, or locks of hairs.

    Args:
        paths: (N, K, 3) points along each, metres.
        sides: (N, K, 3) unit vectors across.
        widths: (N, K) metres.
        shades: (N,) number of each, given on as the second uv coordinate (the first runs 0..1 across).

    Returns:
        points (N * K * 2, 3), triangles, uv, tangents.
    """
    count, length = paths.shape[:2]
    half = 0.5 * widths[..., None] * sides
    points = np.stack([paths - half, paths + half], axis=2).reshape(-1, 3)
    tangents = np.gradient(paths, axis=1)
    tangents /= np.linalg.norm(tangents, axis=-1, keepdims=True) + 1e-12
    uv = np.empty((count, length, 2, 2))
    uv[..., 0], uv[..., 1] = np.array([0.0, 1.0]), shades[:, None, None]
    one = grid_triangles(length, 2)
    triangles = (one[None] + (np.arange(count) * length * 2)[:, None, None]).reshape(-1, 3)
    return points, triangles, uv.reshape(-1, 2), np.repeat(tangents, 2, axis=1).reshape(-1, 3)
