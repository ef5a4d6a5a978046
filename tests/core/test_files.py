"""Files are whole or absent, errors are one line."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.core.files import (
    atomic_file,
    atomic_folder,
    read_arrays,
    read_json,
    sha256_of,
    writable_folder,
    write_arrays,
    write_json,
)
from d3talker.core.native import silent_native


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.txt"
    with pytest.raises(UnicodeEncodeError), atomic_file(target) as partial:
        partial.write_text("half " + "\ud800", encoding="utf-8")
    assert list(target.parent.iterdir()) == []
    with atomic_file(target) as partial:
        assert partial.suffix == ".txt"
        partial.write_text("whole")
        assert not target.exists()
    assert target.read_text() == "whole"


def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    target = tmp_path / "clip"
    for content in ("first", "second"):
        with atomic_folder(target) as partial:
            (partial / "x").write_text(content)
    assert (target / "x").read_text() == "second"
    with pytest.raises(RuntimeError), atomic_folder(target) as partial:
        raise RuntimeError
    assert [f.name for f in tmp_path.iterdir()] == ["clip"]
    assert (target / "x").read_text() == "second"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(D3Error, match="cannot write"):
        writable_folder(tmp_path / "file" / "below")
    with pytest.raises(D3Error, match="cannot write"), atomic_file(tmp_path / "file" / "a"):
        pass
    with pytest.raises(D3Error, match="disk is full"), atomic_file(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["file"]


def test_json_and_arrays_come_back_or_say_why_not(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"umlaut": "ä", "n": [1, 2.5]})
    assert read_json(tmp_path / "a.json", "") == {"umlaut": "ä", "n": [1, 2.5]}
    (tmp_path / "a.json").write_text(json.dumps([1])[:-1])
    with pytest.raises(D3Error, match=r"a.json is damaged.*Do this\."):
        read_json(tmp_path / "a.json", "Do this.")
    arrays = {"x": np.arange(12, dtype=np.float32).reshape(3, 4).T}
    write_arrays(tmp_path / "a.safetensors", arrays)
    assert np.array_equal(read_arrays(tmp_path / "a.safetensors", "")["x"], arrays["x"])
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[:-5])
    for name, word in (("a.safetensors", "truncated"), ("none.safetensors", "missing")):
        with pytest.raises(D3Error, match=word):
            read_arrays(tmp_path / name, "")


def test_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_native_chatter_is_dropped_and_only_that(capfd: pytest.CaptureFixture[str]) -> None:
    with silent_native():
        os.write(2, b"chatter")
    os.write(2, b"news")
    assert capfd.readouterr().err == "news"
