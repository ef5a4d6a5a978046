import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from d3talker.tracking.sync import sound_offset

RATE = 16_000


def lips_and_voice(seconds: float, late: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Syllables at uneven times: lips (T,) and a voice whose upper band is as strong as the lips are open."""
    rng = np.random.default_rng(seed)
    times = np.arange(int(seconds * RATE)) / RATE
    opening = np.zeros_like(times)
    start = 0.2
    while start < seconds:
        length = rng.uniform(0.12, 0.3)
        opening += rng.uniform(0.4, 1) * np.exp(-(((times - start) / (0.3 * length)) ** 2))
        start += length + rng.uniform(0, 0.25)
    hiss = sosfilt(butter(2, (1000, 5000), "bandpass", fs=RATE, output="sos"), rng.normal(size=len(times)))
    hum = 0.5 * np.sin(2 * np.pi * 120 * times)  # loudness that says nothing of the lips
    voice = 0.3 * hiss * np.interp(times - late, times, opening, left=0) + 0.2 * hum
    frames = np.interp((np.arange(int(seconds * 25)) + 0.5) / 25, times, opening)
    return 0.01 * frames, voice.astype(np.float32)


@pytest.mark.parametrize("late", [-0.2, -0.08, 0.0, 0.12, 0.24])
def test_offset_is_found(late):
    offset = sound_offset(*lips_and_voice(12, late))
    assert offset.milliseconds == pytest.approx(1000 * late, abs=25)
    assert offset.confidence > 4


def test_unrelated_sound_gives_no_confidence():
    confidences = []
    for seed in range(6):
        lips, _ = lips_and_voice(12, 0, seed)
        _, voice = lips_and_voice(12, 0, seed + 100)
        confidences.append(sound_offset(lips, voice).confidence)
    assert np.median(confidences) < 3


def test_short_or_silent_sound_says_nothing():
    assert sound_offset(np.zeros(50), np.zeros(2 * RATE)).confidence == 0
    assert sound_offset(np.zeros(200), np.zeros(8 * RATE)).confidence == pytest.approx(0, abs=1e-6)
