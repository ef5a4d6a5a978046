"""Speech features: one interface, windows of 16 rows at 50 Hz for every frame at 25 fps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

RATE = 16_000
"""Samples a second of all sound."""
FRAME_SAMPLES = 640
"""Samples a video frame."""
WINDOW_ROWS = 16
"""Rows at 50 Hz in a window; window t holds the rows 2t - 8 .. 2t + 7 (spec 1, section 1.5)."""

SoundSource = Callable[[], Iterator[np.ndarray]]
"""Gives the sound from its start, in pieces (S,) float32 at 16 kHz; may be called twice."""


class SpeechFeatures(Protocol):
    """What adaptation and talking know of a speech front end."""

    name: str
    channels: int

    def fingerprint(self) -> str:
        """Names the front end and everything that changes its numbers; a head talks only with the one it learned on."""
        ...

    def rows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """The features at 50 Hz in order, pieces (n, channels) float32; an even number of rows in all."""
        ...


def frame_count(samples: int) -> int:
    """Video frames at 25 fps that cover ``samples`` samples: at least 1, the last one half filled or more."""
    return max(1, (samples + FRAME_SAMPLES // 2) // FRAME_SAMPLES)


def stream_windows(features: SpeechFeatures, sound: SoundSource, piece: int = 250) -> Iterator[np.ndarray]:
    """The windows of every frame, in pieces (n, 16, C) with n <= ``piece``; memory does not grow with the sound.

    Rows before the start and after the end repeat the first and the last one.
    """
    half = WINDOW_ROWS // 2
    held: np.ndarray | None = None
    for block in features.rows(sound):
        held = np.concatenate([np.repeat(block[:1], half, axis=0) if held is None else held, block])
        ready = (len(held) - WINDOW_ROWS) // 2 + 1
        for start in range(0, ready - ready % piece, piece):
            yield _cut(held, start, piece)
        held = held[2 * (ready - ready % piece) :] if ready > 0 else held
    if held is None:
        return
    held = np.concatenate([held, np.repeat(held[-1:], half - 2, axis=0)])
    ready = (len(held) - WINDOW_ROWS) // 2 + 1
    for start in range(0, ready, piece):
        yield _cut(held, start, min(piece, ready - start))


def _cut(rows: np.ndarray, start: int, count: int) -> np.ndarray:
    return np.stack([rows[2 * t : 2 * t + WINDOW_ROWS] for t in range(start, start + count)])


def speech_windows(features: SpeechFeatures, samples: np.ndarray) -> np.ndarray:
    """The windows (T, 16, C) of a whole recording (S,), T = :func:`frame_count`."""
    return np.concatenate(list(stream_windows(features, lambda: iter([samples]))))


class LogMel:
    """Log-mel energies, 25 ms windows, two 10 ms steps a row, the mean over speech removed.

    The normalisation is that of spec 5: levels differ by 18 dB between recordings, so the mean of every band over
    the active frames of the whole sound is taken away; the sound is read twice for it.
    """

    name = "logmel"

    def __init__(self, bands: int = 32) -> None:
        self.channels = bands
        self._filters = mel_filters(bands)
        self._taper = np.hanning(401)[:400].astype(np.float32)

    def fingerprint(self) -> str:
        """See :class:`SpeechFeatures`."""
        return f"logmel-{self.channels}-50hz-v1"

    def rows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """See :class:`SpeechFeatures`; values in [-5, 4]."""
        mean = self._speech_mean(sound)
        for energies in self._energies(sound):
            pairs = energies.reshape(-1, 2, self.channels).mean(axis=1)
            yield np.clip((pairs - mean) / 2.5, -5.0, 4.0).astype(np.float32)

    def _speech_mean(self, sound: SoundSource) -> np.ndarray:
        """Mean of every band over the frames within 30 dB of the loudest ones, from a histogram of loudness."""
        floor, width, bins = -25.0, 0.25, 200
        sums, counts = np.zeros((bins, self.channels)), np.zeros(bins)
        for energies in self._energies(sound):
            where = np.clip((energies.mean(axis=1) - floor) / width, 0, bins - 1).astype(int)
            np.add.at(sums, where, energies)
            np.add.at(counts, where, 1)
        heard = np.cumsum(counts[::-1])[::-1]
        loudest = int(np.flatnonzero(heard >= 0.05 * counts.sum()).max())
        active = slice(max(0, loudest - int(6.9 / width)), bins)  # 30 dB is a factor of e ** 6.9 in power
        return (sums[active].sum(axis=0) / counts[active].sum()).astype(np.float32)

    def _energies(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """Natural logarithms (n, bands) at 100 Hz, n a multiple of 4; step k is centred at 10 k + 5 ms."""
        held, seen, given = np.zeros(120, np.float32), 0, 0
        for piece in sound():
            held = np.concatenate([held, piece.astype(np.float32)])
            seen += len(piece)
            ready = (len(held) - 400) // 160 + 1 if len(held) >= 400 else 0
            ready -= ready % 4
            if ready > 0:
                yield self._transform(held[: 160 * (ready - 1) + 400])
                given += ready
                held = held[160 * ready :]
        rest = 4 * frame_count(seen) - given
        if rest > 0:
            padded = np.concatenate([held, np.zeros(160 * rest + 400, np.float32)])
            yield self._transform(padded[: 160 * (rest - 1) + 400])

    def _transform(self, samples: np.ndarray) -> np.ndarray:
        steps = np.lib.stride_tricks.sliding_window_view(samples, 400)[::160]
        power = np.abs(np.fft.rfft(steps * self._taper, 512)) ** 2
        return np.log(power.astype(np.float32) @ self._filters + 1e-6)


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


FRONT_ENDS: dict[str, Callable[[], SpeechFeatures]] = {"logmel": LogMel}
"""The speech front ends by name."""
