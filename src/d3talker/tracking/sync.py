"""How far sound and picture are apart, from lips and loudness alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

_RATE = 100
"""Steps a second of the curves that are compared."""
_REACH = 0.4
"""Seconds: offsets up to this are searched."""
_LEAD = 0.0
"""Seconds by which lips open before the sound, in clips known to be in step."""


@dataclass(frozen=True)
class SoundOffset:
    """An estimate of how late the sound is."""

    milliseconds: float
    """Positive: the sound comes late."""
    confidence: float
    """How far the correlation at this offset stands above that of wrong offsets, in standard deviations. Above 4 the
    offset can be trusted; below 3 it says nothing."""


def sound_offset(lip_opening: np.ndarray, samples: np.ndarray, rate: int = 16_000, fps: float = 25.0) -> SoundOffset:
    """Estimates the offset between sound and lips.

    Correlates the opening of the lips with the loudness over offsets of up to 0.4 s. Loudness is a weak witness of the
    lips: wrong offsets (the sound rotated by more than a second) tell how high chance correlations are.

    Args:
        lip_opening: (T,) metres.
        samples: (S,) sound.
        rate: samples a second.
        fps: frames a second.
    """
    steps = int(min(len(lip_opening) / fps, len(samples) / rate) * _RATE)
    if steps < 3 * _RATE:
        return SoundOffset(0.0, 0.0)
    lips = _curve(np.interp(np.arange(steps) / _RATE, (np.arange(len(lip_opening)) + 0.5) / fps, lip_opening))
    loudness = _curve(_loudness(samples, rate, steps))
    correlation = np.fft.irfft(np.fft.rfft(loudness) * np.conj(np.fft.rfft(lips)), steps) / steps
    reach = round(_REACH * _RATE)
    lags = np.arange(-reach, reach + 1)
    near, far = correlation[lags], correlation[_RATE : steps - _RATE]
    best = int(np.argmax(near))
    spread = float(far.std()) or 1.0
    return SoundOffset(
        milliseconds=float(1000 * (lags[best] / _RATE - _LEAD)),
        confidence=float((near[best] - far.mean()) / spread),
    )


def _loudness(samples: np.ndarray, rate: int, steps: int) -> np.ndarray:
    """Logarithm of the root mean square in steps of 10 ms, the floor 50 dB below the loudest."""
    hop = rate // _RATE
    blocks = np.asarray(samples[: steps * hop], dtype=np.float64).reshape(steps, hop)
    power = gaussian_filter1d((blocks**2).mean(axis=1), 1.5)
    return np.log(power + 1e-5 * power.max() + 1e-12)


def _curve(values: np.ndarray) -> np.ndarray:
    """Keeps what changes at the pace of syllables; mean 0, variance 1."""
    band = gaussian_filter1d(values, 0.03 * _RATE) - gaussian_filter1d(values, 0.4 * _RATE)
    return (band - band.mean()) / (band.std() + 1e-12)
