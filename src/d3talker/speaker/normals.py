"""Smooth normals of a mesh."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals (V, 3), towards the side from which triangles wind anticlockwise."""
    normals = np.zeros_like(points)
    for face in range(len(triangles)):
        a, b, c = triangles[face]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for vertex in (a, b, c):
            normals[vertex, 0] += nx
            normals[vertex, 1] += ny
            normals[vertex, 2] += nz
    for vertex in range(len(points)):
        length = np.sqrt((normals[vertex] ** 2).sum())
        if length > 0.0:
            normals[vertex] /= length
    return normals
