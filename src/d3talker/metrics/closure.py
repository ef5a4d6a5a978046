"""Whether the lips meet when they should."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SHUT = 0.0015
"""Metres between the inner lips below which a mouth counts as shut."""
WITHIN = 2
"""Frames by which a closure may come early or late."""


class Closure(NamedTuple):
    """How well the closures of a prediction meet those of the truth.

    Attributes:
        moments: how often the true mouth shuts (runs of shut frames).
        recall: share of these in which the predicted mouth is shut too; nan for no moment.
        precision: share of the predicted moments in which the true mouth is shut too; nan for no moment.
    """

    moments: int
    recall: float
    precision: float


def closure(prediction: np.ndarray, truth: np.ndarray, shut: float = SHUT, within: int = WITHIN) -> Closure:
    """Compares the moments at which two mouths are shut.

    Args:
        prediction: (T,) lip opening in metres.
        truth: (T,) the same of the truth.
        shut: opening below which a mouth is shut, metres.
        within: frames around a moment in which the other mouth may be shut.

    Raises:
        ValueError: the curves differ in length.
    """
    if len(prediction) != len(truth):
        raise ValueError(f"curves of {len(prediction)} and {len(truth)} frames")
    predicted, true = prediction < shut, truth < shut
    moments = runs(true)
    return Closure(len(moments), met(moments, predicted, within), met(runs(predicted), true, within))


def runs(shut: np.ndarray) -> list[tuple[int, int]]:
    """First frame and the frame after the last of every run of True in (T,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shut, [False]]).astype(np.int8)))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def met(moments: list[tuple[int, int]], shut: np.ndarray, within: int = WITHIN) -> float:
    """The share of moments at which a mouth is shut (T,), give or take so many frames; nan for no moment."""
    found = [bool(shut[max(0, first - within) : end + within].any()) for first, end in moments]
    return float(np.mean(found)) if found else float("nan")
