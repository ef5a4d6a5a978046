"""Whether rendered lips meet and rest when the speech wants them to, beside those of the real speaker."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.metrics.closure import met, runs
from d3talker.phonetics.alignment import align
from d3talker.phonetics.classes import BILABIALS, CLASSES
from d3talker.signals.motion_features import phone_shares, stream_features
from d3talker.signals.motion_style import closing
from d3talker.signals.phone29 import Phone29

SHUT = 0.02
"""Parts of the eye distance between the inner lips below which a mouth counts as shut, some 2 mm."""
_PAUSE = 0.2  # seconds of silence in which a mouth comes to rest


class Closings(NamedTuple):
    """When a mouth must be shut, as the speech tells."""

    bilabials: list[tuple[int, int]]
    """First frame and the one after the last of every p, b or m."""
    pauses: np.ndarray
    """(T,) bool, inside of silence of 200 ms and more."""


def closings(sound: np.ndarray, count: int, heard: str = "phones") -> Closings:
    """Hears where lips must meet and where they rest.

    Args:
        sound: (N,) at 16 kHz.
        count: frames at 25 a second that the sound goes with.
        heard: ``phones``, by the built-in encoder, whatever the language; ``english``, words that pocketsphinx
            recognises and aligns; or a text file of what is said in English, which it aligns.

    Raises:
        D3Error: no pocketsphinx, no such file, or its words do not fit the sound.
    """
    if heard == "phones":
        rows = np.concatenate(list(stream_features(Phone29(), lambda: iter([sound]))))
        bilabial, quiet = (firm[:count] for firm in closing(phone_shares(rows).reshape(len(rows) // 2, 2, -1)))
        return Closings(runs(bilabial > 0.5), quiet > 0.5)
    phones = align(sound, None if heard == "english" else _transcript(Path(heard)))
    if not phones:
        raise D3Error(
            f"pocketsphinx finds no words of {heard} in the sound", "English speech", "Give --closures phones."
        )
    lips = {CLASSES[place] for place in BILABIALS}
    said = [(int(25 * start), int(np.ceil(25 * end))) for name, start, end in phones if name in lips]
    pauses = np.zeros(count, bool)
    for name, start, end in phones:
        if name == "sil" and end - start >= _PAUSE:
            pauses[int(25 * start) + 2 : max(0, int(25 * end) - 1)] = True
    return Closings([(first, min(end, count)) for first, end in said if first < count], pauses)


def since(told: Closings, first: int) -> Closings:
    """What is left from frame ``first`` on, counted from there."""
    bilabials = [(start - first, end - first) for start, end in told.bilabials if start >= first]
    return Closings(bilabials, told.pauses[first:])


def _transcript(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise D3Error(
            f"--closures {path} is no text file", "phones, english, or a text file of the words said", "Check the path."
        ) from None


def closure_numbers(told: Closings, predicted: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """How often the lips meet on p, b and m, within two frames, how far apart they are in pauses, and how still.

    Args:
        told: when they must.
        predicted: (T,) opening of the rendered lips, parts of the eye distance; nan where no face was found.
        truth: the same of the real speaker, who does not always shut the mouth either.

    Returns:
        The numbers; None where the speech has no such moment.
    """
    quiet = told.pauses & np.isfinite(predicted) & np.isfinite(truth)
    still = quiet[1:] & quiet[:-1]
    said, paused = len(told.bilabials) > 0, bool(still.any())
    return {
        "bilabials": len(told.bilabials),
        "shut_on_bilabials": met(told.bilabials, predicted < SHUT) if said else None,
        "shut_on_bilabials_in_truth": met(told.bilabials, truth < SHUT) if said else None,
        "pause_frames": int(quiet.sum()),
        "opening_in_pauses": float(predicted[quiet].mean()) if paused else None,
        "opening_in_pauses_in_truth": float(truth[quiet].mean()) if paused else None,
        "movement_in_pauses": float(np.abs(np.diff(predicted))[still].mean()) if paused else None,
        "movement_in_pauses_in_truth": float(np.abs(np.diff(truth))[still].mean()) if paused else None,
    }
