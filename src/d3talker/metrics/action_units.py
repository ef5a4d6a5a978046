"""AUE: how far the expression is from the truth, below and above the nose (spec 2, section 6)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from d3talker.faces import points
from d3talker.faces.openface import read_units

LOWER = tuple(f"AU{unit:02d}_r" for unit in (10, 12, 14, 15, 17, 20, 23, 25, 26))
"""Columns of OpenFace that make AUE-L."""
UPPER = tuple(f"AU{unit:02d}_r" for unit in (1, 2, 4, 5, 6, 7, 9, 45))
"""Columns of OpenFace that make AUE-U."""
_NOSE = points.NOSE_BASE
_RIGHT_CORNER, _LEFT_CORNER = points.MOUTH_CORNERS
_SCALES = {
    "lower": (
        ((82, 87), (13, 14), (312, 317)),  # inner lips
        ((_RIGHT_CORNER, _LEFT_CORNER),),
        ((_NOSE, _RIGHT_CORNER), (_NOSE, _LEFT_CORNER)),
        ((_NOSE, 0),),  # middle of the upper lip's edge
        ((_NOSE, 17),),  # and of the lower lip's
        ((_NOSE, points.CHIN),),
    ),
    "upper": (
        ((55, 133), (107, 133), (285, 362), (336, 362)),  # inner brows, inner eye corners
        ((55, 285),),
        ((160, 144), (159, 145), (158, 153), (387, 373), (386, 374), (385, 380)),  # lids
        ((50, 145), (280, 374)),  # cheeks, lower lids
    ),
}
"""Pairs of points whose mean distance makes a scale."""


class ActionUnitError(NamedTuple):
    """Sums over the units of the mean squared difference; 0 is the truth itself."""

    lower: float
    upper: float


def openface_error(prediction: Path, truth: Path) -> ActionUnitError:
    """AUE-L and AUE-U as published, from OpenFace's tables of two videos.

    Frames stand against each other from the first on; where one video is longer, its rest does not count.

    Raises:
        D3Error: a table cannot be read.
    """
    told, wanted = (read_units(path, LOWER + UPPER) for path in (prediction, truth))
    frames = min(len(told), len(wanted))
    errors = ((told[:frames] - wanted[:frames]) ** 2).mean(axis=0)
    return ActionUnitError(float(errors[: len(LOWER)].sum()), float(errors[len(LOWER) :].sum()))


def scale_error(prediction: np.ndarray, truth: np.ndarray) -> ActionUnitError:
    """AUE-mp: the same sums over :func:`expression_scales`, each in parts of its range in the truth.

    Its numbers do not compare with those of OpenFace, whose units are others.

    Args:
        prediction: (T, 478, 2 or 3) tracked points.
        truth: of as many frames.

    Returns:
        nan for no frames.
    """
    if not len(truth):
        return ActionUnitError(float("nan"), float("nan"))
    told, wanted = expression_scales(prediction), expression_scales(truth)
    sums = []
    for group in ("lower", "upper"):
        low, high = np.percentile(wanted[group], (1, 99), axis=0)
        parts = (told[group] - wanted[group]) / np.maximum(high - low, 0.01)
        sums.append(float((parts**2).mean(axis=0).sum()))
    return ActionUnitError(*sums)


def expression_scales(face: np.ndarray) -> dict[str, np.ndarray]:
    """What a face does, in lengths that stay as they are where the picture turns, shifts or grows.

    Args:
        face: (T, 478, 2 or 3) points; x and y count.

    Returns:
        ``lower`` (T, 6): lips apart, mouth wide, corners low, upper lip low, lower lip low, jaw low. ``upper`` (T, 4):
        brows high, brows apart, lids apart, cheeks low. In parts of the distance of the outer eye corners.
    """
    flat = face[..., :2].astype(np.float64)
    size = _apart(flat, (tuple(points.OUTER_EYE_CORNERS),))
    return {group: np.stack([_apart(flat, p) / size for p in pairs], axis=1) for group, pairs in _SCALES.items()}


def _apart(flat: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """Mean distance (T,) of pairs of points."""
    one, other = np.array(pairs).T
    return np.linalg.norm(flat[:, one] - flat[:, other], axis=-1).mean(axis=1)
