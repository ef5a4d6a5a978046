"""Speech features that other programs wrote as ``.npy`` files, a window a frame at 25 fps.

| file | array | axes |
|-|-|-|
| ``aud.npy``, ``aud_ds.npy`` | (T, 16, 29) | frames, rows, channels |
| ``aud_eo.npy`` | (T or T + 1, 16, 44) | frames, rows, channels |
| ``aud_hu.npy`` | (T, 2, 1024) | frames, rows, channels |
| ``aud_ave.npy`` | (T + 1, 512, 1) or (T + 1, 1, 512) | frames, and the shorter of the two others is the rows |

(spec 1, sections 1.1 and 1.5). Nothing in a file is ever run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.signals.speech import WINDOW_ROWS, SoundSource, sound_frames

TOLERANCE = 2
"""Frames by which a file may be longer or shorter than its sound: what the programs that wrote them differ by."""
_WANTED = (
    "an array (frames, rows, channels) of floats with 1 to 16 rows, such as (T, 16, 29), (T, 2, 1024), (T, 1, 512)"
)
_PIECE = 250


class StoredFeatures:
    """The windows of one file; they belong to one sound, whatever sound they are asked for must be as long."""

    def __init__(self, path: Path) -> None:
        """Looks at the file without reading it.

        Raises:
            D3Error: missing, no array, of objects, or of another shape.
        """
        self.name = f"stored:{path}"
        self._path = path
        self._windows = _open(path)
        self.channels = self._windows.shape[2]

    def __len__(self) -> int:
        return len(self._windows)

    def fingerprint(self) -> str:
        """The shape of a window: a head that learned on one file talks with another one of the same program.

        That it was the same program, the file does not tell.
        """
        return f"stored-{self._windows.shape[1]}x{self.channels}"

    def windows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """See :class:`d3talker.signals.speech.WindowFeatures`.

        Raises:
            D3Error: the file is not of a sound of that length, or holds something that is no number.
        """
        frames = sound_frames(sound)
        if abs(frames - len(self)) > TOLERANCE:
            raise D3Error(
                f"{self._path} holds {len(self)} frames and the sound {frames}",
                f"the features of this very sound, {frames} frames at 25 fps",
                "Give the sound that the file was made of, or make the file anew.",
            )
        for start in range(0, min(frames, len(self)), _PIECE):
            yield self._piece(start, min(start + _PIECE, frames))
        if frames > len(self):
            yield np.repeat(self._piece(len(self) - 1, len(self)), frames - len(self), axis=0)

    def _piece(self, start: int, stop: int) -> np.ndarray:
        piece = np.array(self._windows[start:stop], np.float32)
        if not np.isfinite(piece).all():
            frame = start + int(np.flatnonzero(~np.isfinite(piece).all(axis=(1, 2)))[0])
            raise D3Error(f"{self._path} holds no number in frame {frame}", "finite numbers", "Make the file anew.")
        return piece


def _open(path: Path) -> np.ndarray:
    """The windows (T, W, C), mapped from the file."""
    try:
        stored = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise D3Error(f"{path} is missing", "a .npy file of speech features", "Check the path.") from None
    except (OSError, ValueError, EOFError, OverflowError, BadZipFile):  # whatever numpy says of a damaged file
        raise D3Error(
            f"{path} is no whole array of numbers", "a .npy file of speech features", "Make the file anew with np.save."
        ) from None
    if not isinstance(stored, np.ndarray):
        stored.close()
        raise D3Error(f"{path} holds several arrays", "a .npy file of one", "Save the features alone with np.save.")
    shape = stored.shape
    if stored.dtype.kind != "f" or len(shape) != 3 or 0 in shape or min(shape[1:]) > WINDOW_ROWS:
        raise D3Error(f"{path} holds {stored.dtype} {shape}", _WANTED, "Give the file that training reads.")
    return stored if shape[1] <= WINDOW_ROWS else stored.transpose(0, 2, 1)
