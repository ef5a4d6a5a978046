"""Open JTalk: Japanese, a statistical voice."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.phonetics.classes import Parts, written_parts
from d3talker.phonetics.speech import Interval, Speech, labelled, read_wave, require_words, run

_DICTIONARY = Path("/var/lib/mecab/dic/open-jtalk/naist-jdic")
_VOICES = Path("/usr/share/hts-voice")
_TICKS = 1e7  # a second, in the units of its labels
_AFFRICATE = "t:.8 sh"
# Capitals are devoiced; N ends a syllable, cl lengthens a stop; f is spoken with both lips.
_PHONES = {
    "a": "a", "i": "i", "u": "u", "e": "e", "o": "o", "A": "a", "I": "i", "U": "u", "E": "e", "O": "o", "N": "n",
    "cl": "t", "k": "k", "g": "k", "s": "s", "z": "s", "sh": "sh", "j": _AFFRICATE, "t": "t", "d": "t",
    "ch": _AFFRICATE, "ts": "t s", "n": "n", "h": "h", "b": "p", "p": "p", "m": "m", "y": "j", "r": "r", "w": "w",
    "f": "p", "v": "p", "ky": "k j", "gy": "k j", "ny": "ng", "hy": "x", "by": "p j", "py": "p j", "my": "m j",
    "ry": "r j", "ty": "t j", "dy": "t j", "kw": "k w", "gw": "k w", "sil": "sil", "pau": "sil",
}  # fmt: skip


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
        """See the protocol."""
        require_words(text)
        files = [file for file in _VOICES.glob("*/*.htsvoice") if file.stem == voice]
        if not files:
            raise D3Error(f"Open JTalk has no voice {voice!r}", ", ".join(self.voices()), "Choose one of them.")
        with tempfile.TemporaryDirectory() as name:
            written, wave, told = (Path(name) / file for file in ("text.txt", "speech.wav", "told.txt"))
            written.write_text(text + "\n", encoding="utf-8")
            model = ["-x", str(_DICTIONARY), "-m", str(files[0])]
            model += ["-r", f"{speed:.3f}", "-fm", f"{12 * math.log2(pitch):.3f}"]
            run(["open_jtalk", *model, "-ow", str(wave), "-ot", str(told), str(written)], self.name)
            samples = read_wave(wave, self.name)
            labels = re.findall(r"^(\d+) (\d+) [^-\s]+-([^+\s]+)\+", told.read_text(encoding="utf-8"), re.MULTILINE)
        intervals: list[Interval] = [(phone, int(start) / _TICKS, int(end) / _TICKS) for start, end, phone in labels]
        return labelled(samples, intervals, japanese_parts)


def japanese_parts(phone: str) -> Parts:
    """The classes of one phone of Open JTalk; () where unknown."""
    return written_parts(_PHONES[phone]) if phone in _PHONES else ()
