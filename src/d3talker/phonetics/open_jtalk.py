"""Open JTalk: Japanese, a statistical voice."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.phonetics.speech import RATE, Interval, Speech, classify, read_wave, run
from d3talker.phonetics.symbols import japanese_parts

_DICTIONARY = Path("/var/lib/mecab/dic/open-jtalk/naist-jdic")
_VOICES = Path("/usr/share/hts-voice")
_TICKS = 1e7  # a second, in the units of its labels


class OpenJTalk:
    """See :class:`~d3talker.phonetics.speech.Engine`."""

    name = "open-jtalk"

    def missing(self) -> str | None:
        """See the protocol."""
        if shutil.which("open_jtalk") and _DICTIONARY.exists() and self.voices():
            return None
        return "apt-get install open-jtalk open-jtalk-mecab-naist-jdic hts-voice-nitech-jp-atr503-m001"

    def voices(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(sorted(file.stem for file in _VOICES.glob("*/*.htsvoice")))

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """See the protocol; the pitch stays the voice's own."""
        files = [file for file in _VOICES.glob("*/*.htsvoice") if file.stem == voice]
        if not files:
            raise D3Error(f"Open JTalk has no voice {voice!r}", ", ".join(self.voices()), "Choose one of them.")
        with tempfile.TemporaryDirectory() as name:
            written, wave, told = (Path(name) / file for file in ("text.txt", "speech.wav", "told.txt"))
            written.write_text(text + "\n", encoding="utf-8")
            model = ["-x", str(_DICTIONARY), "-m", str(files[0]), "-r", f"{speed:.3f}"]
            run(["open_jtalk", *model, "-ow", str(wave), "-ot", str(told), str(written)], self.name)
            samples = read_wave(wave, self.name)
            labels = re.findall(r"^(\d+) (\d+) [^-\s]+-([^+\s]+)\+", told.read_text(encoding="utf-8"), re.MULTILINE)
        intervals: list[Interval] = [(phone, int(start) / _TICKS, int(end) / _TICKS) for start, end, phone in labels]
        return Speech(samples, RATE, classify(intervals, japanese_parts))
