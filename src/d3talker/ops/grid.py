"""Tri-plane encoding: three planes of multi-resolution grids, one feature a level, bilinear.

The idea is Instant-NGP's multi-resolution grid (Müller et al. 2022) on the three axis planes of ER-NeRF (Li et al.
2023). At talking-head resolutions every level fits without hashing, so it is a plain table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from d3talker.ops import grid_cpu
from d3talker.ops.backend import runs_on_cpu_kernels
from d3talker.ops.pool import shared_pool

PLANES = ((0, 1), (1, 2), (0, 2))
"""The two axes of each plane: xy, yz, xz."""

_ALIGNMENT = 8  # entries to which the table of a level is padded
_POINTS_PER_TASK = 2048
_LEVELS_PER_TASK = 6


@dataclass(frozen=True)
class GridShape:
    """Resolutions and table layout of one plane; all three planes are alike.

    Raises:
        ValueError: there is no level, or a resolution is not above 1, or the bound is not above 0.
    """

    lowest: float
    """Resolution of the first level."""
    highest: float
    """Resolution of the last level; those between grow, or shrink, geometrically."""
    levels: int = 12
    bound: float = 0.15
    """Half the side of the cube that the planes span, in metres."""

    def __post_init__(self) -> None:
        if self.levels < 1 or min(self.lowest, self.highest) <= 1 or self.bound <= 0:
            raise ValueError(f"{self}: wanted a level or more, resolutions above 1 and a bound above 0")

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """Cells across the bound, a level each: ``lowest * growth**level - 1``."""
        growth = (self.highest / self.lowest) ** (1 / max(1, self.levels - 1))
        return tuple(self.lowest * growth**level - 1 for level in range(self.levels))

    @cached_property
    def resolutions(self) -> tuple[int, ...]:
        """``ceil(scale) + 1``; a row of a table holds one entry more."""
        return tuple(math.ceil(scale) + 1 for scale in self.scales)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each level starts in the table of a plane, and at last its end: ``levels + 1`` numbers."""
        ends = [0]
        for resolution in self.resolutions:
            ends.append(ends[-1] + -(-((resolution + 1) ** 2) // _ALIGNMENT) * _ALIGNMENT)
        return tuple(ends)

    @property
    def size(self) -> int:
        """Entries in the table of a plane."""
        return self.offsets[-1]


def encode_triplane(points: Tensor, tables: Tensor, shape: GridShape, backend: str = "auto") -> Tensor:
    """Reads the features of points, differentiable in the points and in the tables.

    A coordinate x becomes ``u = (x + bound) / (2 bound)`` and lies ``u * scale + 0.5`` entries into a row of a level.
    Where u of either axis of a plane leaves [0, 1], the features of that plane are 0 and pass no gradient.

    Args:
        points: (N, 3) metres, head frame.
        tables: (3, shape.size) for the planes xy, yz, xz; within a level the second axis of a plane counts rows.
        shape: the layout of the tables.
        backend: auto (the CPU kernels for float32 on the CPU, else reference), reference or cpu.

    Returns:
        (N, 3 * levels): all levels of xy, then yz, then xz.

    Raises:
        ValueError: a shape does not fit, or the backend cannot take the tensors.
    """
    if points.ndim != 2 or points.shape[1] != 3 or tables.shape != (3, shape.size):
        seen = f"points {tuple(points.shape)} and tables {tuple(tables.shape)}"
        raise ValueError(f"{seen}; wanted (N, 3) and (3, {shape.size})")
    if runs_on_cpu_kernels(backend, points, tables):
        return _Encode.apply(points, tables, shape)
    return _encode_reference(points, tables, shape)


def _encode_reference(points: Tensor, tables: Tensor, shape: GridShape) -> Tensor:
    """All planes and levels at once, their corners by one gather, whose gradient a GPU adds up without sorting."""
    scales, strides, starts = _layout_on(points.device, points.dtype, shape)
    axes = ((points + shape.bound) / (2 * shape.bound)).unbind(1)
    across = torch.stack([axes[axis] for plane in PLANES for axis in plane]).unflatten(0, (len(PLANES), 2))
    inside = ((across >= 0) & (across <= 1)).all(dim=1)
    position = torch.where(inside[:, None], across, 0)[..., None] * scales + 0.5  # (3, 2, N, levels)
    corner = position.detach().floor()
    right, down = (position - corner).unbind(1)
    column, row = corner.long().unbind(1)
    entry = starts + row * strides + column
    corners = torch.stack([entry, entry + 1, entry + strides, entry + strides + 1], dim=1)
    values = tables.gather(1, corners.flatten(1)).reshape(corners.shape).unbind(1)
    above, below = torch.lerp(values[0], values[1], right), torch.lerp(values[2], values[3], right)
    return torch.where(inside[..., None], torch.lerp(above, below, down), 0).transpose(0, 1).flatten(1)


@cache
def _layout_on(device: torch.device, dtype: torch.dtype, shape: GridShape) -> tuple[Tensor, Tensor, Tensor]:
    """Scales, entries of a row and first entry of every level, kept on the device: a copy would wait for it."""
    return (
        torch.tensor(shape.scales, dtype=dtype, device=device),
        torch.tensor(shape.resolutions, device=device) + 1,
        torch.tensor(shape.offsets[:-1], device=device),
    )


class _Encode(torch.autograd.Function):
    """The kernels of :mod:`d3talker.ops.grid_cpu` on the shared pool."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, tables: Tensor, shape: GridShape) -> Tensor:
        """See :func:`encode_triplane`."""
        ctx.save_for_backward(points, tables)
        ctx.shape = shape
        places, entries, layout = _array(points), _array(tables), _layout(shape)
        features = np.empty((len(places), 3 * shape.levels), np.float32)

        def task(chunk: int, worker: int) -> None:
            grid_cpu.encode(*_share(chunk, len(places)), places, entries, *layout, features)

        shared_pool().run(_tasks(len(places)), task)
        return torch.from_numpy(features)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        """Gradients to points and tables; each table has one writer, so sums keep their order."""
        places, entries = (_array(tensor) for tensor in ctx.saved_tensors)
        shape: GridShape = ctx.shape
        layout, incoming = _layout(shape), _array(gradient)
        to_points = np.empty_like(places) if ctx.needs_input_grad[0] else None
        to_tables = np.empty_like(entries) if ctx.needs_input_grad[1] else None
        groups = -(-shape.levels // _LEVELS_PER_TASK)

        def scatter(task: int, worker: int) -> None:
            plane, first = task // groups, task % groups * _LEVELS_PER_TASK
            last = min(first + _LEVELS_PER_TASK, shape.levels)
            grid_cpu.scatter_to_tables(plane, first, last, places, *layout, incoming, to_tables)

        def gather(chunk: int, worker: int) -> None:
            grid_cpu.slope_at_points(*_share(chunk, len(places)), places, entries, *layout, incoming, to_points)

        if to_tables is not None:
            shared_pool().run(3 * groups, scatter)
        if to_points is not None:
            shared_pool().run(_tasks(len(places)), gather)
        return _tensor(to_points), _tensor(to_tables), None


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _tensor(array: np.ndarray | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)


def _layout(shape: GridShape) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.float32]:
    return (
        np.array(shape.scales, np.float32),
        np.array(shape.resolutions, np.int32) + np.int32(1),
        np.array(shape.offsets, np.int64),
        np.float32(shape.bound),
    )


def _tasks(points: int) -> int:
    return -(-points // _POINTS_PER_TASK)


def _share(chunk: int, points: int) -> tuple[int, int]:
    return chunk * _POINTS_PER_TASK, min((chunk + 1) * _POINTS_PER_TASK, points)
