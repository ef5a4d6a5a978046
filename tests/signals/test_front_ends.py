"""The front ends by name, and what the doctor tells of them."""

from pathlib import Path

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.recipes.doctor import examine
from d3talker.signals.front_ends import FRONT_ENDS, front_end, state
from d3talker.signals.speech import cut_windows, speech_windows


def test_a_name_makes_its_front_end() -> None:
    assert speech_windows(front_end("logmel"), np.zeros(16_000, np.float32)).shape == (25, 16, 32)
    assert {"logmel", "hubert", "wav2vec2", "xlsr", "deepspeech", "ave"} <= set(FRONT_ENDS)
    assert (front_end("hubert").channels, front_end("xlsr").channels) == (1024, 44)


def test_the_name_of_a_front_end_makes_it_again(tmp_path: Path) -> None:
    path = tmp_path / "aud.npy"
    np.save(path, np.ones((25, 16, 29), np.float32))
    features = front_end(f"stored:{path}")
    assert front_end(features.name).fingerprint() == features.fingerprint() == "stored-16x29"
    for name in ("logmel", "hubert", "xlsr"):
        assert front_end(name).name == name


@pytest.mark.parametrize(("name", "words"), [("hubret", "Did you mean hubert"), ("qqq", "doctor"), ("", "logmel, ")])
def test_an_unknown_name_is_told(name: str, words: str) -> None:
    for ask in (front_end, state):
        with pytest.raises(D3Error, match=words):
            ask(name)


def test_the_doctor_tells_what_is_missing_and_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert state("logmel") == "ready"
    for name, words in (
        ("deepspeech", ["deepspeech-0_1_0-b90017e8.pb", "468 MiB", "MPL-2.0", "https://", str(tmp_path)]),
        ("ave", ["audio_visual_encoder.pth", "11 MiB", "not for commercial use", str(tmp_path)]),
        ("hubert", ["facebook/hubert-large-ls960-ft", "1.26 GB", "Apache-2.0"]),
    ):
        for word in words:
            assert word in state(name), (name, word)
    for name, file in (("ave", "audio_visual_encoder.safetensors"), ("deepspeech", "deepspeech-0_1_0-b90017e8.pb")):
        (tmp_path / file).touch()
        assert state(name) == "ready"


def test_the_doctor_lists_every_front_end() -> None:
    found = {finding.part: finding for finding in examine()}
    for name in FRONT_ENDS:
        finding = found[f"speech features {name}"]
        assert (finding.state == "ready") == (finding.advice == "")


def test_windows_at_the_edges_repeat_or_are_zero() -> None:
    rows = np.arange(1, 41, dtype=np.float32)[:, None]
    repeated, zeros = (np.concatenate(list(cut_windows([rows], 7, edges)))[:, :, 0] for edges in ("repeat", "zero"))
    assert repeated.shape == zeros.shape == (20, 16)
    np.testing.assert_array_equal(repeated[0], [1] * 8 + [*range(1, 9)])
    np.testing.assert_array_equal(zeros[0], [0] * 8 + [*range(1, 9)])
    np.testing.assert_array_equal(repeated[-1], [*range(31, 41)] + [40] * 6)
    np.testing.assert_array_equal(zeros[-1], [*range(31, 41)] + [0] * 6)
