"""Lips, lids and brows as numbers: from the face of every frame in the head frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from d3talker.faces import points
from d3talker.faces.openface import read_units

NAMES = ("brow raise", "brow lower", "lid wide", "squint", "lid tight", "blink")
"""The six numbers of an expression, after the action units 1, 4, 5, 6, 7 and 45."""

_ACTION_UNITS = ("AU01_r", "AU04_r", "AU05_r", "AU06_r", "AU07_r", "AU45_r")
_INNER_BROWS = np.array([107, 66, 55, 65, 336, 296, 285, 295])
_EYE_CORNERS = np.array([33, 133, 263, 362])
_CHEEKS = np.array([50, 280, 101, 330])
_BROW_ENDS = (55, 285)


@dataclass(frozen=True)
class Expression:
    """What lips, lids and brows do in every frame."""

    values: np.ndarray
    """(T, 6) float32 in [0, 1], in the order of :data:`NAMES`."""
    blink: np.ndarray
    """(T,) float32: 0 open, 1 closed; the last column of ``values`` unless that came from a file."""
    lip_opening: np.ndarray
    """(T,) float32 metres between the inner lips, 0 when they touch."""
    lip_width: np.ndarray
    """(T,) float32 metres between the corners of the mouth."""


def measure_expression(face_points: np.ndarray) -> Expression:
    """Measures the face of every frame; only lengths in the head frame count, so the pose has no say.

    Upper-face values are scaled by the person's own range: 0 at the median frame, 1 at the 99th percentile, unless that
    range is too small to be more than noise.

    Args:
        face_points: (T, 478, 3) metres, head frame.
    """
    height = face_points[..., 1]
    eyes = height[:, _EYE_CORNERS].mean(axis=1)
    brows = height[:, _INNER_BROWS].mean(axis=1) - eyes
    brow_gap = _distance(face_points, *_BROW_ENDS)
    lower_lids = height[:, [*points.RIGHT_LOWER_LID, *points.LEFT_LOWER_LID]].mean(axis=1)
    cheeks = height[:, _CHEEKS].mean(axis=1)
    lids = lid_gap(face_points)
    blink = blink_of(lids)
    values = [
        activation(brows, 0.002),
        activation(-brows - brow_gap, 0.002),
        activation(lids, 0.001),
        activation(cheeks - lower_lids, 0.002),
        activation(lower_lids - eyes, 0.001),
        blink,
    ]
    return Expression(
        values=np.stack(values, axis=1).astype(np.float32),
        blink=blink.astype(np.float32),
        lip_opening=lip_opening(face_points).astype(np.float32),
        lip_width=_distance(face_points, *points.MOUTH_CORNERS).astype(np.float32),
    )


def lip_opening(face_points: np.ndarray) -> np.ndarray:
    """Metres between the inner lips (T,), 0 when closed.

    The mean height of three pairs about the middle. Closed lips leave a gap of 0.3 to 1 mm in MediaPipe's points; the
    gap of the most closed frames (2nd percentile, never more than 2 mm) is taken off.
    """
    upper = face_points[:, points.UPPER_INNER_LIP, 1].mean(axis=1)
    lower = face_points[:, points.LOWER_INNER_LIP, 1].mean(axis=1)
    gap = upper - lower
    closed = min(float(np.percentile(gap, 2)), 0.002)
    return np.maximum(gap - closed, 0.0)


def lid_gap(face_points: np.ndarray) -> np.ndarray:
    """Metres between upper and lower lid (T,), the mean of both eyes."""
    eyes = (
        (points.RIGHT_UPPER_LID, points.RIGHT_LOWER_LID),
        (points.LEFT_UPPER_LID, points.LEFT_LOWER_LID),
    )
    return np.mean([_distance(face_points, upper, lower).mean(axis=1) for upper, lower in eyes], axis=0)


def blink_of(lids: np.ndarray) -> np.ndarray:
    """Blink (T,) in [0, 1] from the gap between the lids (T,).

    Open is the person's median gap. Closed is the smallest gap of the clip, but never more than 45 % of the open one: a
    person who does not blink in a short clip must not seem to.
    """
    opened = float(np.median(lids))
    closed = min(float(np.percentile(lids, 0.5)), 0.45 * opened)
    return np.clip((opened - lids) / max(opened - closed, 1e-6), 0.0, 1.0)


def activation(signal: np.ndarray, least_range: float) -> np.ndarray:
    """Scales a signal (T,) by the person's own range: 0 at or below its median, 1 at its 99th percentile.

    Args:
        signal: any unit.
        least_range: a smaller range than this (same unit) counts as this, so that noise is not blown up.
    """
    rest = float(np.median(signal))
    span = max(float(np.percentile(signal, 99)) - rest, least_range)
    return np.clip((signal - rest) / span, 0.0, 1.0)


def read_action_units(path: Path, frames: int) -> np.ndarray:
    """Reads an expression from OpenFace's ``au.csv`` in place of our own.

    Intensities of the units 1, 4, 5, 6 and 7 (0 to 5) are scaled by the person's 99th percentile (at least 1), 45 is
    blink, full at 2.

    Args:
        path: the file; its column names may have leading spaces.
        frames: rows that it must have, one a frame of the video at 25 frames a second.

    Returns:
        (frames, 6) float32 in [0, 1].

    Raises:
        D3Error: no such file, missing columns, values that are no numbers, or another number of rows.
    """
    units = read_units(path, _ACTION_UNITS, frames)
    full = np.maximum(np.percentile(units, 99, axis=0), 1.0)
    full[-1] = 2.0
    return np.clip(units / full, 0.0, 1.0).astype(np.float32)


def _distance(face_points: np.ndarray, one: int | np.ndarray, other: int | np.ndarray) -> np.ndarray:
    return np.linalg.norm(face_points[:, one] - face_points[:, other], axis=-1)
