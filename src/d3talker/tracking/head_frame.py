"""The head frame: from landmarks without scale or direction to metres, x right, y up, z out of the face."""

from __future__ import annotations

import numpy as np

from d3talker.faces import points
from d3talker.faces.alignment import laid_on

IRIS_DIAMETER = 0.0117
"""Metres; the horizontal visible iris of adults, nearly the same in all (11.7 +- 0.5 mm, as MediaPipe Iris uses it)."""
LEAN = np.deg2rad(5.5)
"""How far the line from the base of the nose to the glabella leans back in MediaPipe's average face."""


def mean_face(landmarks: np.ndarray, rounds: int = 3) -> np.ndarray:
    """The median face of a clip in the head frame, its size from the eyes (generalised Procrustes).

    It takes the landmark network's depth as it is and knows nothing of perspective: the start of the camera solve.

    Args:
        landmarks: (T, 478, 3) pixels, z away from the camera.

    Returns:
        (478, 3) metres, the rigid points' middle at the origin.
    """
    faces = landmarks * np.array([1.0, -1.0, -1.0])
    mean = faces[len(faces) // 2]
    for _ in range(rounds):
        mean = np.median(laid_on(faces, mean, points.RIGID), axis=0)
    mean = (mean - mean[points.RIGID].mean(axis=0)) @ head_axes(mean).T
    return mean * eye_scale(mean)


def head_axes(face: np.ndarray) -> np.ndarray:
    """The axes of the head frame, found in a face that may be turned any way.

    x is the mean direction between mirrored points, the person's right to left, which is to the right of the picture;
    y goes from the base of the nose to the glabella, straightened by :data:`LEAN`; z completes them, out of the face.

    Args:
        face: (478, 3) right-handed, any unit.

    Returns:
        (3, 3), the axes in the rows: ``face @ axes.T`` is the face in the head frame.
    """
    right, left = points.MIRROR_PAIRS.T
    x = (face[left] - face[right]).mean(axis=0)
    x /= np.linalg.norm(x)
    up = face[points.GLABELLA] - face[points.NOSE_BASE]
    up = up - x * (x @ up)
    up /= np.linalg.norm(up)
    out = np.cross(x, up)
    y = np.cos(LEAN) * up + np.sin(LEAN) * out
    return np.stack([x, y, np.cross(x, y)])


def eye_scale(face: np.ndarray) -> float:
    """Metres per unit of a face (478, 3), from the distance between the outer corners of its eyes."""
    right, left = face[points.OUTER_EYE_CORNERS]
    return points.EYE_DISTANCE / float(np.linalg.norm(left - right))


def metric_scale(faces: np.ndarray) -> float:
    """Metres per unit of the faces of a clip, from the irises and the distance of the eyes.

    Each iris is measured across (lids hide its top); a gaze to the side makes it look narrower, hence the upper
    quartile over the frames. The two estimates are weighted by their spread among adults.

    Args:
        faces: (T, 478, 3), pose taken out.
    """
    irises = [
        np.linalg.norm(faces[:, ring[0], :2] - faces[:, ring[2], :2], axis=-1)
        for ring in (points.RIGHT_IRIS, points.LEFT_IRIS)
    ]
    by_iris = IRIS_DIAMETER / np.percentile(irises, 75)
    by_eyes = eye_scale(np.median(faces, axis=0))
    # 5 % for the eyes; 4 % for the iris among adults and about as much again for measuring it over some 15 pixels.
    return float(np.exp(np.average(np.log([by_iris, by_eyes]), weights=[1 / 0.06**2, 1 / 0.05**2])))
