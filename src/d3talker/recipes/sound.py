"""Sound that drives a face: checked once from start to end, then read in pieces as often as needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from d3talker.core.progress import Progress
from d3talker.media.audio import SoundCheck, stream_audio
from d3talker.signals.speech import RATE


@dataclass(frozen=True)
class Heard:
    """What a first reading found."""

    samples: int
    """Length at 16 kHz."""
    peak: float
    """Largest value, in (0, 1]."""


def check_sound(audio: Path, progress: Progress) -> Heard:
    """Reads the sound once through and tells of its faults.

    Raises:
        D3Error: not a sound, silent, or shorter than 0.2 s.
    """
    check, peak = SoundCheck(RATE, audio.name), 0.0
    for piece in stream_audio(audio, RATE):
        peak = max(peak, float(np.abs(check.add(piece)).max(initial=0.0)))
    for warning in check.finish():
        progress.say(warning)
    return Heard(check.samples, peak)


def clean_sound(audio: Path, rate: int) -> Iterator[np.ndarray]:
    """The sound in pieces (S,) float32 in [-1, 1], values that are no numbers set to 0."""
    check = SoundCheck(rate, audio.name)
    return (check.add(piece) for piece in stream_audio(audio, rate))
