"""Speech features: one interface, a window for every frame at 25 fps, as a rule 16 rows at 50 Hz."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, Protocol, runtime_checkable

import numpy as np

RATE = 16_000
"""Samples a second of all sound."""
FRAME_SAMPLES = 640
"""Samples a video frame."""
WINDOW_ROWS = 16
"""Rows at 50 Hz in a window; window t holds the rows 2t - 8 .. 2t + 7 (spec 1, section 1.5)."""

SoundSource = Callable[[], Iterator[np.ndarray]]
"""Gives the sound from its start, in pieces (S,) float32 at 16 kHz; may be called several times."""


class RowFeatures(Protocol):
    """A speech front end that gives rows at 50 Hz; :func:`stream_windows` cuts its windows."""

    name: str
    channels: int

    def fingerprint(self) -> str:
        """Names the front end and everything that changes its numbers; a head talks only with the one it learned on."""
        ...

    def rows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """The features at 50 Hz in order, pieces (n, channels) float32; an even number of rows in all."""
        ...


@runtime_checkable
class WindowFeatures(Protocol):
    """A speech front end whose natural form is a window a frame: others defined its length or its edges."""

    name: str
    channels: int

    def fingerprint(self) -> str:
        """See :class:`RowFeatures`."""
        ...

    def windows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """The windows of every frame in order, pieces (n, W, channels) float32, one W of 1 to 16 for all."""
        ...


SpeechFeatures = RowFeatures | WindowFeatures
"""What adaptation and talking know of a speech front end: its name, channels, fingerprint, and how to get windows."""


def frame_count(samples: int) -> int:
    """Video frames at 25 fps that cover ``samples`` samples: at least 1, the last one half filled or more."""
    return max(1, (samples + FRAME_SAMPLES // 2) // FRAME_SAMPLES)


def sound_frames(sound: SoundSource) -> int:
    """The :func:`frame_count` of a whole sound, which is read for it."""
    return frame_count(sum(len(piece) for piece in sound()))


def short_pieces(pieces: Iterable[np.ndarray], samples: int = 10 * RATE) -> Iterator[np.ndarray]:
    """The same sound in pieces of at most ``samples``, none empty: what is computed of one stays small."""
    for piece in pieces:
        for start in range(0, len(piece), samples):
            yield piece[start : start + samples]


def stream_windows(features: SpeechFeatures, sound: SoundSource, piece: int = 250) -> Iterator[np.ndarray]:
    """The windows of every frame, in pieces (n, W, C) with n <= ``piece``; memory does not grow with the sound.

    W is 16 for rows at 50 Hz, and rows before the start and after the end then repeat the first and the last one.
    """
    if isinstance(features, WindowFeatures):
        for windows in features.windows(sound):
            for start in range(0, len(windows), piece):
                yield windows[start : start + piece]
    else:
        yield from cut_windows(features.rows(sound), piece)


def cut_windows(
    rows: Iterable[np.ndarray], piece: int = 250, edges: Literal["repeat", "zero"] = "repeat"
) -> Iterator[np.ndarray]:
    """Cuts rows at 50 Hz, pieces (n, C), into windows, pieces (m, 16, C) with m <= ``piece``.

    What stands before the start and after the end: the first and the last row again, or zeros.
    """
    half = WINDOW_ROWS // 2
    kept = 1.0 if edges == "repeat" else 0.0
    held: np.ndarray | None = None
    for block in rows:
        held = np.concatenate([kept * np.repeat(block[:1], half, axis=0) if held is None else held, block])
        ready = (len(held) - WINDOW_ROWS) // 2 + 1
        for start in range(0, ready - ready % piece, piece):
            yield _cut(held, start, piece)
        held = held[2 * (ready - ready % piece) :] if ready > 0 else held
    if held is None:
        return
    held = np.concatenate([held, kept * np.repeat(held[-1:], half - 2, axis=0)])
    ready = (len(held) - WINDOW_ROWS) // 2 + 1
    for start in range(0, ready, piece):
        yield _cut(held, start, min(piece, ready - start))


def _cut(rows: np.ndarray, start: int, count: int) -> np.ndarray:
    return np.stack([rows[2 * t : 2 * t + WINDOW_ROWS] for t in range(start, start + count)])


def speech_windows(features: SpeechFeatures, samples: np.ndarray) -> np.ndarray:
    """The windows (T, W, C) of a whole recording (S,), T = :func:`frame_count`."""
    return np.concatenate(list(stream_windows(features, lambda: iter([samples]))))
