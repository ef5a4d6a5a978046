"""Depth and normals of the fitted face: the geometry prior that needs no depth network."""

from __future__ import annotations

import numpy as np

from d3talker.faces.mp468 import face_triangles
from d3talker.ops.mesh import rasterize_mesh, vertex_normals

_GRAZING = -0.05  # normals flatter than this against the view (or turned away) tell nothing reliable


def face_geometry(
    face_points: np.ndarray, world_to_cam: np.ndarray, intrinsics: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws the face mesh as depth and normals; eyes and mouth are open.

    Args:
        face_points: (478, 3) metres in the head frame (irises are not used).
        world_to_cam: (4, 4), to the camera frame (x right, y down, z forward).
        intrinsics: (3, 3) pixels.
        size: side of the square picture in pixels.

    Returns:
        Depth (size, size) float32, camera z in metres, 0 outside the mask; normals (size, size, 3) float32 in the
        camera frame, unit length, facing the camera (z < 0: a surface square to the camera has (0, 0, -1)), 0 outside
        the mask; mask (size, size) bool: pixels of the face that are not seen at grazing angles.
    """
    rotation, shift = world_to_cam[:3, :3].astype(np.float64), world_to_cam[:3, 3].astype(np.float64)
    points = face_points[:468].astype(np.float64) @ rotation.T + shift
    triangles = face_triangles()
    screen = points @ intrinsics.astype(np.float64).T
    vertices = np.concatenate([screen[:, :2] / screen[:, 2:], points[:, 2:]], axis=1)
    index, weights, depth = rasterize_mesh(vertices, triangles, size, size)
    mask = index >= 0
    corners = vertex_normals(points, triangles)[triangles[index[mask]]]
    blended = np.einsum("nk,nkc->nc", weights[mask], corners)
    length = np.linalg.norm(blended, axis=1, keepdims=True)
    blended /= np.maximum(length, 1e-9)
    sure = (length[:, 0] > 1e-6) & (blended[:, 2] < _GRAZING)
    mask[mask] = sure
    normals = np.zeros((size, size, 3), dtype=np.float32)
    normals[mask] = blended[sure]
    return np.where(mask, depth, np.float32(0.0)), normals, mask
