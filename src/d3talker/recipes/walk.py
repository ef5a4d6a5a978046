"""Where the head looks while it talks for longer than its clip: to and fro along the clip's own path."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from d3talker.core.errors import D3Error


def to_and_fro(count: int) -> np.ndarray:
    """Indices 0 .. count - 1 .. 1 of one period, so that the next period goes on without a jump."""
    return np.concatenate([np.arange(count), np.arange(count - 2, 0, -1)]) if count > 1 else np.zeros(1, int)


def smooth_cameras(world_to_cam: np.ndarray, width: int = 5) -> np.ndarray:
    """A closed path of cameras (P, 4, 4), each the mean of its ``width`` neighbours; rotations stay rotations."""
    half = width // 2
    mean = np.mean([np.roll(world_to_cam, shift, axis=0) for shift in range(-half, half + 1)], axis=0)
    u, _, v = np.linalg.svd(mean[:, :3, :3])
    mean[:, :3, :3] = u @ v
    return mean


def stillest(world_to_cam: np.ndarray, blink: np.ndarray) -> int:
    """The frame nearest to the clip's middle pose, eyes open."""
    poses = world_to_cam[:, :3].reshape(len(world_to_cam), -1)
    distance = np.linalg.norm(poses - np.median(poses, axis=0), axis=1)
    return int(np.argmin(distance + 10.0 * (blink > 0.3)))


def read_blinks(path: Path) -> Iterator[float]:
    """The blinks of a text file, one number a frame in [0, 1], open for ever after.

    Raises:
        D3Error: no such file, or it holds something else.
    """
    wanted = "auto, clip, none, or a text file with one number from 0 to 1 a frame"
    try:
        numbers = [float(word) for word in path.read_text(encoding="utf-8").split()]
    except (OSError, ValueError):
        raise D3Error(f"--blink {path}", wanted, "Check the file.") from None
    if not numbers or not all(0.0 <= number <= 1.0 for number in numbers):
        raise D3Error(f"--blink {path} holds numbers beyond 0 to 1, or none", wanted, "Check the file.")
    return chain(numbers, repeat(0.0))
