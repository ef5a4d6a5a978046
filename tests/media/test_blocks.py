"""Frames by number, to and fro."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from d3talker.media import blocks
from d3talker.media.blocks import FrameBlocks
from d3talker.media.video import VideoWriter, read_frames


def test_frames_by_number_in_any_order(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "v.mkv", 16, 16, style="lossless") as video:
        for i in range(60):
            video.write(np.full((16, 16, 3), 4 * i, np.uint8))
    frames = FrameBlocks(tmp_path / "v.mkv")
    for i in [*range(60), *range(59, -1, -1), 3, 48, 26]:
        assert int(frames[i][0, 0, 0]) == 4 * i
    assert int(FrameBlocks(tmp_path / "v.mkv", start=0.4)[5][0, 0, 0]) == 4 * 15
    with pytest.raises(IndexError):
        frames[60]


def test_what_was_read_is_kept_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To and fro over four blocks: from memory where they fit, from the file again where two do."""
    with VideoWriter(tmp_path / "v.mkv", 16, 16, style="lossless") as video:
        for i in range(100):
            video.write(np.full((16, 16, 3), 2 * i, np.uint8))
    reads: list[float] = []

    def counted(path: Path, start: float, end: float) -> Iterator[np.ndarray]:
        reads.append(start)
        return read_frames(path, start=start, end=end)

    monkeypatch.setattr(blocks, "read_frames", counted)
    for kept, times in ((4, 4), (2, 6)):
        monkeypatch.setattr(blocks, "KEPT", kept * 25 * 16 * 16)
        reads.clear()
        frames = FrameBlocks(tmp_path / "v.mkv", channels=1)
        for i in [*range(100), *range(99, -1, -1)]:
            assert frames[i].shape == (16, 16, 1)
            assert int(frames[i][0, 0, 0]) == 2 * i
        assert len(reads) == times
