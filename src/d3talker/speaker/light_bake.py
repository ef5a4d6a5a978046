"""Light that does not change while a person talks: how much of the sky, and of the key light, each vertex sees."""

from __future__ import annotations

import numba
import numpy as np

from d3talker.ops.mesh import rasterize_mesh

RESOLUTION = 256
FAR = 20.0  # metres: rays as good as parallel


def visible_share(
    points: np.ndarray, normals: np.ndarray, triangles: np.ndarray, directions: np.ndarray, bias: float = 0.004
) -> np.ndarray:
    """The cosine-weighted share of the directions that each vertex sees past the mesh.

    Args:
        points, normals: (V, 3) metres, unit vectors.
        triangles: (F, 3).
        directions: (D, 3) unit vectors towards the light.
        bias: metres by which the mesh must stand in front to hide a vertex.

    Returns:
        (V,) in [0, 1].
    """
    seen, total = np.zeros(len(points)), np.full(len(points), 1e-6)
    reach = np.abs(points).max() * 1.8
    for direction in directions:
        helper = np.array([0.0, 1.0, 0.0]) if abs(direction[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
        right = np.cross(helper, direction)
        right /= np.linalg.norm(right)
        up = np.cross(direction, right)
        place = (points @ np.column_stack([right, up]) / reach + 1) * (RESOLUTION / 2)
        depth = FAR - points @ direction
        nearest = rasterize_mesh(np.column_stack([place, depth]), triangles, RESOLUTION, RESOLUTION)[2]
        visible = _unhidden(place, depth - bias, nearest)
        cosine = np.maximum(normals @ direction, 0.02)
        seen += cosine * visible
        total += cosine
    return seen / total


@numba.njit(nogil=True, cache=True)
def _unhidden(place, depth, nearest):
    """1 where nothing in the depth map stands before a point, 0 where it is hidden; blended between the map's pixels,
    as hard edges would show as stairs on the skin."""
    share = np.zeros(len(place))
    last = nearest.shape[0] - 1
    for point in range(len(place)):
        x, y = place[point, 0] - 0.5, place[point, 1] - 0.5
        column, row = int(np.floor(x)), int(np.floor(y))
        for dy in range(2):
            for dx in range(2):
                found = nearest[min(max(row + dy, 0), last), min(max(column + dx, 0), last)]
                if found == 0.0 or depth[point] <= found:
                    share[point] += (x - column if dx else 1 - x + column) * (y - row if dy else 1 - y + row)
    return share


def sphere(count: int) -> np.ndarray:
    """``count`` even directions (a Fibonacci spiral), (count, 3)."""
    number = np.arange(count) + 0.5
    y, turn = 1 - 2 * number / count, np.pi * (1 + 5**0.5) * number
    ring = np.sqrt(1 - y**2)
    return np.column_stack([ring * np.cos(turn), y, ring * np.sin(turn)])


def cone(axis: np.ndarray, half_angle: float, count: int) -> np.ndarray:
    """``count`` directions within ``half_angle`` (radians) of ``axis``, (count, 3)."""
    axis = axis / np.linalg.norm(axis)
    right = np.cross(np.array([0.0, 1.0, 0.0]), axis)
    right /= np.linalg.norm(right)
    up = np.cross(axis, right)
    number = np.arange(count) + 0.5
    radius, turn = np.tan(half_angle) * np.sqrt(number / count), np.pi * (1 + 5**0.5) * number
    directions = axis + radius[:, None] * (np.cos(turn)[:, None] * right + np.sin(turn)[:, None] * up)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)
