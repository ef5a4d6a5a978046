"""Kernels of the photometric losses: one band of rows at a time, everything between input and result in the cache.

A row of an image is flat, ``length`` = width * channels values; horizontal neighbours are ``channels`` apart. The
window is separable: the vertical pass forms the moments straight from 11 rows of both images, the horizontal pass
blurs those. For the gradient the derivative maps are blurred horizontally into a ring of 11 rows as they appear, and
vertically as soon as the ring holds the rows around an output row. With the means m, q = blur(a^2 + b^2) and
x = blur(a b), and the window symmetric, ``dS/da = blur(dS/dm_a) + 2 a blur(dS/dq) + b blur(dS/dx)``.

Four things keep LLVM's vectoriser going: the places and weights of the 11 taps are tuples, so they sit in registers;
the loops over them are short enough to be unrolled, or are written out; indices are unsigned. Slices are taken of one
row at a time, since a slice of columns would lose the proof that its rows are contiguous.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}
_TAPS = 11
_RADIUS = 5
_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_BRIGHTNESS, _CONTRAST = np.float32(1e-4), np.float32(9e-4)


@njit(**_OPTIONS)
def _eleven(x):
    return x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], x[9], x[10]


@njit(**_OPTIONS)
def _blur(source, starts, weights, output):
    """Writes the weighted sum of the 11 stretches of ``source`` (flat) that begin at ``starts`` (uint64)."""
    starts, weights = _eleven(starts), _eleven(weights)
    for j in range(np.uint64(len(output))):
        total = _ZERO
        for tap in range(_TAPS):
            total += weights[tap] * source[starts[tap] + j]
        output[j] = total


@njit(inline="always", **_OPTIONS)
def _tap(sums, weight, u, v):
    mean_a, mean_b, squares, product = sums
    weighted_u, weighted_v = weight * u, weight * v
    return mean_a + weighted_u, mean_b + weighted_v, squares + weighted_u * u + weighted_v * v, product + weighted_u * v


@njit(**_OPTIONS)
def _moments(a, b, starts, weights, mean_a, mean_b, squares, product):
    """The vertical pass: blurs a, b, a^2 + b^2 and a b of the 11 rows that begin at ``starts``."""
    s, w = _eleven(starts), _eleven(weights)
    for j in range(np.uint64(len(mean_a))):
        sums = _tap((_ZERO, _ZERO, _ZERO, _ZERO), w[0], a[s[0] + j], b[s[0] + j])
        sums = _tap(sums, w[1], a[s[1] + j], b[s[1] + j])
        sums = _tap(sums, w[2], a[s[2] + j], b[s[2] + j])
        sums = _tap(sums, w[3], a[s[3] + j], b[s[3] + j])
        sums = _tap(sums, w[4], a[s[4] + j], b[s[4] + j])
        sums = _tap(sums, w[5], a[s[5] + j], b[s[5] + j])
        sums = _tap(sums, w[6], a[s[6] + j], b[s[6] + j])
        sums = _tap(sums, w[7], a[s[7] + j], b[s[7] + j])
        sums = _tap(sums, w[8], a[s[8] + j], b[s[8] + j])
        sums = _tap(sums, w[9], a[s[9] + j], b[s[9] + j])
        mean_a[j], mean_b[j], squares[j], product[j] = _tap(sums, w[10], a[s[10] + j], b[s[10] + j])


@njit(**_OPTIONS)
def _similarity(mean_a, mean_b, squares, product):
    """The sum of the similarity over a row."""
    total = _ZERO
    for j in range(np.uint64(len(mean_a))):
        a, b = mean_a[j], mean_b[j]
        means = a * a + b * b
        likeness = (_TWO * a * b + _BRIGHTNESS) * (_TWO * (product[j] - a * b) + _CONTRAST)
        total += likeness / ((means + _BRIGHTNESS) * (squares[j] - means + _CONTRAST))
    return total


@njit(**_OPTIONS)
def _derivatives(mean_a, mean_b, squares, product, by_mean, by_squares, by_product):
    """The derivatives of the similarity of a row by mean_a, squares and product."""
    for j in range(np.uint64(len(mean_a))):
        a, b = mean_a[j], mean_b[j]
        means = a * a + b * b
        brightness, contrast = _TWO * a * b + _BRIGHTNESS, _TWO * (product[j] - a * b) + _CONTRAST
        under_brightness, under_contrast = means + _BRIGHTNESS, squares[j] - means + _CONTRAST
        scale = _ONE / (under_brightness * under_contrast)
        similarity = brightness * contrast * scale
        by_squares[j] = -similarity * scale * under_brightness
        by_product[j] = _TWO * brightness * scale
        drift = a * similarity * (under_brightness - under_contrast)
        by_mean[j] = _TWO * scale * (b * (contrast - brightness) + drift)


@njit(**_OPTIONS)
def _difference(a, b):
    total = _ZERO
    for j in range(np.uint64(len(a))):
        total += abs(a[j] - b[j])
    return total


@njit(**_OPTIONS)
def _combine(a, b, by_mean, by_squares, by_product, per_difference, per_similarity, gradient):
    for j in range(np.uint64(len(a))):
        difference = a[j] - b[j]
        sign = np.float32(difference > _ZERO) - np.float32(difference < _ZERO)
        chain = by_mean[j] + _TWO * a[j] * by_squares[j] + b[j] * by_product[j]
        gradient[j] = per_difference * sign + per_similarity * chain


@njit(**_OPTIONS)
def _rows_around(row, height, length, taps, starts, weights):
    """Where the 11 rows around ``row`` begin, and their weights: those outside the image weigh nothing."""
    for tap in range(_TAPS):
        there = row + tap - _RADIUS
        weights[tap] = taps[tap] if 0 <= there < height else _ZERO
        starts[tap] = min(max(there, 0), height - 1) * length


@njit(**_OPTIONS)
def _blurred_moments(row, height, length, a, b, taps, across, starts, weights, padded, moments):
    """Fills ``moments`` (4, length) of one row; ``padded`` (4, length + 10 channels) has zeros at both ends."""
    margin = (padded.shape[1] - length) // 2
    inner = slice(margin, margin + length)
    _rows_around(row, height, length, taps, starts, weights)
    _moments(a, b, starts, weights, padded[0][inner], padded[1][inner], padded[2][inner], padded[3][inner])
    for number in range(4):
        _blur(padded[number], across, taps, moments[number])


@njit(**_OPTIONS)
def measure(first, last, height, length, channels, a, b, taps, sums):
    """Sums the absolute difference and the similarity of the rows ``first`` to ``last`` - 1 into ``sums`` (2,).

    ``a``, ``b`` are flat images of ``height`` rows, ``taps`` the window (11,); all float32 but ``sums``.
    """
    across = np.arange(_TAPS).astype(np.uint64) * np.uint64(channels)
    starts, weights = np.empty(_TAPS, np.uint64), np.empty(_TAPS, np.float32)
    padded = np.zeros((4, length + 2 * _RADIUS * channels), np.float32)
    moments = np.empty((4, length), np.float32)
    for row in range(first, last):
        _blurred_moments(row, height, length, a, b, taps, across, starts, weights, padded, moments)
        here = slice(row * length, (row + 1) * length)
        sums[0] += _difference(a[here], b[here])
        sums[1] += _similarity(moments[0], moments[1], moments[2], moments[3])


@njit(**_OPTIONS)
def measure_and_derive(first, last, height, length, channels, a, b, taps, per_value, sums, gradient):
    """As :func:`measure`, and writes the gradient of those rows into ``gradient`` (flat).

    ``per_value`` (2,) weighs the gradient of the summed difference and of the summed similarity.
    """
    across = np.arange(_TAPS).astype(np.uint64) * np.uint64(channels)
    starts, weights = np.empty(_TAPS, np.uint64), np.empty(_TAPS, np.float32)
    margin = _RADIUS * channels
    padded = np.zeros((4, length + 2 * margin), np.float32)
    moments = np.empty((4, length), np.float32)
    slopes = np.zeros((3, length + 2 * margin), np.float32)
    inner = slice(margin, margin + length)
    ring = np.zeros((3, _TAPS * length), np.float32)
    blurred = np.empty((3, length), np.float32)
    for row in range(first - _RADIUS, last + _RADIUS):
        slot = row % _TAPS * length
        if 0 <= row < height:
            _blurred_moments(row, height, length, a, b, taps, across, starts, weights, padded, moments)
            if first <= row < last:
                here = slice(row * length, (row + 1) * length)
                sums[0] += _difference(a[here], b[here])
                sums[1] += _similarity(moments[0], moments[1], moments[2], moments[3])
            by_mean, by_squares, by_product = slopes[0][inner], slopes[1][inner], slopes[2][inner]
            _derivatives(moments[0], moments[1], moments[2], moments[3], by_mean, by_squares, by_product)
            for number in range(3):
                _blur(slopes[number], across, taps, ring[number][slot : slot + length])
        else:
            ring[:, slot : slot + length] = _ZERO
        centre = row - _RADIUS
        if centre >= first:
            for tap in range(_TAPS):
                starts[tap] = (centre + tap - _RADIUS) % _TAPS * length
            for number in range(3):
                _blur(ring[number], starts, taps, blurred[number])
            here = slice(centre * length, (centre + 1) * length)
            _combine(a[here], b[here], blurred[0], blurred[1], blurred[2], per_value[0], per_value[1], gradient[here])
