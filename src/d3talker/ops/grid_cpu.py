"""Kernels of the tri-plane encoding; :mod:`d3talker.ops.grid` tells what they compute.

Arguments throughout: ``points`` (N, 3), ``tables`` (3, size), ``scales``, ``strides`` (levels,), ``offsets``
(levels + 1,), ``bound`` in metres. Not-a-number fails the test for the inside, so it can never become an index; this is
why the fast-math flags leave comparisons alone. Unsigned indices spare the wrap-around of negative ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy", "fastmath": {"contract"}}
_ZERO, _HALF, _ONE, _TWO = np.float32(0), np.float32(0.5), np.float32(1), np.float32(2)
_NEXT = np.uint64(1)
_BLOCK = 256  # points whose gradients stay in the first cache while the levels pass over them


@njit(inline="always", **_OPTIONS)
def _across(points, i, plane, bound):
    """The two coordinates of point ``i`` on a plane, scaled to [0, 1], and whether both lie there."""
    u = (points[i, 1 if plane == 1 else 0] + bound) / (_TWO * bound)
    v = (points[i, 1 if plane == 0 else 2] + bound) / (_TWO * bound)
    return u, v, u >= _ZERO and u <= _ONE and v >= _ZERO and v <= _ONE


@njit(inline="always", **_OPTIONS)
def _cell(u, v, scale, stride):
    """The first entry of the cell of a level, and the place within the cell in [0, 1)."""
    x, y = u * scale + _HALF, v * scale + _HALF
    column, row = np.int32(x), np.int32(y)
    return np.uint64(row * stride + column), x - np.float32(column), y - np.float32(row)


@njit(**_OPTIONS)
def encode(first, last, points, tables, scales, strides, offsets, bound, features):
    """Writes the features of the points ``first`` to ``last`` - 1 into ``features`` (N, 3 * levels)."""
    levels = len(scales)
    for i in range(first, last):
        for plane in range(3):
            u, v, inside = _across(points, i, plane, bound)
            if not inside:
                features[i, plane * levels : (plane + 1) * levels] = _ZERO
                continue
            for level in range(levels):
                entry, right, down = _cell(u, v, scales[level], strides[level])
                entry += np.uint64(offsets[level])
                under = entry + np.uint64(strides[level])
                start = tables[plane, entry]
                above = start + right * (tables[plane, entry + _NEXT] - start)
                start = tables[plane, under]
                below = start + right * (tables[plane, under + _NEXT] - start)
                features[i, plane * levels + level] = above + down * (below - above)


@njit(**_OPTIONS)
def slope_at_points(first, last, points, tables, scales, strides, offsets, bound, gradient, slopes):
    """Writes the gradient to the points ``first`` to ``last`` - 1 into ``slopes`` (N, 3)."""
    levels = len(scales)
    per_metre = _ONE / (_TWO * bound)
    for i in range(first, last):
        slopes[i, :] = _ZERO
        for plane in range(3):
            u, v, inside = _across(points, i, plane, bound)
            if not inside:
                continue
            along_u, along_v = _ZERO, _ZERO
            for level in range(levels):
                entry, right, down = _cell(u, v, scales[level], strides[level])
                entry += np.uint64(offsets[level])
                under = entry + np.uint64(strides[level])
                a, b = tables[plane, entry], tables[plane, entry + _NEXT]
                c, d = tables[plane, under], tables[plane, under + _NEXT]
                incoming = gradient[i, plane * levels + level] * scales[level]
                along_u += incoming * ((b - a) + down * ((d - c) - (b - a)))
                along_v += incoming * ((c - a) + right * ((d - b) - (c - a)))
            slopes[i, 1 if plane == 1 else 0] += along_u * per_metre
            slopes[i, 1 if plane == 0 else 2] += along_v * per_metre


@njit(**_OPTIONS)
def _weigh_corners(count, us, vs, scale, stride, incoming, entries, weights):
    """The first entries of ``count`` cells, and what each of their four corners receives (4, _BLOCK)."""
    first, second, third, fourth = weights[0], weights[1], weights[2], weights[3]
    for i in range(count):
        entry, right, down = _cell(us[i], vs[i], scale, stride)
        below = incoming[i] * down
        above = incoming[i] - below
        entries[i] = entry
        second[i] = above * right
        first[i] = above - above * right
        fourth[i] = below * right
        third[i] = below - below * right


@njit(**_OPTIONS)
def scatter_to_tables(plane, first, last, points, scales, strides, offsets, bound, gradient, sums):
    """Writes the gradient to the levels ``first`` to ``last`` - 1 of one plane into ``sums`` (3, size).

    Nobody else writes there, so no atomics are needed. Points go in blocks: the weights are vectorised, the adding is
    not, as two points may share a cell.
    """
    levels = len(scales)
    us, vs = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    rows = np.empty(_BLOCK, np.int64)
    incoming, entries = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.uint64)
    weights = np.empty((4, _BLOCK), np.float32)
    sums[plane, offsets[first] : offsets[last]] = _ZERO
    for start in range(0, len(points), _BLOCK):
        count = 0
        for i in range(start, min(start + _BLOCK, len(points))):
            u, v, inside = _across(points, i, plane, bound)
            if inside:
                us[count], vs[count], rows[count] = u, v, i
                count += 1
        for level in range(first, last):
            for k in range(count):
                incoming[k] = gradient[rows[k], plane * levels + level]
            _weigh_corners(count, us, vs, scales[level], strides[level], incoming, entries, weights)
            table = sums[plane, offsets[level] : offsets[level + 1]]
            stride = np.uint64(strides[level])
            for k in range(count):
                entry = entries[k]
                table[entry] += weights[0, k]
                table[entry + _NEXT] += weights[1, k]
                table[entry + stride] += weights[2, k]
                table[entry + stride + _NEXT] += weights[3, k]
