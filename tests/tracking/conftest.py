"""A synthetic face: landmarks on an ellipse of 140 x 190 pixels about (128, 100), in a picture of 256 x 256."""

import numpy as np
import pytest

from d3talker.faces.points import FACE_OVAL, INNER_LIPS


def synthetic_landmarks(opening: float = 8.0, centre=(128.0, 100.0)) -> np.ndarray:
    points = np.zeros((478, 3))
    # From the forehead (0) over the ear (8) and the jaw angle (11) to the chin (18), as on a real face.
    half = np.interp(np.arange(19), (0, 8, 11, 18), np.radians((0, 85, 121, 180)))
    angle = np.concatenate([half, -half[-2:0:-1]])
    points[FACE_OVAL, 0], points[FACE_OVAL, 1] = 70 * np.sin(angle), -95 * np.cos(angle)
    ring = np.pi - 2 * np.pi * np.arange(20) / 20  # from the mouth corner (78) along the lower lip
    points[INNER_LIPS, 0], points[INNER_LIPS, 1] = 20 * np.cos(ring), 45 + opening / 2 * np.sin(ring)
    right = {
        **{107: (-12, -32), 66: (-20, -36), 105: (-30, -38), 63: (-40, -36), 70: (-50, -30)},  # brow
        **{143: (-60, -15), 116: (-58, 0), 123: (-52, 25)},  # temple and cheek
        **{108: (-10, -60), 69: (-30, -60), 50: (-35, 15), 101: (-25, 10)},  # skin
    }
    left = dict(zip(right, (336, 296, 334, 293, 300, 372, 345, 352, 337, 299, 280, 330), strict=True))
    for number, (x, y) in right.items():
        points[number, :2], points[left[number], :2] = (x, y), (-x, y)
    for number, y in {151: -55, 9: -38, 8: -28, 4: 15}.items():
        points[number, 1] = y
    points[:, :2] += centre
    return points


@pytest.fixture
def layout():
    return synthetic_landmarks
