"""What the audio-to-motion network hears: phones, mel energies, pitch and voicing, 50 rows a second."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import log_softmax

from d3talker.phonetics.classes import CLASS_INDEX, CLASSES
from d3talker.signals.phone29 import Phone29
from d3talker.signals.phone_encoder import BANDS
from d3talker.signals.pitch import pitch_frames
from d3talker.signals.speech import SoundSource

MEL_COLUMNS = BANDS // 2
COLUMNS = len(CLASSES) + MEL_COLUMNS + 3
"""Columns of a row: log posteriors of the phones, mel energies, their mean, pitch, voicing."""
_LEAST = -12.0  # log posteriors below it tell nothing
_SCALE = 6.0
_QUIET = -2.8  # mean energy of a row that is silence, in the unit of speech_level.SCALE


def stream_features(phones: Phone29, sound: SoundSource) -> Iterator[np.ndarray]:
    """Pieces (n, COLUMNS) float32 of order 1, an even number of rows in all; the same however the sound is cut."""
    pitches = _Reader(pitch_frames(sound))
    for logits, steps in phones.rows_and_steps(sound):
        posteriors = np.maximum(log_softmax(logits, axis=1), _LEAST) / _SCALE + 1.0
        bands = steps.reshape(len(steps), 2, MEL_COLUMNS, 2).mean(axis=(1, 3))
        energy = bands.mean(axis=1, keepdims=True)
        yield np.concatenate([posteriors, bands, energy, pitches.take(len(logits))], axis=1).astype(np.float32)


def phone_shares(rows: np.ndarray) -> np.ndarray:
    """The shares of the phone classes in feature rows, (T, 29) in [0, 1]; what is 30 dB below speech is silence."""
    classes = len(CLASSES)
    shares = np.exp(_SCALE * (rows[:, :classes] - 1.0))
    quiet = rows[:, classes + MEL_COLUMNS] < _QUIET
    shares[quiet] = np.eye(classes, dtype=shares.dtype)[CLASS_INDEX["sil"]]
    return shares


class _Reader:
    """Takes rows from a stream of pieces, any number at a time."""

    def __init__(self, pieces: Iterator[np.ndarray]) -> None:
        self._pieces = pieces
        self._held: np.ndarray | None = None

    def take(self, count: int) -> np.ndarray:
        held = next(self._pieces) if self._held is None else self._held
        while len(held) < count:
            held = np.concatenate([held, next(self._pieces)])
        self._held = held[count:]
        return held[:count]
