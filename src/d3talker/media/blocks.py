"""Frames of a video by number, in any order that mostly moves by one: one block at a time is in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from d3talker.media.video import read_frames

BLOCK = 25
"""Frames read at once."""


class FrameBlocks:
    """Reads frame ``i`` of a 25 fps grid that starts ``start`` seconds into the video."""

    def __init__(self, path: Path, start: float = 0.0) -> None:
        self._path, self._start = path, start
        self._block = -1
        self._frames: list[np.ndarray] = []

    def __getitem__(self, frame: int) -> np.ndarray:
        """(H, W, 3) uint8.

        Raises:
            IndexError: the video ends before.
        """
        block, place = divmod(frame, BLOCK)
        if block != self._block:
            begin = self._start + block * BLOCK / 25
            self._frames = list(read_frames(self._path, start=begin, end=begin + BLOCK / 25))
            self._block = block
        return self._frames[place]
