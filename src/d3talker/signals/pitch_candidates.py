"""What the pitch of a moment may be: peaks of the windowed autocorrelation (Boersma 1993).

The autocorrelation of a windowed piece of sound, divided by that of the window, is an estimate of the sound's own
(P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
sound", IFA Proceedings 17, 1993, equations 8 and 9). Its peaks within the range of pitch are the candidates. Peaks
between two samples are found on an autocorrelation four times as fine: the inverse transform of the power spectrum,
filled up with zeros, is the band-limited interpolation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import fft

from d3talker.signals.speech import RATE, SoundSource

CANDIDATES = 14
"""Voiced candidates of a frame."""
_PERIODS = 3.0  # of the lowest pitch in a window
_FINER = 4  # steps of the interpolated autocorrelation in one sample
_BLOCK = 256  # frames transformed at once


@dataclass(frozen=True)
class Candidates:
    """Of n frames, K candidates each, in no order; where a frame has fewer, the strength is -inf and the pitch 1."""

    pitch: np.ndarray
    """(n, K) Hz."""
    strength: np.ndarray
    """(n, K) height of the peak, at most 1: the share of the power that repeats itself."""
    loudest: np.ndarray
    """(n,) largest absolute value of the samples within half a longest period, their mean removed."""


@dataclass(frozen=True)
class FrameTimes:
    """Where frames stand: frame j is centred at ``first + j * step`` seconds."""

    first: float
    step: float
    count: Callable[[int], int]
    """Samples heard so far to frames in them; never falls."""

    def centres(self, start: int, end: int) -> np.ndarray:
        """The middle samples of the frames ``start`` to ``end``, (end - start,) int64."""
        return np.rint((self.first + self.step * np.arange(start, end)) * RATE).astype(np.int64)


class PitchAnalysis:
    """Finds candidates between ``floor`` and ``ceiling`` Hz.

    Args:
        floor: lowest pitch; three periods of it make the window.
        ceiling: highest pitch.
        quiet: amplitude of noise that is thought to be added to every frame: what is much softer has no pitch, and
            nothing is divided by 0.
    """

    def __init__(self, floor: float, ceiling: float, quiet: float = 1e-7) -> None:
        self.window = 2 * round(_PERIODS * RATE / floor / 2)
        self._taper = np.hanning(self.window + 2)[1:-1].astype(np.float32)
        self._size = fft.next_fast_len(2 * self.window, real=True)
        own = fft.irfft(np.abs(fft.rfft(self._taper.astype(np.float64), self._size)) ** 2, self._size * _FINER)
        self._quiet = np.float32(quiet**2 * own[0])
        self._first, last = int(_FINER * RATE / ceiling), int(_FINER * RATE / floor) + 1
        self._lags = slice(self._first - 1, last + 2)  # in finer steps; one more at both ends to see peaks
        self._scale = (own[0] / own[self._lags]).astype(np.float32)
        self._near = round(RATE / floor / 2)

    def find(self, frames: np.ndarray) -> Candidates:
        """The candidates of pieces of sound (n, window) float32."""
        middle = frames[:, self.window // 2 - self._near : self.window // 2 + self._near]
        frames = (frames - frames.mean(axis=1, keepdims=True)) * self._taper
        correlation = fft.irfft(np.abs(fft.rfft(frames, self._size)) ** 2, self._size * _FINER)
        curve = correlation[:, self._lags] / (correlation[:, :1] + self._quiet) * self._scale
        pitch, strength = self._peaks(curve)
        loudest = np.abs(middle - middle.mean(axis=1, keepdims=True)).max(axis=1)
        return Candidates(pitch.astype(np.float64), strength.astype(np.float64), loudest.astype(np.float64))

    def stream(self, sound: SoundSource, times: FrameTimes) -> Iterator[Candidates]:
        """The candidates of all frames in order, the same however the sound is cut; zeros stand around the sound."""
        half = self.window // 2
        held, start, seen, given = np.zeros(half, np.float32), -half, 0, 0
        for piece in sound():
            held = np.concatenate([held, piece.astype(np.float32, copy=False)])
            seen += len(piece)
            whole = int(np.floor(((seen - half) / RATE - times.first) / times.step))  # at most one less than there are
            ready = max(given, min(whole, times.count(seen)))
            yield from self._cut(held, times.centres(given, ready) - half - start)
            given = ready
            spare = max(0, int(times.centres(given, given + 1)[0]) - half - start)
            held, start = held[spare:], start + min(spare, len(held))
        rest = times.centres(given, times.count(seen)) - half - start
        if len(rest):
            held = np.concatenate([held, np.zeros(max(0, int(rest[-1]) + self.window - len(held)), np.float32)])
            yield from self._cut(held, rest)

    def _cut(self, held: np.ndarray, starts: np.ndarray) -> Iterator[Candidates]:
        for block in range(0, len(starts), _BLOCK):
            windows = np.lib.stride_tricks.sliding_window_view(held, self.window)
            yield self.find(windows[starts[block : block + _BLOCK]])

    def _peaks(self, curve: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pitch and height of the highest local maxima of ``curve`` (n, lags), refined by parabolas."""
        left, here, right = curve[:, :-2], curve[:, 1:-1], curve[:, 2:]
        heights = np.where((here > left) & (here >= right) & (here > 0), here, -np.inf)
        best = np.argpartition(-heights, CANDIDATES - 1, axis=1)[:, :CANDIDATES]
        found = np.isfinite(np.take_along_axis(heights, best, axis=1))
        left, here, right = (np.take_along_axis(part, best, axis=1) for part in (left, here, right))
        bend = np.where(found, 2.0 * here - left - right, 1.0)
        shift = np.where(found, 0.5 * (right - left) / bend, 0.0)
        pitch = np.where(found, _FINER * RATE / (self._first + best + shift), 1.0)
        return pitch, np.where(found, np.minimum(here + 0.25 * (right - left) * shift, 1.0), -np.inf)
