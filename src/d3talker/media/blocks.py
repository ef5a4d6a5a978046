"""Frames of a video by number, in any order that mostly moves by one, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np

from d3talker.media.video import read_frames

BLOCK = 25
"""Frames read at once."""
KEPT = 128 << 20
"""Bytes of frames that are kept for the way back; what was not asked for longest goes first."""


class FrameBlocks:
    """Reads frame ``i`` of a 25 fps grid that starts ``start`` seconds into the video.

    Only the first ``channels`` of the three are kept.
    """

    def __init__(self, path: Path, start: float = 0.0, channels: int = 3) -> None:
        self._path, self._start, self._channels = path, start, channels
        self._blocks: OrderedDict[int, np.ndarray] = OrderedDict()

    def __getitem__(self, frame: int) -> np.ndarray:
        """(H, W, channels) uint8, not to be written to.

        Raises:
            IndexError: the video ends before.
        """
        number, place = divmod(frame, BLOCK)
        if number not in self._blocks:
            begin = self._start + number * BLOCK / 25
            pictures = read_frames(self._path, start=begin, end=begin + BLOCK / 25)
            block = np.stack([picture[..., : self._channels] for picture in pictures])
            while self._blocks and (len(self._blocks) + 1) * block.nbytes > KEPT:
                self._blocks.popitem(last=False)
            self._blocks[number] = block
        self._blocks.move_to_end(number)
        return self._blocks[number][place]
