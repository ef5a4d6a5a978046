"""Mel-frequency cepstra as DeepSpeech 0.1.0 hears them: the definitions of python_speech_features with its defaults.

Rectangular windows of 25 ms, pre-emphasis 0.97, 26 filters from 0 to 8 kHz, all 26 cepstra, lifter 22, the first one
replaced by the logarithm of the energy (spec 2, section 4.1).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.fft import dct

from d3talker.signals.speech import RATE, SoundSource, short_pieces

CEPSTRA = 26
"""Numbers a row."""
CONTEXT = 9
"""Rows before and after a row that the network sees with it."""
INPUTS = (2 * CONTEXT + 1) * CEPSTRA
"""Numbers that the network sees: 494."""
_WINDOW = 400
_STEP = 320  # every second window of the usual 160 samples
_TRANSFORM = 512
_EMPHASIS = 0.97
_TINY = np.finfo(np.float64).eps  # stands for an energy of 0
_LIFTER = 1.0 + 11.0 * np.sin(np.pi * np.arange(CEPSTRA) / 22.0)


def cepstra(sound: SoundSource) -> np.ndarray:
    """The cepstra (R, 26) float32 at 50 Hz of a whole sound; row r hears the samples 320 r .. 320 r + 399.

    An hour takes 19 MB.
    """
    return np.concatenate([np.zeros((0, CEPSTRA), np.float32), *_stream(sound)])


def _stream(sound: SoundSource) -> Iterator[np.ndarray]:
    filters = _mel_filters()
    held, before, seen, given = np.zeros(0), 0.0, 0, 0
    for piece in short_pieces(sound()):
        whole = np.trunc(np.clip(piece.astype(np.float64) * 32768.0, -32768.0, 32767.0))  # as int16 samples
        emphasised = whole - _EMPHASIS * np.concatenate([[before], whole[:-1]])
        held, before, seen = np.concatenate([held, emphasised]), whole[-1], seen + len(piece)
        ready = (len(held) - _WINDOW) // _STEP + 1
        if ready > 0:
            yield _transform(held[: _STEP * (ready - 1) + _WINDOW], filters)
            held, given = held[_STEP * ready :], given + ready
    windows = 1 + max(0, -(-(seen - _WINDOW) // 160))  # of every 160 samples, the last one filled up with zeros
    rest = (windows + 1) // 2 - given if seen else 0
    if rest > 0:
        padded = np.concatenate([held, np.zeros(_STEP * rest + _WINDOW)])
        yield _transform(padded[: _STEP * (rest - 1) + _WINDOW], filters)


def _transform(samples: np.ndarray, filters: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_STEP]
    power = np.abs(np.fft.rfft(windows, _TRANSFORM)) ** 2 / _TRANSFORM
    energy, bands = power.sum(axis=1), power @ filters
    energy, bands = np.where(energy == 0, _TINY, energy), np.where(bands == 0, _TINY, bands)
    rows = dct(np.log(bands), type=2, axis=1, norm="ortho")[:, :CEPSTRA] * _LIFTER
    rows[:, 0] = np.log(energy)
    return rows.astype(np.float32)


def _mel_filters() -> np.ndarray:
    """Triangles (257, 26) between whole bins of the transform, each rising to 1."""
    mels = np.linspace(0.0, 2595.0 * np.log10(1.0 + RATE / 2 / 700.0), CEPSTRA + 2)
    bins = np.floor((_TRANSFORM + 1) * 700.0 * (10.0 ** (mels / 2595.0) - 1.0) / RATE)
    place = np.arange(_TRANSFORM // 2 + 1)[:, None]
    low, peak, high = bins[:-2], bins[1:-1], bins[2:]
    rise, fall = (place - low) / (peak - low), (high - place) / (high - peak)
    return np.where((place >= low) & (place < peak), rise, np.where((place >= peak) & (place < high), fall, 0.0))


class NetworkInputs:
    """What the network sees of cepstra (R, 26): each row with nine on either side, zeros beyond the ends.

    One mean and one deviation over all of it, the zeros included, as the published code has it: that is why the whole
    sound must be heard before the first row.
    """

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows
        count = len(rows)
        place = np.arange(count)
        seen = 1.0 + np.minimum(place, CONTEXT) + np.minimum(place[::-1], CONTEXT)  # how many inputs hold a row
        total = float(max(1, count) * INPUTS)
        self._mean = float(seen @ rows.sum(axis=1, dtype=np.float64)) / total
        squares = seen @ ((rows - self._mean) ** 2).sum(axis=1, dtype=np.float64)
        beyond = total - CEPSTRA * seen.sum()  # the zeros
        self._deviation = float(np.sqrt((squares + beyond * self._mean**2) / total)) or 1.0

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, wanted: slice) -> np.ndarray:
        """Rows (n, 494) float32 of a slice without step."""
        start, stop, _ = wanted.indices(len(self))
        around = self._rows[max(0, start - CONTEXT) : stop + CONTEXT]
        before = max(0, CONTEXT - start)
        padded = np.zeros((stop - start + 2 * CONTEXT, CEPSTRA), np.float32)
        padded[before : before + len(around)] = around
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * CONTEXT + 1, axis=0)
        flat = windows.transpose(0, 2, 1).reshape(stop - start, INPUTS)
        return ((flat - self._mean) / self._deviation).astype(np.float32)
