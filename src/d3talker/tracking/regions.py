"""Regions of the picture that follow from the face landmarks alone.

All curves come from landmarks, never from colours, so that a border moves only when the face does.
"""

from __future__ import annotations

import numpy as np

from d3talker.faces.points import CHIN, FACE_OVAL, FOREHEAD, INNER_LIPS

JAW = (58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288)
"""The lower outline from the jaw angle at the picture's left to the one at its right."""

HAIRLINE_ZONE = (132, 123, 116, 143, 70, 63, 105, 66, 107, 336, 296, 334, 293, 300, 372, 345, 352, 361)
"""From the picture's left: up beside the cheek, over the brows, down again; hair may cover what lies outside."""

_BROWS = slice(4, 14)  # of HAIRLINE_ZONE

_CLOSED_SHARE = 0.008  # of the face height: lips nearer than this are closed, the landmarks' noise is about 0.005
_CHIN_SHARE = 0.3  # the chin lies this share of the way forehead-to-jaw-angle below the jaw angle (mouth closed)
_BESIDE_SHARE = 0.03  # of the face width: how far the neck reaches beyond the jaw angle
_LIFT_SHARE = 0.06  # of the face height: the brows end this much above their landmarks
_FLARE = 0.35  # pixels a row: hair beside the neck widens at most this fast, shoulders widen faster
_REACH_SHARE = 0.75  # of brow-to-oval-top: the forehead ends at most this much above the oval's top


def fill_polygon(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Fills a polygon by the even-odd rule; a pixel is inside when its centre (x + 0.5, y + 0.5) is.

    Args:
        points: (P, 2) corners, x and y in pixels, in order; parts outside the picture are cut off.

    Returns:
        (H, W) bool.
    """
    filled = np.zeros((height, width), dtype=bool)
    start = np.asarray(points, dtype=np.float64)
    end = np.roll(start, -1, axis=0)
    top = max(0, int(np.floor(start[:, 1].min())))
    bottom = min(height, int(np.ceil(start[:, 1].max())))
    if bottom <= top:
        return filled
    centres = np.arange(top, bottom)[:, None] + 0.5
    row, edge = np.nonzero((start[:, 1] <= centres) != (end[:, 1] <= centres))
    a, b = start[edge], end[edge]
    x = a[:, 0] + (row + top + 0.5 - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(
        np.int64
    )  # the first pixel whose centre is not left of the edge
    toggles = np.zeros((bottom - top, width + 1), dtype=np.uint8)
    np.add.at(toggles, (row, column), 1)
    filled[top:bottom] = np.bitwise_xor.accumulate(toggles & 1, axis=1)[:, :width]
    return filled


def face_height(landmarks: np.ndarray) -> float:
    """Distance in pixels from the top of the forehead (10) to the chin (152)."""
    return float(np.linalg.norm(landmarks[FOREHEAD, :2] - landmarks[CHIN, :2]))


def inside_mouth(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """The opening between the inner lip borders, (H, W) bool; empty when the lips are closed.

    Args:
        landmarks: (478, 2 or 3) pixels.
    """
    if np.linalg.norm(landmarks[13, :2] - landmarks[14, :2]) < _CLOSED_SHARE * face_height(landmarks):
        return np.zeros((height, width), dtype=bool)
    return fill_polygon(landmarks[INNER_LIPS, :2], height, width)


def face_oval(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """The face inside MediaPipe's outline, (H, W) bool.

    Args:
        landmarks: (478, 2 or 3) pixels.
    """
    return fill_polygon(landmarks[FACE_OVAL, :2], height, width)


def torso_region(person: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Everything that is torso if it is person: below the jaw line, and at its sides below the chin.

    The border follows the jaw between the jaw angles, falls straight down beside the neck and runs level at the height
    of the resting chin, so that hair beside the neck belongs to the head above the chin and to the torso below it. The
    height of the resting chin comes from the forehead and the jaw angles: it stays when the mouth opens. Shoulders
    above the chin are known by the outline of the person: they widen downwards faster than hair does.

    Args:
        person: (H, W) bool.
        landmarks: (478, 2 or 3) pixels.

    Returns:
        (H, W) bool.
    """
    height, width = person.shape
    jaw = landmarks[list(JAW), :2].astype(np.float64)
    angles_y = 0.5 * (jaw[0, 1] + jaw[-1, 1])
    chin = angles_y + _CHIN_SHARE * (angles_y - landmarks[FOREHEAD, 1])
    beside = _BESIDE_SHARE * abs(landmarks[454, 0] - landmarks[234, 0])
    left, right = jaw[0, 0] - beside, jaw[-1, 0] + beside
    left_chin, right_chin = max(chin, jaw[0, 1]), max(chin, jaw[-1, 1])  # with the head rolled, one angle may lie lower
    far_left, far_right, bottom = -1.0, width + 1.0, height + 1.0 + max(0.0, chin)
    corners = [(far_left, bottom), (far_left, left_chin), (left, left_chin), (left, jaw[0, 1]), *jaw]
    corners += [(right, jaw[-1, 1]), (right, right_chin), (far_right, right_chin), (far_right, bottom)]
    region = fill_polygon(np.array(corners), height, width)
    _add_shoulder(region, person, left, landmarks[132, 1], left_chin)
    _add_shoulder(region[:, ::-1], person[:, ::-1], width - right, landmarks[361, 1], right_chin)
    return region


def _add_shoulder(region: np.ndarray, person: np.ndarray, neck: float, ear: float, chin: float) -> None:
    """Marks what lies outside the hair, left of the column ``neck`` and between the rows ``ear`` and ``chin``."""
    height, width = person.shape
    top, bottom = (int(np.clip(round(row), 0, height)) for row in (ear, chin))
    columns = int(np.clip(round(neck), 0, width))
    if bottom <= top or columns == 0:
        return
    beside = person[top:bottom, :columns]
    outline = np.where(beside.any(axis=1), beside.argmax(axis=1), columns)
    limit = float(outline[0])
    for row, edge in enumerate(outline, start=top):
        limit = max(float(edge), limit - _FLARE) if limit < columns else limit  # at the neck the hair has ended
        region[row, : int(limit)] = True


def hairline_zone(landmarks: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Where hair and the skin of the face may meet.

    Args:
        landmarks: (478, 2 or 3) pixels.

    Returns:
        Two (H, W) bool pictures: everything above the brows and outside the cheeks, and the farthest the face may reach
        (the outline of the face, its part above the brows stretched upwards).
    """
    points = landmarks[:, :2].astype(np.float64)
    tall = max(face_height(landmarks), 1e-6)
    down = (points[CHIN] - points[FOREHEAD]) / tall
    across = np.array([down[1], -down[0]])
    line = points[list(HAIRLINE_ZONE)]
    line[_BROWS] -= _LIFT_SHARE * tall * down
    far = 2.0 * (height + width)
    left, right = line[0] - far * across, line[-1] + far * across
    zone = fill_polygon(np.array([left, *line, right, right - far * down, left - far * down]), height, width)
    oval = points[FACE_OVAL]
    over_brows = np.maximum(0.0, (line[_BROWS].mean(axis=0) - oval) @ down)
    reach = fill_polygon(oval - _REACH_SHARE * over_brows[:, None] * down, height, width)
    return zone, reach
