"""Speech features: shapes, timing, streaming, level."""

import numpy as np
import pytest

from d3talker.signals.logmel import LogMel
from d3talker.signals.mel import mel_filters
from d3talker.signals.speech import frame_count, speech_windows, stream_windows


def tone(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * 16000)) / 16000
    return (
        0.2 * np.sin(2 * np.pi * 440 * t) * (np.sin(2 * np.pi * 3 * t) > 0) + 0.01 * rng.normal(size=t.size)
    ).astype(np.float32)


@pytest.mark.parametrize("samples", [1, 319, 640, 3200, 16000, 160_123])
def test_one_window_a_frame(samples: int) -> None:
    windows = speech_windows(LogMel(), tone(11)[:samples])
    assert windows.shape == (frame_count(samples), 16, 32)
    assert np.isfinite(windows).all()


def test_window_rows_overlap_as_the_spec_says() -> None:
    windows = speech_windows(LogMel(), tone(2))
    np.testing.assert_array_equal(windows[10, 2:], windows[11, :-2])
    np.testing.assert_array_equal(windows[0, :8], np.repeat(windows[0, 8:9], 8, axis=0))


def test_a_click_stands_where_it_sounds() -> None:
    samples = np.zeros(32000, np.float32)
    samples[16000:16160] = np.random.default_rng(0).normal(size=160)  # at 1.000 .. 1.010 s: row 50
    windows = speech_windows(LogMel(), samples)
    assert windows[25].mean(axis=1).argmax() == 8  # row 2 * 25 is the ninth of its window


def test_streaming_gives_the_same_numbers() -> None:
    samples = tone(13.7)
    whole = speech_windows(LogMel(), samples)
    cuts = [0, 100, 5000, 5001, 90_000, len(samples)]
    pieces = [samples[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    streamed = np.concatenate(list(stream_windows(LogMel(), lambda: iter(pieces), piece=7)))
    np.testing.assert_allclose(streamed, whole, atol=1e-5)


def test_level_does_not_matter() -> None:
    samples = tone(5)
    loud, soft = speech_windows(LogMel(), samples), speech_windows(LogMel(), samples * 0.2)
    assert np.abs(loud - soft).max() < 0.05


def test_filters_cover_the_band() -> None:
    filters = mel_filters(32)
    assert filters.shape == (257, 32)
    np.testing.assert_allclose(filters.sum(axis=0), 1.0, atol=1e-5)
