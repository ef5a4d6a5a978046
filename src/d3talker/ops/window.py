"""The Gaussian window of structural similarity, moved over a picture in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

TAPS = 11
"""Pixels that the window is wide."""
_SIGMA = 1.5
_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": {"reassoc", "contract", "nsz"}}


def windowed_mean(values: np.ndarray) -> np.ndarray:
    """Weighted means over every 11 x 11 window that lies wholly inside (Wang et al. 2004: sigma 1.5, sum 1).

    Args:
        values: (H, W, C) float64, sides of at least 11.

    Returns:
        (H - 10, W - 10, C) float64.
    """
    height, width, channels = values.shape
    offsets = np.arange(TAPS) - TAPS // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    means = np.empty((height - TAPS + 1, (width - TAPS + 1) * channels))
    _slide(np.ascontiguousarray(values).reshape(height, -1), weights / weights.sum(), channels, means)
    return means.reshape(len(means), -1, channels)


@njit(**_OPTIONS)
def _slide(rows, weights, channels, means):
    """Down first, into one row, then across it; neighbours of a row are ``channels`` apart."""
    column = np.empty(rows.shape[1])
    for y in range(means.shape[0]):
        column[:] = 0.0
        for tap in range(TAPS):
            row, weight = rows[y + tap], weights[tap]
            for j in range(len(column)):
                column[j] += weight * row[j]
        mean = means[y]
        mean[:] = 0.0
        for tap in range(TAPS):
            shifted, weight = column[tap * channels :], weights[tap]
            for j in range(len(mean)):
                mean[j] += weight * shifted[j]
