"""Speech features read from .npy files of other programs."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from d3talker.core.errors import D3Error
from d3talker.fields.audio import AudioNet
from d3talker.signals.speech import speech_windows, stream_windows
from d3talker.signals.stored import StoredFeatures


def stored(tmp_path: Path, array: np.ndarray) -> StoredFeatures:
    np.save(tmp_path / "aud.npy", array)
    return StoredFeatures(tmp_path / "aud.npy")


def silence(frames: int) -> np.ndarray:
    return np.zeros(640 * frames, np.float32)


@pytest.mark.parametrize(
    ("shape", "fingerprint"),
    [
        ((100, 16, 29), "stored-16x29"),
        ((101, 16, 44), "stored-16x44"),
        ((99, 2, 1024), "stored-2x1024"),
        ((101, 512, 1), "stored-1x512"),
        ((101, 1, 512), "stored-1x512"),
    ],
)
def test_the_shapes_of_the_literature(tmp_path: Path, shape: tuple[int, int, int], fingerprint: str) -> None:
    array = np.random.default_rng(0).normal(size=shape)
    features = stored(tmp_path, array)
    windows = speech_windows(features, silence(100))
    rows = min(shape[1:])
    assert (features.fingerprint(), windows.shape, windows.dtype) == (fingerprint, (100, rows, max(shape[1:])), "f4")
    right = array if shape[2] > 1 else array.transpose(0, 2, 1)
    np.testing.assert_array_equal(windows[:99], right[:99].astype(np.float32))
    np.testing.assert_array_equal(windows[99], right[min(99, len(array) - 1)].astype(np.float32))
    codes = AudioNet(features.channels, torch.Generator().manual_seed(0))(torch.from_numpy(windows))
    assert codes.shape == (100, 32)


def test_pieces_are_short_and_in_order(tmp_path: Path) -> None:
    array = np.arange(600, dtype=np.float32)[:, None, None] * np.ones((1, 16, 2), np.float32)
    pieces = list(stream_windows(stored(tmp_path, array), lambda: iter([silence(600)])))
    assert max(len(piece) for piece in pieces) <= 250
    np.testing.assert_array_equal(np.concatenate(pieces)[:, 0, 0], np.arange(600))


@pytest.mark.parametrize("frames", [97, 103, 1])
def test_a_file_of_another_sound_is_told(tmp_path: Path, frames: int) -> None:
    features = stored(tmp_path, np.zeros((100, 16, 29), np.float32))
    with pytest.raises(D3Error, match=f"100 frames and the sound {frames}"):
        speech_windows(features, silence(frames))


def test_a_frame_that_is_no_number_is_told(tmp_path: Path) -> None:
    array = np.zeros((300, 16, 29), np.float32)
    array[271, 3, 4] = np.nan
    with pytest.raises(D3Error, match="no number in frame 271"):
        speech_windows(stored(tmp_path, array), silence(300))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((499, 29)), r"float64 \(499, 29\)"),
        (np.zeros((100, 16, 29), np.int64), "int64"),
        (np.zeros((100, 20, 29)), r"\(100, 20, 29\)"),
        (np.zeros((0, 16, 29)), r"\(0, 16, 29\)"),
        (np.float32(3), r"float32 \(\)"),
    ],
)
def test_other_arrays_are_told(tmp_path: Path, array: np.ndarray, words: str) -> None:
    with pytest.raises(D3Error, match=words):
        stored(tmp_path, array)


def header(shape: str) -> bytes:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00v\x00" + text.ljust(117).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        pickle.dumps([1.0]),
        b"PK\x03\x04broken",
        header("(100, 16, 29)") + b"\0" * 100,
        header("(99999999999, 16, 29)"),
        header("(-9, 16, 29)"),
    ],
    ids=["empty", "text", "pickle", "zip", "cut", "huge", "negative"],
)
def test_damaged_files_are_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "aud.npy"
    path.write_bytes(content)
    with pytest.raises(D3Error, match=r"aud\.npy is no whole array"):
        StoredFeatures(path)


def test_objects_several_arrays_and_missing_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "aud.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(D3Error, match="no whole array"):
        StoredFeatures(path)
    with path.open("wb") as file:
        np.savez(file, a=np.zeros((9, 16, 29)))
    with pytest.raises(D3Error, match="several arrays"):
        StoredFeatures(path)
    with pytest.raises(D3Error, match=r"none\.npy is missing"):
        StoredFeatures(tmp_path / "none.npy")
