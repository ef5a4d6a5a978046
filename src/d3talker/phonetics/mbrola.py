"""mbrola: recorded diphones of many languages; espeak-ng reads the text, mbrola keeps its times to the millisecond."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.phonetics.speech import RATE, Interval, Speech, classify, read_wave, run
from d3talker.phonetics.symbols import mbrola_parts

_VOICES = Path("/usr/share/mbrola")


class Mbrola:
    """See :class:`~d3talker.phonetics.speech.Engine`."""

    name = "mbrola"

    def missing(self) -> str | None:
        """See the protocol."""
        if not (shutil.which("mbrola") and shutil.which("espeak-ng")):
            return "apt-get install espeak-ng mbrola mbrola-us1 (non-free)"
        return None if self.voices() else "apt-get install mbrola-us1 (non-free), or another voice"

    def voices(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(sorted(folder.name for folder in _VOICES.glob("*") if (folder / folder.name).exists()))

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """See the protocol."""
        if voice not in self.voices():
            raise D3Error(f"there is no mbrola voice {voice!r}", ", ".join(self.voices()), "Choose one of them.")
        pace = str(int(160 * speed))
        plan = run(["espeak-ng", "-v", f"mb-{voice}", "--pho", "-q", "-s", pace, "--", text], self.name)
        intervals: list[Interval] = []
        start = 0.0
        for line in plan.splitlines():
            words = line.split()
            if len(words) > 1 and not words[0].startswith(";"):
                intervals.append((words[0], start, start + float(words[1]) / 1000))
                start = intervals[-1][2]
        with tempfile.TemporaryDirectory() as folder:
            written, wave = Path(folder) / "plan.pho", Path(folder) / "speech.wav"
            written.write_text(plan, encoding="utf-8")
            run(["mbrola", "-e", "-f", f"{pitch:.3f}", str(_VOICES / voice / voice), str(written), str(wave)], self.name)
            samples = read_wave(wave, self.name)
        return Speech(samples, RATE, classify(intervals, lambda name: mbrola_parts(voice, name)))
