"""Spoken text: samples and the times of its phones."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
import soxr

from d3talker.core.errors import D3Error
from d3talker.phonetics.classes import Parts, Phone, split_phone

RATE = 16_000
"""Samples a second."""
PEAK = 0.7
"""Largest sample of all synthesised speech."""
_ROUNDING = 0.005  # seconds at the end that need no phone of their own


@dataclass(frozen=True)
class Speech:
    """Sound and what is said in it."""

    samples: np.ndarray
    """(S,) float32 mono in [-1, 1]."""
    rate: int
    """Samples a second."""
    phones: list[Phone]
    """(class, start s, end s) in order, from 0 to the end of the sound without gaps. Where the name of a phone is in no
    map, its class is "": time without a label, which training has to leave out."""

    @property
    def seconds(self) -> float:
        """How long the sound lasts."""
        return len(self.samples) / self.rate


class Engine(Protocol):
    """A speech synthesiser that may be installed."""

    name: str

    def voices(self) -> tuple[str, ...]:
        """The voices that are installed, the best one first."""
        ...

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """Says a text; ``speed`` and ``pitch`` are factors of the voice's own.

        Raises:
            D3Error: no words, no such voice, or the program failed.
        """
        ...

    def missing(self) -> str | None:
        """None where the engine can be used, else what to do."""
        ...


Interval = tuple[str, float, float]
"""An engine's own phone name, start and end in seconds."""


def labelled(samples: np.ndarray, intervals: list[Interval], parts_of: Callable[[str], Parts]) -> Speech:
    """Sound with an engine's phones as classes.

    Args:
        samples: (S,) at 16 kHz.
        intervals: in order, without gaps, from 0; they are cut or filled up with silence at the end of the sound.
        parts_of: the classes of a phone's name, none where it is unknown.
    """
    seconds = len(samples) / RATE
    phones: list[Phone] = []
    for name, start, end in intervals:
        if min(end, seconds) > start:
            phones += split_phone(parts_of(name) or (("", 1.0),), start, min(end, seconds))
    name, start, end = phones.pop() if phones else ("sil", 0.0, 0.0)
    if name == "sil" or seconds - end < _ROUNDING:
        return Speech(samples, RATE, [*phones, (name, start, seconds)])
    return Speech(samples, RATE, [*phones, (name, start, end), ("sil", end, seconds)])


def require_words(text: str) -> None:
    """Makes sure that there is something to say.

    Raises:
        D3Error: the text has neither letters nor digits.
    """
    if not re.search(r"\w", text):
        raise D3Error("a text without words", "something to say", "Give a sentence.")


def run(command: list[str], engine: str) -> str:
    """What a program prints.

    Raises:
        D3Error: it failed.
    """
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise D3Error(f"{engine} failed: {said.splitlines()[0][:200]}", "speech", "Check the voice and the text.")
    return done.stdout.decode("utf-8", errors="replace")


def read_wave(wave: Path, engine: str) -> np.ndarray:
    """A file that an engine wrote, (S,) float32 at 16 kHz.

    Raises:
        D3Error: there is no sound in it.
    """
    try:
        samples, rate = soundfile.read(wave, dtype="float32")
    except (soundfile.LibsndfileError, OSError):
        samples, rate = np.zeros(0, np.float32), RATE
    return levelled(samples, rate, engine)


def levelled(samples: np.ndarray, rate: int, engine: str) -> np.ndarray:
    """Mono at 16 kHz with the usual peak.

    Raises:
        D3Error: nothing can be heard.
    """
    samples = samples if samples.ndim == 1 else samples.mean(axis=1)
    samples = samples if rate == RATE else soxr.resample(samples, rate, RATE)
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < 1e-4:
        raise D3Error(f"{engine} said nothing", "speech", "Give a text in the language of the voice.")
    return (samples * (PEAK / peak)).astype(np.float32)
