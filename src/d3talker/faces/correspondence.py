"""Which vertices of another face mesh stand for the points of MediaPipe's mesh."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.spatial import cKDTree

from d3talker.faces import points as named
from d3talker.faces.alignment import align
from d3talker.faces.mp468 import face_triangles, load_mp468
from d3talker.ops.mesh import vertex_normals

OF_68 = np.array(
    [
        *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),  # outline
        *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # brows
        *(168, 197, 5, 4, 98, 97, 2, 326, 327),  # nose
        *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # lids
        *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),  # outer lips
        *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lips
    ]
)
"""MediaPipe's point for each of the 68 points of Multi-PIE (those of iBUG 300-W)."""

_INNER = np.arange(17, 68)  # the outline means another curve in every set of landmarks
_CHIN = 8
_NORMAL = 0.01  # metres that a normal turned by a radian counts
_FARTHEST = 0.01  # metres between a point and its vertex


def find_landmarks(vertices: np.ndarray, triangles: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Finds the vertex for every point of MediaPipe's mesh, from 68 that are known.

    The packaged mean face is laid on the mesh by a similarity over the 51 points inside the face, then bent so that
    these and the chin meet exactly (thin-plate spline). Each point takes the vertex that is nearest in place and normal
    together: place alone would confuse the upper with the lower lip of a closed mouth. The 51 keep their own vertices.

    Args:
        vertices: (V, 3) metres, x to the right of the picture, y up, z to the viewer; a neutral face.
        triangles: (F, 3), corners counter-clockwise seen from outside; vertices of no triangle are not chosen.
        keypoints: (68,) vertex numbers in the order of Multi-PIE.

    Returns:
        (468,) int64, -1 where no vertex is within 1 cm.
    """
    source = load_mp468().mean.numpy().astype(np.float64)
    inner, fixed = OF_68[_INNER], OF_68[[*_INNER, _CHIN]]
    scale, rotation, shift = align(source[inner], vertices[keypoints[_INNER]])
    laid = scale * source @ rotation.T + shift
    bend = RBFInterpolator(laid[fixed], vertices[keypoints[[*_INNER, _CHIN]]] - laid[fixed])
    laid += bend(laid)
    used = np.unique(triangles)
    places = np.hstack([vertices, _NORMAL * vertex_normals(vertices, triangles)])
    wanted = np.hstack([laid, _NORMAL * vertex_normals(laid, face_triangles())])
    nearest = used[cKDTree(places[used]).query(wanted)[1]]
    apart = np.linalg.norm(vertices[nearest] - laid, axis=1)
    landmarks = np.where(apart <= _FARTHEST, nearest, -1).astype(np.int64)
    landmarks[inner] = keypoints[_INNER]
    return landmarks


def centred(vertices: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Vertices (V, 3) with the origin of the head frame: the middle of the points of the skull, as far as known."""
    known = landmarks[named.RIGID]
    return vertices - vertices[known[known >= 0]].mean(axis=0)


def outward(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The triangles (F, 3), all turned over if most of the face looks away from the viewer (z)."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    facing = np.cross(b - a, c - a)[:, 2].sum() > 0
    return triangles if facing else np.ascontiguousarray(triangles[:, ::-1])
