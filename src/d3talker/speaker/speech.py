"""Speech with exact phone times: shipped recordings, or any text through a synthesiser that is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import soundfile
import soxr

from d3talker.core.errors import D3Error
from d3talker.speaker.visemes import ARPABET, IPA, VISEMES, Phone, split_phone

RATE = 16_000
RECORDINGS = ("training", "driving")


@dataclass(frozen=True)
class Speech:
    """Sound and what is said in it.

    Attributes:
        samples: (S,) float32 mono in [-1, 1].
        rate: samples a second.
        phones: (class, start s, end s) in order, without overlap; see ``visemes``.
    """

    samples: np.ndarray
    rate: int
    phones: list[Phone]

    @property
    def seconds(self) -> float:
        """How long the sound lasts."""
        return len(self.samples) / self.rate


def built_in_speech(name: str = "training") -> Speech:
    """Loads a shipped recording: ``training`` (about 14 s) or ``driving`` (about 6 s, other words, another voice).

    Raises:
        D3Error: an unknown name.
    """
    if name not in RECORDINGS:
        raise D3Error(f"no recording called {name!r}", " or ".join(RECORDINGS), "Choose one of these.")
    folder = resources.files("d3talker.assets") / "speech"
    with (folder / f"{name}.flac").open("rb") as file:
        samples, rate = soundfile.read(file, dtype="float32")
    content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Speech(samples, rate, [(str(p), float(start), float(end)) for p, start, end in content["phones"]])


def synthesise(text: str, voice: str | None = None) -> Speech:
    """Says a text with flite (exact phone times) or, where flite is missing, with espeak-ng (times estimated).

    Args:
        text: English words.
        voice: a voice of the synthesiser; None takes ``slt`` of flite, ``en-us`` of espeak-ng.

    Raises:
        D3Error: no words, no synthesiser, or it failed.
    """
    if not re.search(r"\w", text):
        raise D3Error("a text without words", "something to say", "Give a sentence.")
    flite, espeak = shutil.which("flite"), shutil.which("espeak-ng")
    if flite:
        return _flite(flite, text, voice or "slt")
    if espeak:
        return _espeak(espeak, text, voice or "en-us")
    raise D3Error(
        "neither flite nor espeak-ng is installed", "a speech synthesiser", "Run: apt install flite (or espeak-ng)."
    )


def _flite(program: str, text: str, voice: str) -> Speech:
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "speech.wav"
        told = _run([program, "-voice", voice, "-psdur", "-t", text, str(wave)])
        samples = _read(wave)
    phones: list[Phone] = []
    start = 0.0
    for word in told.split():
        name, _, end = word.rpartition(":")
        if name in ARPABET:
            phones += split_phone(ARPABET[name], start, float(end))
            start = float(end)
    return Speech(samples, RATE, phones)


def _espeak(program: str, text: str, voice: str) -> Speech:
    with tempfile.TemporaryDirectory() as folder:
        wave = Path(folder) / "speech.wav"
        _run([program, "-v", voice, "-w", str(wave), "--", text])
        samples = _read(wave)
    told = _run([program, "-q", "-v", voice, "--ipa", "--", text])
    return Speech(samples, RATE, _spread(told, samples))


def _spread(ipa: str, samples: np.ndarray) -> list[Phone]:
    """Shares the sounding part of each line (a clause) among its phones, vowels longer than consonants."""
    loud = np.abs(samples) > 0.01 * np.abs(samples).max()
    sounding = np.flatnonzero(loud)
    start, end = sounding[0] / RATE, sounding[-1] / RATE
    names = sorted(IPA, key=len, reverse=True)
    parts: list[tuple[str, float]] = []
    for found in re.findall("|".join(map(re.escape, names)) + r"|\n", ipa.strip()):
        parts += [("sil", 2.5)] if found == "\n" else [(name, share * _typical(name)) for name, share in IPA[found]]
    return [("sil", 0.0, start), *split_phone(tuple(parts), start, end), ("sil", end, len(samples) / RATE)]


def _typical(name: str) -> float:
    """Relative length of a class: open vowels last longest."""
    return 0.7 + 6.0 * VISEMES[name].jaw


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[0]
        raise D3Error(f"{Path(command[0]).name} failed: {said}", "speech", "Check the voice's name.")
    return done.stdout


def _read(wave: Path) -> np.ndarray:
    samples, rate = soundfile.read(wave, dtype="float32")
    samples = samples if samples.ndim == 1 else samples.mean(1)
    samples = samples if rate == RATE else soxr.resample(samples, rate, RATE)
    return np.clip(samples * (0.7 / max(float(np.abs(samples).max()), 1e-3)), -1, 1).astype(np.float32)
