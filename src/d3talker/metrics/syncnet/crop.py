"""The pictures that SyncNet looks at: a square about the face, lower than it, 2.8 times half its box."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image
from scipy.ndimage import median_filter

from d3talker.metrics.syncnet.network import SIDE

_FRAMES = 13  # of the median
_MARGIN = 0.4  # of half a box
_GREY = 110


def face_boxes(points: np.ndarray) -> np.ndarray:
    """Boxes about MediaPipe's face points, in the place of S3FD's detections.

    The box of the points reaches from the hairline to the chin and from ear to ear, as a detector's does; where it
    differs, Sync-C does too, so a table names the crop beside the score.

    Args:
        points: (T, 468 or 478, 2 or 3) pixels; nan for a frame without a face, whose box lies between the next ones.

    Returns:
        (T, 4): left, top, right, bottom, pixels.

    Raises:
        ValueError: no frame has a face.
    """
    flat = points[:, :468, :2]
    boxes = np.concatenate([flat.min(axis=1), flat.max(axis=1)], axis=1).astype(np.float64)
    seen = np.flatnonzero(np.isfinite(boxes).all(axis=1))
    if not len(seen):
        raise ValueError("no face in any frame")
    at = np.arange(len(boxes))
    return np.stack([np.interp(at, seen, boxes[seen, side]) for side in range(4)], axis=1)


def sync_crops(frames: Iterable[np.ndarray], boxes: np.ndarray) -> Iterator[np.ndarray]:
    """Cuts the face out of every frame as the published procedure does.

    With ``s`` half the longer side of a box, rows ``y - s`` to ``y + 1.8 s`` and columns ``x - 1.4 s`` to ``x + 1.4 s``
    about its centre, all three a median over 13 frames; grey beyond the frame.

    Args:
        frames: (H, W, 3) uint8.
        boxes: (T, 4) left, top, right, bottom, pixels, one for each frame.

    Yields:
        (224, 224, 3) uint8.
    """
    left, top, right, bottom = boxes.T
    raw = ((left + right) / 2, (top + bottom) / 2, np.maximum(right - left, bottom - top) / 2)
    centre_x, centre_y, half = (median_filter(values, _FRAMES, mode="nearest") for values in raw)
    for frame, x, y, s in zip(frames, centre_x, centre_y, half, strict=True):
        wide = s * (1 + _MARGIN)
        yield _cut(frame, x - wide, y - s, x + wide, y + s * (1 + 2 * _MARGIN))


def _cut(frame: np.ndarray, left: float, top: float, right: float, bottom: float) -> np.ndarray:
    x0, y0, x1, y1 = (int(value) for value in np.floor([left, top, right, bottom]))
    height, width = frame.shape[:2]
    out = np.full((max(1, y1 - y0), max(1, x1 - x0), 3), _GREY, np.uint8)
    inside = frame[max(0, y0) : min(height, y1), max(0, x0) : min(width, x1)]
    out[max(0, -y0) : max(0, -y0) + inside.shape[0], max(0, -x0) : max(0, -x0) + inside.shape[1]] = inside
    return np.asarray(Image.fromarray(out).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
