"""Frames by number, to and fro."""

from pathlib import Path

import numpy as np
import pytest

from d3talker.media.blocks import FrameBlocks
from d3talker.media.video import VideoWriter


def test_frames_by_number_in_any_order(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mkv", 16, 16, style="lossless") as video:
        for i in range(60):
            video.write(np.full((16, 16, 3), 4 * i, np.uint8))
    blocks = FrameBlocks(tmp_path / "v.mkv")
    for i in [*range(60), *range(59, -1, -1), 3, 48, 26]:
        assert int(blocks[i][0, 0, 0]) == 4 * i
    assert int(FrameBlocks(tmp_path / "v.mkv", start=0.4)[5][0, 0, 0]) == 4 * 15
    with pytest.raises(IndexError):
        blocks[60]
