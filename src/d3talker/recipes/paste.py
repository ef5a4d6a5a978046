"""Puts the drawn square back into the full frames that it was cut from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from d3talker.media.blocks import FrameBlocks

FEATHER = 0.06
"""Width of the soft rim as a part of the square's side."""


class Paste:
    """The full frames of a video with the square of ``crop`` {left, top, side, source_width, source_height}."""

    def __init__(self, video: Path, start: float, crop: dict[str, Any]) -> None:
        self._frames = FrameBlocks(video, start)
        self._crop = crop
        self.size = (int(crop["source_width"]), int(crop["source_height"]))
        side = int(round(crop["side"]))
        inside = np.minimum(np.arange(side) + 0.5, side - np.arange(side) - 0.5) / (FEATHER * side)
        ramp = np.clip(inside, 0.0, 1.0).astype(np.float32)
        self._soft = np.minimum(ramp[:, None], ramp[None, :])[..., None]

    def into_frame(self, picture: np.ndarray, place: int) -> np.ndarray:
        """The full frame (H, W, 3) uint8 of the clip's frame ``place`` with ``picture`` (R, R, 3) pasted in."""
        full = self._frames[place].copy()
        side = len(self._soft)
        left, top = int(round(self._crop["left"])), int(round(self._crop["top"]))
        drawn = np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))
        rows = slice(max(0, top), min(full.shape[0], top + side))
        columns = slice(max(0, left), min(full.shape[1], left + side))
        inner = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        soft = self._soft[inner]
        full[rows, columns] = np.round(soft * drawn[inner] + (1 - soft) * full[rows, columns]).astype(np.uint8)
        return full
