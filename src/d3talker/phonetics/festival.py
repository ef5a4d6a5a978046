"""festival: recorded and statistical voices of a dozen languages."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.phonetics.speech import RATE, Interval, Speech, classify, read_wave, run
from d3talker.phonetics.symbols import festival_parts

_NAMES = {
    "kal": "kal_diphone", "ked": "ked_diphone", "slt_hts": "cmu_us_slt_arctic_hts", "it_lp": "lp_diphone",
    "it_pc": "pc_diphone", "fi_mv": "hy_fi_mv_diphone", "fi_lj": "suo_fi_lj_diphone", "ca_ona": "upc_ca_ona_hts",
    "cz_dita": "czech_dita", "cz_krb": "czech_krb", "cz_machac": "czech_machac", "cz_ph": "czech_ph",
    "ru_nsh": "msu_ru_nsh_clunits", "hi": "hindi_NSK_diphone", "mr": "marathi_NSK_diphone",
    "te": "telugu_NSK_diphone",
}  # fmt: skip
_ENCODINGS = {"it": "latin1", "fi": "latin1", "ca": "latin1", "cz": "iso-8859-2"}
_AT_ONCE = 20  # texts that one process says: starting it takes a second


class Festival:
    """See :class:`~d3talker.phonetics.speech.Engine`."""

    name = "festival"

    def missing(self) -> str | None:
        """See the protocol."""
        return None if shutil.which("festival") else "apt-get install festival festvox-kallpc16k"

    def voices(self) -> tuple[str, ...]:
        """The voices that the phone maps know; each is a Debian package festvox-*."""
        return tuple(_NAMES)

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """See the protocol; the pitch of festival's voices stays their own."""
        for speech in self.speak_many([text], voice, speed):
            return speech
        raise D3Error(f"festival cannot say this with the voice {voice}", "speech", "Install the voice: festvox-*.")

    def speak_many(self, texts: list[str], voice: str, speed: float = 1.0) -> Iterator[Speech]:
        """Says many texts with one voice; those that festival fails on are left out.

        Raises:
            D3Error: no such voice.
        """
        if voice not in _NAMES:
            raise D3Error(f"festival has no voice {voice!r}", ", ".join(_NAMES), "Choose one of them.")
        for first in range(0, len(texts), _AT_ONCE):
            yield from self._batch(texts[first : first + _AT_ONCE], voice, speed)

    def _batch(self, texts: list[str], voice: str, speed: float) -> Iterator[Speech]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            lines = [f"(voice_{_NAMES[voice]})", f"(Parameter.set 'Duration_Stretch {1 / speed:.3f})"]
            for number, text in enumerate(texts):
                plain = re.sub(r"[^\w\s.,;:!?'-]", " ", text)  # nothing that Scheme could read as code
                wave, times = folder / f"{number}.wav", folder / f"{number}.times"
                lines.append(
                    f'(unwind-protect (begin (set! said (Utterance Text "{plain}")) (utt.synth said)'
                    f" (utt.save.wave said \"{wave}\" 'riff) (utt.save.segs said \"{times}\")) (print 'failed))"
                )
            script = folder / "say.scm"
            encoding = _ENCODINGS.get(voice[:2], "utf-8")
            script.write_bytes("\n".join(lines).encode(encoding, errors="ignore"))
            run(["festival", "-b", str(script)], self.name)
            for number in range(len(texts)):
                times = folder / f"{number}.times"
                if times.exists() and (folder / f"{number}.wav").exists():
                    phones = classify(_segments(times), lambda phone: festival_parts(voice, phone))
                    yield Speech(read_wave(folder / f"{number}.wav", self.name), RATE, phones)


def _segments(file: Path) -> list[Interval]:
    intervals: list[Interval] = []
    start = 0.0
    for line in file.read_text(encoding="latin1").splitlines():
        words = line.split()
        if len(words) >= 3 and words[0][0].isdigit():
            intervals.append((words[2], start, float(words[0])))
            start = float(words[0])
    return intervals
