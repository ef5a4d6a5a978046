"""festival: recorded and statistical voices of a dozen languages."""

from __future__ import annotations

import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.phonetics.festival_names import festival_parts
from d3talker.phonetics.speech import Interval, Speech, labelled, read_wave, require_words, run

_NAMES = {
    "slt_hts": "cmu_us_slt_arctic_hts", "kal": "kal_diphone", "ked": "ked_diphone", "it_lp": "lp_diphone",
    "it_pc": "pc_diphone", "fi_mv": "hy_fi_mv_diphone", "fi_lj": "suo_fi_lj_diphone", "ca_ona": "upc_ca_ona_hts",
    "cz_dita": "czech_dita", "cz_krb": "czech_krb", "cz_machac": "czech_machac", "cz_ph": "czech_ph",
    "ru_nsh": "msu_ru_nsh_clunits", "hi": "hindi_NSK_diphone", "mr": "marathi_NSK_diphone",
    "te": "telugu_NSK_diphone",
}  # fmt: skip
_VOICES = Path("/usr/share/festival/voices")
_ENCODINGS = {"it": "latin1", "fi": "latin1", "ca": "latin1", "cz": "iso-8859-2"}
_AT_ONCE = 20  # texts that one process says: starting it takes a second
_NUKTA = "\u093c"  # the dot that makes Hindi letters foreign, and festival crash


class Festival:
    """See :class:`~d3talker.phonetics.speech.Engine`."""

    name = "festival"

    def missing(self) -> str | None:
        """See the protocol."""
        return None if shutil.which("festival") and self.voices() else "apt-get install festival festvox-kallpc16k"

    def voices(self) -> tuple[str, ...]:
        """See the protocol; those that the phone maps know (Debian packages festvox-*, festival-*)."""
        installed = {folder.name for folder in _VOICES.glob("*/*")}
        return tuple(voice for voice, name in _NAMES.items() if name in installed)

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """See the protocol; the pitch of festival's voices stays their own, for some the speed too."""
        require_words(text)
        for speech in self.speak_many([text], voice, speed):
            return speech
        raise D3Error(f"festival cannot say this with the voice {voice}", "its language", "Try another text or voice.")

    def speak_many(self, texts: list[str], voice: str, speed: float = 1.0) -> Iterator[Speech]:
        """Says many texts with one voice; those that festival fails on are left out.

        Raises:
            D3Error: no such voice.
        """
        if voice not in self.voices():
            raise D3Error(f"festival has no voice {voice!r}", ", ".join(self.voices()), "Choose one of them.")
        waiting = list(texts)
        while waiting:
            batch = waiting[:_AT_ONCE]
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                done = _say(batch, voice, speed, folder)
                for number in range(done):
                    if (folder / f"{number}.times").exists():
                        samples = read_wave(folder / f"{number}.wav", self.name)
                        intervals = _segments(folder / f"{number}.times")
                        yield labelled(samples, intervals, lambda phone: festival_parts(voice, phone))
            waiting = waiting[done:]


def _say(texts: list[str], voice: str, speed: float, folder: Path) -> int:
    """Writes ``0.wav``, ``0.times`` and so on; returns how many texts are dealt with, the last one maybe in vain."""
    lines = [f"(voice_{_NAMES[voice]})", f"(Parameter.set 'Duration_Stretch {1 / speed:.3f})"]
    for number, text in enumerate(texts):
        wave, times = folder / f"{number}.wav", folder / f"{number}.times"
        lines += [
            f'(fclose (fopen "{folder}/{number}.begun" "w"))',
            f'(unwind-protect (begin (set! said (Utterance Text "{_harmless(text)}")) (utt.synth said)',
            f' (utt.save.wave said "{wave}" \'riff) (utt.save.segs said "{times}")) (print \'failed))',
        ]
    script = folder / "say.scm"
    script.write_bytes("\n".join(lines).encode(_ENCODINGS.get(voice[:2], "utf-8"), errors="ignore"))
    try:
        run(["festival", "-b", str(script)], "festival")
    except D3Error:  # it crashes on some words
        begun = len(list(folder.glob("*.begun")))
        if not begun:
            raise
        return begun
    return len(texts)


def _harmless(text: str) -> str:
    """A text that ends no string of Scheme."""
    letters = unicodedata.normalize("NFD", text).replace(_NUKTA, "")
    return re.sub(r'[\\"\x00-\x1f]', " ", unicodedata.normalize("NFC", letters))


def _segments(file: Path) -> list[Interval]:
    intervals: list[Interval] = []
    start = 0.0
    for line in file.read_text(encoding="latin1").splitlines():
        words = line.split()
        if len(words) >= 3 and words[0][0].isdigit():
            intervals.append((words[2], start, float(words[0])))
            start = float(words[0])
    return intervals
