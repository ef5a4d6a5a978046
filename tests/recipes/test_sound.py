"""Sound that drives a face: what a first reading finds, and that it can be read again."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from d3talker.core.errors import D3Error
from d3talker.core.progress import Silent
from d3talker.recipes.sound import check_sound, clean_sound


def test_length_and_peak_of_another_rate(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 0.25 * np.sin(np.arange(44100) / 40), 44100, subtype="FLOAT")
    heard = check_sound(tmp_path / "a.wav", Silent())
    assert heard.samples == 16000
    assert heard.peak == pytest.approx(0.25, abs=0.005)


def test_numbers_that_are_none_are_told_and_set_to_zero(tmp_path: Path) -> None:
    wave = np.full(16000, 0.1, np.float32)
    wave[500:600] = np.nan
    soundfile.write(tmp_path / "a.wav", wave, 16000, subtype="FLOAT")
    progress = Silent()
    check_sound(tmp_path / "a.wav", progress)
    assert "100 samples" in progress.said[0]
    for _ in range(2):
        samples = np.concatenate(list(clean_sound(tmp_path / "a.wav", 16000)))
        assert np.flatnonzero(samples == 0).tolist() == list(range(500, 600))


def test_silence_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    with pytest.raises(D3Error, match="silent"):
        check_sound(tmp_path / "a.wav", Silent())
