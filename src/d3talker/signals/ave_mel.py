"""The mel patches that AVE hears: those of Wav2Lip, by librosa's definitions (spec 2, section 4.4).

Pre-emphasis 0.97, Hann windows of 50 ms every 12.5 ms, centred, zeros beyond the ends (librosa since 0.10), 80 bands
of Slaney's scale from 55 to 7600 Hz, decibels from -100 to 0 below 20 dB stretched to [-4, 4].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from d3talker.signals.speech import RATE, short_pieces

BANDS = 80
"""Mel bands of a patch."""
PATCH = 16
"""Mel steps of a patch: 200 ms."""
_WINDOW, _STEP = 800, 200  # samples
_BATCH = 64


def mel_patches(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Patches (n, 80, 16) float32 in [-4, 4] at 25 a second, n at most 64; patch i starts at step int(3.2 i).

    A sound of M steps has int((M - 16) / 3.2) + 2 of them; the last one stands against the end of the sound.
    """
    held, first, given = np.zeros((0, BANDS), np.float32), 0, 0
    for steps in mel_steps(pieces):
        held = np.concatenate([held, steps])
        room = first + len(held) - PATCH  # where the last whole patch starts
        count = (5 * room + 4) // 16 + 1 if room >= 0 else 0  # 16 i // 5 <= room
        yield from _cut(held, 16 * np.arange(given, count) // 5 - first)
        given = max(given, count)
        needed = max(0, min(16 * given // 5, room))
        held, first = held[needed - first :], needed
    if first + len(held) < PATCH:
        held = np.pad(held, ((0, PATCH - first - len(held)), (0, 0)), constant_values=-4.0)
    room = first + len(held) - PATCH
    yield from _cut(held, np.minimum(16 * np.arange(given, 5 * room // 16 + 2) // 5, room) - first)


def _cut(steps: np.ndarray, starts: np.ndarray) -> Iterator[np.ndarray]:
    for begin in range(0, len(starts), _BATCH):
        yield np.stack([steps[start : start + PATCH].T for start in starts[begin : begin + _BATCH]])


def mel_steps(pieces: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Mel steps (n, 80) float32 in [-4, 4] at 80 Hz of sound (S,) in pieces; 1 + S // 200 in all."""
    filters = _slaney_filters()
    taper = np.hanning(_WINDOW + 1)[:_WINDOW]
    held, before, seen, given = np.zeros(_WINDOW // 2), 0.0, 0, 0
    for piece in short_pieces(pieces):
        emphasised = piece - 0.97 * np.concatenate([[before], piece[:-1]])
        held, before, seen = np.concatenate([held, emphasised]), float(piece[-1]), seen + len(piece)
        ready = (len(held) - _WINDOW) // _STEP + 1
        if ready > 0:
            yield _transform(held[: _STEP * (ready - 1) + _WINDOW], taper, filters)
            held, given = held[_STEP * ready :], given + ready
    rest = 1 + seen // _STEP - given
    padded = np.concatenate([held, np.zeros(_WINDOW)])
    yield _transform(padded[: _STEP * (rest - 1) + _WINDOW], taper, filters)


def _transform(samples: np.ndarray, taper: np.ndarray, filters: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_STEP]
    loudness = np.abs(np.fft.rfft(windows * taper)) @ filters
    decibels = 20.0 * np.log10(np.maximum(1e-5, loudness)) - 20.0
    return np.clip(8.0 * (decibels + 100.0) / 100.0 - 4.0, -4.0, 4.0).astype(np.float32)


def _slaney_filters() -> np.ndarray:
    """Triangles (401, 80) of one area each; the scale is linear up to 1 kHz (mel 15) and logarithmic above."""
    mel = np.linspace(55.0 * 3 / 200, 15.0 + 27.0 * np.log(7.6) / np.log(6.4), BANDS + 2)
    edges = np.where(mel < 15.0, mel * 200.0 / 3, 1000.0 * 6.4 ** ((mel - 15.0) / 27.0))
    frequency = np.arange(_WINDOW // 2 + 1)[:, None] * (RATE / _WINDOW)
    low, peak, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((frequency - low) / (peak - low), (high - frequency) / (high - peak))
    return np.maximum(0.0, triangles) * 2.0 / (high - low)
