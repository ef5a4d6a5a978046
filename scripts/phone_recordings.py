"""Real speech with or without its text, from Debian packages: telephone prompts and the actors of two games."""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.media.audio import read_audio

SHARE = Path("/usr/share")
Line = tuple[np.ndarray, str]
"""Samples (S,) float32 at 16 kHz and what is said."""


_QUEEN = "scummvm/flight-of-the-amazon-queen/queen.1c"


def require_recordings() -> None:
    """Raises a D3Error that names what is missing, before hours are spent on the rest."""
    for place in ("asterisk/sounds", "games/fillets-ng/sound", _QUEEN):
        if not (SHARE / place).exists():
            raise D3Error(f"{SHARE / place} is missing", "the packages named above", "Install them.")


def asterisk(voice: str) -> Iterator[np.ndarray]:
    """The telephone prompts of Asterisk, spoken by one person."""
    for sound in sorted((SHARE / "asterisk/sounds" / voice).rglob("*.g722")):
        if sound.stat().st_size > 12_000:  # at least a second and a half
            yield read_audio(sound)


def fillets(language: str) -> Iterator[Line]:
    """Spoken lines of the game Fish Fillets: Czech (cs), Dutch (nl) and English (en)."""
    games = SHARE / "games/fillets-ng"
    for script in sorted((games / "script").glob(f"*/dialogs_{language}.lua")):
        written = script.read_text(encoding="utf-8", errors="ignore")
        for name, first, own in re.findall(
            r'dialogId\("([\w-]+)",\s*"\w+",\s*"((?:[^"\\]|\\.)*)"\)(?:\s*dialogStr\("((?:[^"\\]|\\.)*)"\))?', written
        ):
            sound = games / "sound" / script.parent.name / language / f"{name}.ogg"
            if sound.exists():
                try:
                    yield read_audio(sound), (own or first).replace('\\"', '"')
                except D3Error as error:
                    print(f"left out: {error}", flush=True)


def amazon_queen() -> Iterator[Line]:
    """The conversations of the game Flight of the Amazon Queen: English actors.

    A conversation's file holds its lines as (number, length, text), those of the player J first, then the other
    person's P; ``*NN`` cuts a line into parts. Its key, the number, J or P and the part name the sound.
    """
    packed = (SHARE / _QUEEN).read_bytes()
    files = _contents(packed)
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "line.mp3"
        for name in sorted(name for name in files if name.endswith(".DOG")):
            talk = files[name]
            key, ends = struct.unpack_from(">H", talk, 22)[0], 20 + struct.unpack_from(">H", talk, 42)[0]
            for place, number, text in _lines(talk):
                side = "J" if place < ends else "P"
                for part, said in enumerate(re.split(r"\*\w\w", text), 1):
                    if data := files.get(f"{key:02d}{number:04X}{side}{part}.SB"):
                        sound.write_bytes(data)
                        yield read_audio(sound), said


def _contents(packed: bytes) -> dict[str, bytes]:
    """The files in the game's archive: after 15 bytes 21 bytes each, name, volume, place and size."""
    entries = (struct.unpack_from(">12sBII", packed, 15 + 21 * k) for k in range(int.from_bytes(packed[13:15], "big")))
    return {name.split(b"\0")[0].decode("latin1"): packed[at : at + size] for name, _, at, size in entries}


def _lines(talk: bytes) -> Iterator[tuple[int, int, str]]:
    """Place, number and text of every line in a conversation's file."""
    at = 60
    while at + 3 < len(talk):
        number, length = struct.unpack_from(">HB", talk, at)
        text = talk[at + 3 : at + 3 + length]
        if number and length > 1 and all(32 <= letter < 127 for letter in text):
            yield at, number, text.decode("ascii")
            at += (3 + length + 1) // 2 * 2
        else:
            at += 2
