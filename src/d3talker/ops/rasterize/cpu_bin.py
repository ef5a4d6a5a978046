"""Deals Gaussians to tiles for the CPU backend: a counting sort over chunks, which keeps their order of depth.

Gaussians come nearest first, so every tile's list is sorted without sorting a single intersection. numba's cache looks
at the source of this file alone: nothing compiled is imported.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}


@njit(**_OPTIONS)
def count_entries(first, last, boxes, tiles_across, counts):
    """Counts, per tile, the Gaussians ``first`` to ``last`` whose box of tiles holds it, into ``counts`` (tiles,)."""
    counts[:] = 0
    across = np.uint64(tiles_across)
    for s in range(np.uint64(first), np.uint64(last)):
        for row in range(np.uint64(boxes[s, 2]), np.uint64(boxes[s, 3])):
            for tile in range(row * across + np.uint64(boxes[s, 0]), row * across + np.uint64(boxes[s, 1])):
                counts[tile] += 1


@njit(**_OPTIONS)
def place_lists(counts, offsets):
    """Turns ``counts`` (chunks, tiles) into where each chunk's entries start and fills ``offsets`` (tiles + 1,)."""
    at = 0
    for tile in range(counts.shape[1]):
        offsets[tile] = at
        for chunk in range(counts.shape[0]):
            count = counts[chunk, tile]
            counts[chunk, tile] = at
            at += count
    offsets[counts.shape[1]] = at


@njit(**_OPTIONS)
def fill_entries(first, last, boxes, tiles_across, starts, entries):
    """Writes the Gaussians ``first`` to ``last`` into the lists of their tiles, at ``starts`` (tiles,), which moves."""
    across = np.uint64(tiles_across)
    for s in range(np.uint64(first), np.uint64(last)):
        for row in range(np.uint64(boxes[s, 2]), np.uint64(boxes[s, 3])):
            for tile in range(row * across + np.uint64(boxes[s, 0]), row * across + np.uint64(boxes[s, 1])):
                entries[np.uint64(starts[tile])] = s
                starts[tile] += 1
