"""The square crop around the head: one for the whole clip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from d3talker.faces import points


@dataclass(frozen=True)
class Crop:
    """A square of the source picture, in whole source pixels, and the picture it was cut from.

    ``left``, ``top``, ``side``, ``source_width`` and ``source_height`` are what pasting a rendered head back needs.
    """

    left: int
    top: int
    side: int
    source_width: int
    source_height: int

    def cut(self, frame: np.ndarray, size: int) -> np.ndarray:
        """The crop of a source frame (H, W, 3) uint8, resized to (size, size, 3) with Lanczos filtering."""
        from PIL import Image

        square = frame[self.top : self.top + self.side, self.left : self.left + self.side]
        if self.side == size:
            return np.ascontiguousarray(square)
        return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.LANCZOS))

    def to_crop(self, landmarks: np.ndarray, size: int) -> np.ndarray:
        """Landmarks (..., 3) of the source picture as pixels of the crop at ``size``; z scales along."""
        return (landmarks - np.array([self.left, self.top, 0])) * (size / self.side)

    def as_dict(self) -> dict[str, int]:
        """For ``clip.json``."""
        return asdict(self)


def square_crop(faces: Iterable[np.ndarray], width: int, height: int, scale: float = 2.1) -> Crop:
    """Chooses a square that holds the head, its hair and some shoulders in every frame.

    The side is ``scale`` times the tallest face of the clip (forehead point to chin; the hair is above both), wide
    enough for where the head goes. The face's middle stands a little above the middle of the crop. A crop that leaves
    the picture is moved in; one that is larger than the picture is made as large as the picture allows.

    Args:
        faces: landmarks (478, 3) of every frame, in source pixels.
        width: source pixels in a row.
        height: source rows.
        scale: side of the crop in face heights.
    """
    boxes = np.array(
        [[*face[points.FACE_OVAL, :2].min(axis=0), *face[points.FACE_OVAL, :2].max(axis=0)] for face in faces]
    )
    tallest = (boxes[:, 3] - boxes[:, 1]).max()
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    wanted = max(scale * tallest, 1.3 * (right - left), 1.6 * (bottom - top))
    side = int(min(round(wanted), width, height))
    across = round((left + right) / 2 - side / 2)
    down = round((top + bottom) / 2 - 0.48 * side)
    return Crop(
        left=int(np.clip(across, 0, width - side)),
        top=int(np.clip(down, 0, height - side)),
        side=side,
        source_width=width,
        source_height=height,
    )
