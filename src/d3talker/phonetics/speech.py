"""Spoken text: samples and the times of its phones."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Speech:
    """Sound and what is said in it."""

    samples: np.ndarray
    """(S,) float32 mono in [-1, 1]."""
    rate: int
    """Samples a second."""
    phones: list[Phone]
    """(class, start s, end s) in order, without overlap; the class is empty where the phone's name is not known."""

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
            D3Error: no such voice, or the program failed.
        """
        ...

    def missing(self) -> str | None:
        """None where the engine can be used, else what to do."""
        ...


Interval = tuple[str, float, float]
"""An engine's own phone name, start and end in seconds."""


def classify(intervals: list[Interval], parts_of: Callable[[str], Parts]) -> list[Phone]:
    """An engine's phones as classes; unknown names become phones of class ""."""
    phones: list[Phone] = []
    for name, start, end in intervals:
        if end > start:
            phones += split_phone(parts_of(name) or (("", 1.0),), start, end)
    return phones


def run(command: list[str], engine: str, **options) -> str:
    """What a program prints.

    Raises:
        D3Error: it failed.
    """
    done = subprocess.run(command, capture_output=True, check=False, **options)
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
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < 1e-4:
        raise D3Error(f"{engine} said nothing", "speech", "Give a text in the language of the voice.")
    samples = samples if rate == RATE else soxr.resample(samples, rate, RATE)
    return np.clip(samples * (PEAK / peak), -1, 1).astype(np.float32)
