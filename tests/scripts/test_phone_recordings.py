"""The actors' lines of the game: a small archive in its format, made here."""

import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.media.audio import write_wav

SCRIPT = Path(__file__).parents[2] / "scripts" / "phone_recordings.py"


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("phone_recordings", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def line(number: int, text: str) -> bytes:
    content = struct.pack(">HB", number, len(text)) + text.encode()
    return content + b"\0" * (len(content) % 2)


def conversation(key: int, player: list[bytes], other: list[bytes]) -> bytes:
    header = bytearray(60)
    struct.pack_into(">H", header, 22, key)
    struct.pack_into(">H", header, 42, 40 + sum(map(len, player)))
    return bytes(header) + b"".join(player) + bytes(6) + b"".join(other)


def archive(files: dict[str, bytes]) -> bytes:
    place, entries = 15 + 21 * len(files), b""
    for name, content in files.items():
        entries += struct.pack(">12sBII", name.encode(), 1, place, len(content))
        place += len(content)
    return b"QTBLCEM10\0\0\0\1" + struct.pack(">H", len(files)) + entries + b"".join(files.values())


def test_a_missing_game_is_told_at_once(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "SHARE", tmp_path)
    for place in ("asterisk/sounds", "games/fillets-ng/sound"):
        (tmp_path / place).mkdir(parents=True)
    with pytest.raises(D3Error, match=r"queen\.1c is missing"):
        script.require_recordings()


def test_every_part_of_a_line_comes_with_its_own_sound(script, tmp_path, monkeypatch):
    def sound(seconds: float) -> bytes:
        write_wav(tmp_path / "tone.wav", 0.5 * np.sin(np.arange(int(16_000 * seconds)) / 20).astype(np.float32))
        return (tmp_path / "tone.wav").read_bytes()

    talk = conversation(2, [line(6, "Hello there.*15"), line(30, "Odd")], [line(6, "You again.*02Go away!*05")])
    files = {
        "BOB1.DOG": talk,
        "020006J1.SB": sound(1.0),
        "02001EJ1.SB": sound(1.5),
        "020006P1.SB": sound(2.0),
        "020006P2.SB": sound(2.5),
        "990006P1.SB": sound(0.5),
    }
    game = tmp_path / "scummvm" / "flight-of-the-amazon-queen"
    game.mkdir(parents=True)
    (game / "queen.1c").write_bytes(archive(files))
    monkeypatch.setattr(script, "SHARE", tmp_path)
    found = [(text, round(len(samples) / 16_000, 2)) for samples, text in script.amazon_queen()]
    assert found == [("Hello there.", 1.0), ("Odd", 1.5), ("You again.", 2.0), ("Go away!", 2.5)]
