"""flite: recorded English voices, small and fast."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.phonetics.classes import ARPABET
from d3talker.phonetics.speech import Interval, Speech, labelled, read_wave, require_words, run


class Flite:
    """See :class:`~d3talker.phonetics.speech.Engine`."""

    name = "flite"

    def missing(self) -> str | None:
        """See the protocol."""
        return None if shutil.which("flite") else "apt-get install flite"

    def voices(self) -> tuple[str, ...]:
        """See the protocol."""
        return ("slt", "rms", "awb", "kal16", "kal")

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """See the protocol; rms keeps its pitch."""
        require_words(text)
        if voice not in self.voices():
            raise D3Error(f"flite has no voice {voice!r}", ", ".join(self.voices()), "Choose one of them.")
        with tempfile.TemporaryDirectory() as folder:
            wave = Path(folder) / "speech.wav"
            manner = ["--setf", f"duration_stretch={1 / speed:.3f}", "--setf", f"f0_shift={pitch:.3f}"]
            told = run(["flite", "-voice", voice, *manner, "-psdur", "-t", text, str(wave)], self.name)
            samples = read_wave(wave, self.name)
        intervals: list[Interval] = []
        start = 0.0
        for word in told.split():
            name, _, end = word.rpartition(":")
            intervals.append((name, start, float(end)))
            start = float(end)
        return labelled(samples, intervals, lambda name: ARPABET.get(name, ()))
