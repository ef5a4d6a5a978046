"""Takes level and colour of a recording out of log-mel energies, with a bounded look-ahead.

Recordings differ by 18 dB and by their microphones (spec 5). The mean of each band over the last seconds of speech is
taken away; it starts as the shape of average speech at the loudness heard so far. The same numbers come out of a
stream and of a whole file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from d3talker.signals.leaky_sum import leaky_sums

LOOK_AHEAD = 20
"""Steps of 10 ms that the mean knows of the future."""
_MEMORY = 1000.0  # steps after which a sound counts 1 / e
_PRIOR = 40.0  # steps of average speech that the mean starts with
_FALL = 0.004  # by which the loudness peak falls in a step
_DEPTH = 3.0  # below the peak, half of a step counts as speech
_QUIETEST = -11.0  # of a peak: below it, a sound is no speech
SCALE = 2.5
"""By which the centred energies are divided."""
RANGE = (-5.0, 4.0)
"""Of the normalised energies."""


class SpeechLevel:
    """Normalises log-mel energies; ``shape`` (bands,) is average speech, relative to its peak loudness."""

    def __init__(self, shape: np.ndarray) -> None:
        self._shape = shape.astype(np.float64)

    def stream(self, pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Energies (n, bands) in, normalised ones out, later by :data:`LOOK_AHEAD` steps and as many in all."""
        waiting = np.zeros((0, len(self._shape)), np.float32)
        peak, last, to_skip = _QUIETEST, np.zeros(len(self._shape)), LOOK_AHEAD
        decay = np.exp(-1.0 / _MEMORY)
        heard, sums = np.zeros(()), np.zeros(len(self._shape))
        for piece in pieces:
            loudness = piece.mean(axis=1, dtype=np.float64)
            falls = _FALL * np.arange(1, len(piece) + 1)
            rising = np.maximum.accumulate(np.concatenate([[peak], loudness + falls]))[1:]
            peaks = np.maximum(rising - falls, _QUIETEST)
            weights = 1.0 / (1.0 + np.exp(np.clip(peaks - _DEPTH - loudness, -30, 30)))
            total, heard = leaky_sums(weights, decay, heard)
            summed, sums = leaky_sums(weights[:, None] * piece, decay, sums)
            means = (_PRIOR * (self._shape + peaks[:, None]) + summed) / (_PRIOR + total)[:, None]
            peak, last = float(peaks[-1]), means[-1]
            waiting = np.concatenate([waiting, piece])
            dropped = min(to_skip, len(means))
            to_skip, means = to_skip - dropped, means[dropped:]
            if len(means):
                yield _scaled(waiting[: len(means)], means)
                waiting = waiting[len(means) :]
        if len(waiting):
            yield _scaled(waiting, last)


def _scaled(energies: np.ndarray, means: np.ndarray) -> np.ndarray:
    return np.clip((energies - means) / SCALE, *RANGE).astype(np.float32)
