"""What a network must know of a whole sound before it hears the first second: its mean, spread and spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from d3talker.signals.speech import SoundSource

KERNEL, STRIDE = 10, 5
"""Samples that the first convolution of HuBERT and wav2vec2 sees, and its step."""


@dataclass(frozen=True)
class SoundMoments:
    """Moments of a sound of ``samples`` samples, and of its windows of 10 samples, one every 5."""

    samples: int
    mean: float
    variance: float
    window_mean: np.ndarray
    """(10,)."""
    window_covariance: np.ndarray
    """(10, 10)."""

    def normalise(self, samples: np.ndarray) -> np.ndarray:
        """Samples (S,) of the sound with the whole sound's mean taken away, over its spread; float32."""
        return ((samples - self.mean) / self._spread).astype(np.float32)

    def after_convolution(self, weight: np.ndarray, bias: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance (C,) over the whole normalised sound after a convolution ``weight`` (C, 10), step 5.

        The convolution is linear, so both follow from the moments of the windows: no second look at the sound.
        """
        weight = weight.astype(np.float64)
        mean = weight @ (self.window_mean - self.mean) / self._spread
        variance = np.einsum("ci,ij,cj->c", weight, self.window_covariance, weight) / self._spread**2
        return mean if bias is None else mean + bias, np.maximum(variance, 0.0)

    @property
    def _spread(self) -> float:
        return float(np.sqrt(self.variance + 1e-7))


def measure_sound(sound: SoundSource) -> SoundMoments:
    """Reads the sound once, in memory that does not grow with it."""
    count, total, square = 0, 0.0, 0.0
    windows, window_total, window_square = 0, np.zeros(KERNEL), np.zeros((KERNEL, KERNEL))
    held = np.zeros(0)
    for piece in sound():
        piece = piece.astype(np.float64)
        count, total, square = count + len(piece), total + piece.sum(), square + piece @ piece
        held = np.concatenate([held, piece])
        ready = (len(held) - KERNEL) // STRIDE + 1 if len(held) >= KERNEL else 0
        if ready:
            cut = np.lib.stride_tricks.sliding_window_view(held, KERNEL)[: STRIDE * ready : STRIDE]
            windows += ready
            window_total += cut.sum(axis=0)
            window_square += cut.T @ cut
            held = held[STRIDE * ready :]
    mean, window_mean = total / max(count, 1), window_total / max(windows, 1)
    return SoundMoments(
        samples=count,
        mean=mean,
        variance=max(square / max(count, 1) - mean**2, 0.0),
        window_mean=window_mean,
        window_covariance=window_square / max(windows, 1) - np.outer(window_mean, window_mean),
    )
