"""mbrola: recorded diphones of many languages; espeak-ng reads the text, mbrola keeps its times to the millisecond."""

from __future__ import annotations

import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.phonetics.mbrola_names import mbrola_parts
from d3talker.phonetics.speech import Interval, Speech, labelled, read_wave, require_words, run

_VOICES = Path("/usr/share/mbrola")
_WORDS_A_MINUTE = 160
_LATE = 0.006  # seconds from the plan to the sound
_LATER = {"us3": 0.027, "mx1": 0.02}  # cut late by their makers


class Mbrola:
    """See :class:`~d3talker.phonetics.speech.Engine`."""

    name = "mbrola"

    def missing(self) -> str | None:
        """See the protocol."""
        if not (shutil.which("mbrola") and shutil.which("espeak-ng")):
            return "apt-get install espeak-ng mbrola mbrola-us1 (non-free)"
        return None if self.voices() else "apt-get install mbrola-us1 (non-free), or another voice"

    def voices(self) -> tuple[str, ...]:
        """See the protocol; those that espeak-ng has rules for."""
        installed = (folder.name for folder in _VOICES.glob("*") if (folder / folder.name).exists())
        return tuple(sorted(set(installed) & _readable()))

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """See the protocol."""
        require_words(text)
        if voice not in self.voices():
            raise D3Error(f"there is no mbrola voice {voice!r}", ", ".join(self.voices()), "Choose one of them.")
        pace = str(int(_WORDS_A_MINUTE * speed))
        plan = run(["espeak-ng", "-v", f"mb-{voice}", "--pho", "-q", "-s", pace, "--", text], self.name)
        late = _LATER.get(voice, _LATE)
        intervals: list[Interval] = [("_", 0.0, late)]
        for name, milliseconds in re.findall(r"^([^\s;]\S*)\s+([\d.]+)", plan, re.MULTILINE):
            start = intervals[-1][2]
            intervals.append((name, start, start + float(milliseconds) / 1000))
        with tempfile.TemporaryDirectory() as folder:
            written, wave = Path(folder) / "plan.pho", Path(folder) / "speech.wav"
            written.write_text(plan, encoding="utf-8")
            diphones = _VOICES / voice / voice
            run(["mbrola", "-e", "-f", f"{pitch:.3f}", str(diphones), str(written), str(wave)], self.name)
            samples = read_wave(wave, self.name)
        return labelled(samples, intervals, lambda name: mbrola_parts(voice, name))


@cache
def _readable() -> frozenset[str]:
    """The voices that espeak-ng can write for."""
    return frozenset(re.findall(r"mb/mb-(\w+)", run(["espeak-ng", "--voices=mb"], "mbrola")))
