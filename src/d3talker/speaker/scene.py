"""The camera and how head and torso move in front of it (docs/conventions.md)."""

from __future__ import annotations

import numpy as np

FOCAL = 2.2  # focal length over the picture's side
DISTANCE = 0.80  # metres from the camera to the head
HEAD_HEIGHT = 0.020  # metres: the head's origin above the middle of the picture
NECK = np.array([0.0, -0.095, -0.020])  # the point about which the head turns, head frame

TO_CAMERA = np.diag([1.0, -1.0, -1.0])  # room axes (y up, z to the viewer) to camera axes (y down, z forward)


def intrinsics(size: int) -> np.ndarray:
    """(3, 3), in pixels."""
    return np.array([[FOCAL * size, 0, size / 2], [0, FOCAL * size, size / 2], [0, 0, 1.0]])


def rotation(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """Roll, then pitch, then yaw, about x right, y up, z to the viewer; radians; (3, 3)."""
    (cp, cy, cr), (sp, sy, sr) = np.cos([pitch, yaw, roll]), np.sin([pitch, yaw, roll])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def pose(turn: np.ndarray, shift: np.ndarray, neck_share: float = 1.0) -> np.ndarray:
    """The motion of the head (``neck_share`` 1) or, with less of the turn and shift, of the torso, as (4, 4)."""
    turning = rotation(*(turn * neck_share))
    place = np.array([0, HEAD_HEIGHT, -DISTANCE]) + NECK - turning @ NECK + shift * (0.35 + 0.65 * neck_share)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = TO_CAMERA @ turning, TO_CAMERA @ place
    return matrix
