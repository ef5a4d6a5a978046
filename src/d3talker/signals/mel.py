"""Log-mel energies of a stream of sound: 25 ms windows every 10 ms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from d3talker.signals.speech import RATE, SoundSource, frame_count

STEP_SAMPLES = 160
"""Samples between two windows."""
_WINDOW = 400
_LEAD = 120  # zeros before the sound, so that step k is centred at 10 k + 5 ms


class MelEnergies:
    """Natural logarithms of the energy in ``bands`` mel bands; the same numbers however the sound is cut."""

    def __init__(self, bands: int, floor: float = 1e-6) -> None:
        self.bands = bands
        self._filters = mel_filters(bands)
        self._floor = floor
        self._taper = np.hanning(_WINDOW + 1)[:_WINDOW].astype(np.float32)

    def stream(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """Pieces (n, bands) float32 at 100 Hz, n a multiple of 4; step k is centred at 10 k + 5 ms.

        All of them together cover the video frames of the sound, 4 steps a frame.
        """
        held, seen, given = np.zeros(_LEAD, np.float32), 0, 0
        for piece in sound():
            held = np.concatenate([held, piece.astype(np.float32)])
            seen += len(piece)
            ready = (len(held) - _WINDOW) // STEP_SAMPLES + 1 if len(held) >= _WINDOW else 0
            ready -= ready % 4
            if ready > 0:
                yield self.transform(held[: STEP_SAMPLES * (ready - 1) + _WINDOW])
                given += ready
                held = held[STEP_SAMPLES * ready :]
        rest = 4 * frame_count(seen) - given
        if rest > 0:
            padded = np.concatenate([held, np.zeros(STEP_SAMPLES * rest + _WINDOW, np.float32)])
            yield self.transform(padded[: STEP_SAMPLES * (rest - 1) + _WINDOW])

    def transform(self, samples: np.ndarray) -> np.ndarray:
        """The energies (n, bands) of all whole windows in ``samples`` (S,)."""
        steps = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::STEP_SAMPLES]
        power = np.abs(np.fft.rfft(steps * self._taper, 512)) ** 2
        return np.log(power.astype(np.float32) @ self._filters + np.float32(self._floor))


def mel_filters(bands: int, low: float = 50.0, high: float = 7600.0) -> np.ndarray:
    """Triangular filters (257, bands) on the mel scale for a 512-point transform at 16 kHz, each summing to 1."""
    edges = 700.0 * (np.exp(np.linspace(np.log1p(low / 700), np.log1p(high / 700), bands + 2)) - 1.0)
    frequency = np.arange(257) * (RATE / 512)
    rise = (frequency[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - frequency[:, None]) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rise, fall))
    narrow = filters.sum(axis=0) < 1e-6  # a band between two bins takes the nearest one
    filters[np.abs(frequency[:, None] - edges[1:-1]).argmin(axis=0)[narrow], np.flatnonzero(narrow)] = 1.0
    return (filters / filters.sum(axis=0)).astype(np.float32)
