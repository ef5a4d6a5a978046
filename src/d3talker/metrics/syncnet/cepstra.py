"""Mel cepstra as SyncNet was taught on them: the defaults of python_speech_features (spec 2, section 5.3)."""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

RATE = 16000
CEPSTRA = 13
"""Numbers of a step."""
_WINDOW, _STEP, _FFT, _FILTERS, _LIFTER = 400, 160, 512, 26, 22
_TINY = np.finfo(float).eps


def cepstra(samples: np.ndarray) -> np.ndarray:
    """Mel cepstra, 100 steps a second; the first of each is the logarithm of the step's energy.

    Windows of 25 ms without a taper, pre-emphasis 0.97, 26 triangles from 0 to 8000 Hz, orthonormal DCT, lifter 22.

    Args:
        samples: (S,) mono sound at 16 kHz in [-1, 1]; it is measured in 16-bit steps.

    Returns:
        (T, 13): one step for sounds of up to 25 ms, then one for every 10 ms begun.
    """
    steps = np.clip(np.round(samples.astype(np.float64) * 32768.0), -32768, 32767)
    emphasised = np.concatenate([steps[:1], steps[1:] - 0.97 * steps[:-1]])
    count = 1 + max(0, -(-(len(steps) - _WINDOW) // _STEP))
    emphasised = np.pad(emphasised, (0, max(0, (count - 1) * _STEP + _WINDOW - len(emphasised))))
    windows = np.lib.stride_tricks.sliding_window_view(emphasised, _WINDOW)[::_STEP][:count]
    power = np.abs(np.fft.rfft(windows, _FFT)) ** 2 / _FFT
    energy = power.sum(axis=1)
    bands = power @ _triangles().T
    found = dct(np.log(np.where(bands == 0, _TINY, bands)), type=2, axis=1, norm="ortho")[:, :CEPSTRA]
    found = found * (1 + _LIFTER / 2 * np.sin(np.pi * np.arange(CEPSTRA) / _LIFTER))
    found[:, 0] = np.log(np.where(energy == 0, _TINY, energy))
    return found


def _triangles() -> np.ndarray:
    """Filters (26, 257) whose corners lie on whole bins of the spectrum, evenly on the mel scale of 2595 log10."""
    mel = np.linspace(0.0, 2595 * np.log10(1 + RATE / 2 / 700), _FILTERS + 2)
    corners = np.floor((_FFT + 1) * 700 * (10 ** (mel / 2595) - 1) / RATE)
    low, peak, high = (corners[i : i + _FILTERS, None] for i in range(3))
    at = np.arange(_FFT // 2 + 1)
    rising, falling = (at - low) / (peak - low), (high - at) / (high - peak)
    return np.where((at >= low) & (at < peak), rising, np.where((at >= peak) & (at < high), falling, 0.0))
