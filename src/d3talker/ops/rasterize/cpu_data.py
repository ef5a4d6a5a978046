"""The arrays that the CPU kernels pass around: float32 and contiguous where nothing else is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from numpy import ndarray


@dataclass(frozen=True)
class Scene:
    """The inputs of one camera."""

    means: ndarray
    """(N, 3) metres."""
    quats: ndarray
    """(N, 4)."""
    scales: ndarray
    """(N, 3) metres."""
    opacities: ndarray
    """(N,)."""
    features: ndarray
    """(N, C)."""
    probe: ndarray
    """(N, 2) pixels added to the projected means."""
    pose: ndarray
    """(4, 4) world to camera."""
    intrinsics: ndarray
    """(3, 3)."""


@dataclass(frozen=True)
class SceneGradients:
    """Loss gradients by the fields of :class:`Scene`, 0 where a Gaussian is not drawn."""

    means: ndarray
    quats: ndarray
    scales: ndarray
    opacities: ndarray
    features: ndarray
    probe: ndarray
    pose: ndarray


class Lists(NamedTuple):
    """Which Gaussians each tile of the picture blends; tiles are numbered row by row."""

    tiles_across: int
    """tiles in a row."""
    offsets: ndarray
    """(tiles + 1,) int64 bounds of each tile's list in ``entries``."""
    entries: ndarray
    """(total,) int32 rows of ``Walk.packed``, nearest first."""
    spans: ndarray
    """(total, 2) uint16 the pixels [first, end) of the tile that each entry can touch; empty if no pixel needs it."""
    walked: ndarray
    """(tiles,) int32 entries walked before all pixels had stopped."""


class Pictures(NamedTuple):
    """What one camera sees, or loss gradients by that."""

    features: ndarray
    """(H, W, C)."""
    alpha: ndarray
    """(H, W)."""
    depth: ndarray
    """(H, W) metres."""


@dataclass(frozen=True)
class Walk:
    """What the gradient needs of a rendering, beside its inputs and pictures."""

    order: ndarray
    """(M,) int32 Gaussians in front of the camera, nearest first."""
    packed: ndarray
    """(M, 16) see ``cpu_project``."""
    extra: ndarray
    """(M, E) channels from the fourth on, padded to a multiple of four."""
    boxes: ndarray
    """(M, 4) int32 tiles touched: first column, end column, first row, end row."""
    lists: Lists
    bounds: list[int]
    """bounds of runs of tiles of about equal cost."""
