"""Whether rendered lips meet when the speech wants them to, beside those of the real speaker."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from d3talker.metrics.closure import met, runs
from d3talker.signals.motion_features import phone_shares, stream_features
from d3talker.signals.motion_style import closing
from d3talker.signals.phone29 import Phone29

SHUT = 0.02
"""Parts of the eye distance between the inner lips below which a mouth counts as shut, some 2 mm."""


class Closings(NamedTuple):
    """When a mouth must be shut, as the speech tells."""

    bilabials: list[tuple[int, int]]
    """First frame and the one after the last of every p, b or m."""
    pauses: np.ndarray
    """(T,) bool, inside of silence of 200 ms and more."""


def closings(sound: np.ndarray, count: int) -> Closings:
    """Hears where lips must meet.

    Args:
        sound: (N,) at 16 kHz.
        count: frames at 25 a second that the sound goes with.
    """
    rows = np.concatenate(list(stream_features(Phone29(), lambda: iter([sound]))))
    bilabial, quiet = (firm[:count] for firm in closing(phone_shares(rows).reshape(len(rows) // 2, 2, -1)))
    return Closings(runs(bilabial > 0.5), quiet > 0.5)


def closure_numbers(told: Closings, predicted: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """How often the lips meet on p, b and m, within two frames, and how far apart they are in pauses.

    Args:
        told: when they must.
        predicted: (T,) opening of the rendered lips, parts of the eye distance; nan where no face was found.
        truth: the same of the real speaker, who does not always shut the mouth either.

    Returns:
        The numbers; None where the speech has no such moment.
    """
    quiet = told.pauses & np.isfinite(predicted) & np.isfinite(truth)
    said, paused = len(told.bilabials) > 0, bool(quiet.any())
    return {
        "bilabials": len(told.bilabials),
        "shut_on_bilabials": met(told.bilabials, predicted < SHUT) if said else None,
        "shut_on_bilabials_in_truth": met(told.bilabials, truth < SHUT) if said else None,
        "pause_frames": int(quiet.sum()),
        "opening_in_pauses": float(predicted[quiet].mean()) if paused else None,
        "opening_in_pauses_in_truth": float(truth[quiet].mean()) if paused else None,
    }
