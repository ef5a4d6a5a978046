"""The hot loops of the CPU backend: tiles blended front to back, and the same walk replayed for the gradients.

A tile is 8 x 32 pixels, so a vector of 16 floats covers two of its rows. Each Gaussian of a tile's list runs as one
flat loop over a *span* of rows, without branches: alpha, the masks and the stop are selects. A pixel that has stopped
keeps its transmittance with the sign turned. The gradient walks front to back again with the very same arithmetic, so
it needs neither stored transmittances nor divisions to undo them: dL/dalpha asks only for what is still behind.

numba's cache looks at the source of this file alone, so the constants below are literals here and nothing compiled is
imported; other files get the tile size as arguments. ``packed`` rows are laid out in ``cpu_project``. All scratch lives
in one aligned float32 array with unsigned offsets: several arrays, signed indices or double-precision literals would
each cost the vectorisation.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

TILE_WIDTH = 8
TILE_HEIGHT = 32
TILE_PIXELS = 256
SPAN_BATCH = 32  # entries whose spans are found in one vectorised go
FORWARD_PLANES = 8  # planes of TILE_PIXELS floats in the scratch of a forward walk, without extra channels
BACKWARD_PLANES = 10

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"},
}

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
_MIN_ALPHA, _MAX_ALPHA, _MIN_TRANSMITTANCE = np.float32(1.0 / 255.0), np.float32(0.99), np.float32(1e-4)
_SLACK = np.float32(0.02)  # rows by which a span is widened against rounding
_WIDTH, _HEIGHT = np.float32(8.0), np.float32(32.0)

# exp(-x) on [0, 0.39] to 1.5e-7: the Chebyshev interpolant of degree 4. Its 16th power is exp(-16 x).
_FURTHEST = np.float32(0.39)
_E0, _E1, _E2 = np.float32(0.99999987499), np.float32(-0.99998395149), np.float32(0.49966850056)
_E3, _E4 = np.float32(-0.16424984928), np.float32(0.03433913426)

_P = TILE_PIXELS
_X, _Y, _LIGHT, _C0, _C1, _C2, _C3, _WEIGHT = [np.uint64(k * _P) for k in range(8)]
_EXTRA = np.uint64(8 * _P)
_BEHIND, _EXTRA_DOT, _EXTRA_GRADIENT = np.uint64(8 * _P), np.uint64(9 * _P), np.uint64(10 * _P)
_PLANE = np.uint64(_P)
_THREE = np.uint64(3)  # channels that share the first four planes with z
_S0, _S1, _S2, _S3, _S4, _S5, _S6, _S7 = [np.uint64(k * SPAN_BATCH) for k in range(8)]


@njit(inline="always", **_OPTIONS)
def _exp16(x):
    """exp(-16 x) for x in [0, 0.39], constant beyond (there it is below 1/255)."""
    x = min(x, _FURTHEST)
    power = (((_E4 * x + _E3) * x + _E2) * x + _E1) * x + _E0
    power = power * power
    power = power * power
    power = power * power
    return power * power


@njit(inline="always", **_OPTIONS)
def _find_spans(begin, end, left, top, entries, packed, scratch, spans):
    """Per entry, the pixels [first, end) of the tile that its ellipse alpha = 1/255 can touch, whole pairs of rows."""
    count = np.uint64(end - begin)
    for j in range(count):
        g = np.uint64(entries[np.uint64(begin) + j])
        scratch[_S0 + j] = packed[g, 0] - left
        scratch[_S1 + j] = packed[g, 1] - top - _HALF
        scratch[_S2 + j] = packed[g, 10]
        scratch[_S3 + j] = packed[g, 11]
        scratch[_S4 + j] = packed[g, 12]
        scratch[_S5 + j] = packed[g, 13]
        scratch[_S6 + j] = packed[g, 14]
        scratch[_S7 + j] = packed[g, 15]
    for j in range(np.uint64(SPAN_BATCH)):
        x, y = scratch[_S0 + j], scratch[_S1 + j]
        slope, level, curve, tip_x = scratch[_S2 + j], scratch[_S3 + j], scratch[_S4 + j], scratch[_S5 + j]
        reach_x, reach_y = scratch[_S7 + j], scratch[_S6 + j]
        a, b = max(-x, -reach_x), min(_WIDTH - x, reach_x)
        root_a = math.sqrt(max(level - curve * a * a, _ZERO))
        root_b = math.sqrt(max(level - curve * b * b, _ZERO))
        low = min(slope * a - root_a, slope * b - root_b)
        high = max(slope * a + root_a, slope * b + root_b)
        low = -reach_y if min(-tip_x - a, b + tip_x) >= _ZERO else low
        high = reach_y if min(tip_x - a, b - tip_x) >= _ZERO else high
        scratch[_S0 + j] = min(max(y + low + _ONE - _SLACK, _ZERO), _HEIGHT)
        scratch[_S1 + j] = min(max(y + high + _ONE + _SLACK, _ZERO), _HEIGHT)
    for j in range(count):
        first = np.int32(scratch[_S0 + j]) * np.int32(TILE_WIDTH)
        stop = np.int32(scratch[_S1 + j]) * np.int32(TILE_WIDTH)
        spans[np.uint64(begin) + j, 0] = first & np.int32(~15)
        spans[np.uint64(begin) + j, 1] = (stop + np.int32(15)) & np.int32(~15) if stop > first else np.int32(0)


@njit(inline="always", **_OPTIONS)
def _blend_span(tile, first, end, packed, g, left, top, keep_weights):
    """Blends one Gaussian into a span; gives the sum of what it would blend, 0 only if it changes no pixel."""
    x, y = packed[g, 0] - left, packed[g, 1] - top
    xx, xy, yy, faint = packed[g, 2], packed[g, 3], packed[g, 4], packed[g, 5]
    c0, c1, c2, c3 = packed[g, 6], packed[g, 7], packed[g, 8], packed[g, 9]
    total = _ZERO
    for p in range(first, end):
        dx = tile[_X + p] - x
        dy = tile[_Y + p] - y
        alpha = min(_exp16((xx * dx + xy * dy) * dx + (yy * dy * dy + faint)), _MAX_ALPHA)
        alpha = alpha if alpha >= _MIN_ALPHA else _ZERO
        light = tile[_LIGHT + p]
        offered = alpha * light
        after = light - offered
        alive = after > _MIN_TRANSMITTANCE
        weight = offered if alive else _ZERO
        tile[_LIGHT + p] = after if alive else -abs(light)
        tile[_C0 + p] += weight * c0
        tile[_C1 + p] += weight * c1
        tile[_C2 + p] += weight * c2
        tile[_C3 + p] += weight * c3
        if keep_weights:
            tile[_WEIGHT + p] = weight
        total += max(offered, _ZERO)
    return total


@njit(inline="always", **_OPTIONS)
def _blend_extra(tile, first, end, extra, g):
    """Adds the channels beyond the first three, one at a time (two planes in one loop defeat the vectorisation)."""
    for channel in range(extra.shape[1]):
        value = extra[g, channel]
        plane = _EXTRA + np.uint64(channel) * _PLANE
        for p in range(first, end):
            tile[plane + p] += tile[_WEIGHT + p] * value


@njit(inline="always", **_OPTIONS)
def _store(tile, left, top, background, background_step, pictures):
    """Writes the tile's pixels that lie in the picture."""
    features = pictures.features
    height, width, channels = np.uint64(features.shape[0]), np.uint64(features.shape[1]), np.uint64(features.shape[2])
    step = np.uint64(background_step)
    for y in range(top, min(top + np.uint64(TILE_HEIGHT), height)):
        p = (y - top) * np.uint64(TILE_WIDTH)
        for x in range(left, min(left + np.uint64(TILE_WIDTH), width)):
            light = abs(tile[_LIGHT + p])
            covered = _ONE - light
            pictures.alpha[y, x] = covered
            pictures.depth[y, x] = tile[_C3 + p] / covered if covered > _ZERO else _ZERO
            behind = (y * width + x) * step
            for channel in range(min(channels, _THREE)):
                features[y, x, channel] = tile[_C0 + channel * _PLANE + p] + light * background[behind, channel]
            for channel in range(_THREE, channels):
                seen = tile[_EXTRA + (channel - _THREE) * _PLANE + p]
                features[y, x, channel] = seen + light * background[behind, channel]
            p += np.uint64(1)


@njit(**_OPTIONS)
def blend_tiles(first, last, lists, packed, extra, background, background_step, training, tile, scratch, pictures):
    """Blends the tiles ``first`` to ``last`` and writes their pixels.

    Args:
        first: number of the first tile; last: end.
        lists: see ``cpu_data.Lists``; ``spans`` and ``walked`` are written.
        packed: (M, 16) projected Gaussians.
        extra: (M, E) their channels from the fourth on, padded to a multiple of four.
        background: (pixels or 1, C).
        background_step: 1, or 0 where all pixels share a background.
        training: whether to mark, for the gradient, the entries that no pixel needs.
        tile: this worker's scratch, (FORWARD_PLANES + E) planes, aligned to 64 bytes.
        scratch: this worker's, 8 * SPAN_BATCH floats.
        pictures: see ``cpu_data.Pictures``, written.
    """
    entries, spans = lists.entries, lists.spans
    wide = extra.shape[1] > 0
    planes = np.uint64(FORWARD_PLANES + extra.shape[1])
    for p in range(TILE_PIXELS):
        tile[_X + np.uint64(p)] = np.float32(p % TILE_WIDTH) + _HALF
        tile[_Y + np.uint64(p)] = np.float32(p // TILE_WIDTH) + _HALF
    for number in range(first, last):
        begin = lists.offsets[number]
        end = lists.offsets[number + 1]
        lists.walked[number] = 0
        if begin == end:
            continue
        column = (number % lists.tiles_across) * TILE_WIDTH
        row = (number // lists.tiles_across) * TILE_HEIGHT
        left = np.float32(column)
        top = np.float32(row)
        for p in range(_LIGHT, _C0):
            tile[p] = _ONE
        for p in range(_C0, planes * _PLANE):
            tile[p] = _ZERO

        at = begin
        while at < end:
            stop = min(end, at + SPAN_BATCH)
            _find_spans(at, stop, left, top, entries, packed, scratch, spans)
            for entry in range(at, stop):
                if spans[entry, 0] >= spans[entry, 1]:
                    continue
                span = (np.uint64(spans[entry, 0]), np.uint64(spans[entry, 1]))
                g = np.uint64(entries[entry])
                total = _ONE
                if wide:
                    total = _blend_span(tile, span[0], span[1], packed, g, left, top, True)
                    _blend_extra(tile, span[0], span[1], extra, g)
                elif training:
                    total = _blend_span(tile, span[0], span[1], packed, g, left, top, False)
                else:  # the same loop, from which the compiler drops the sum
                    _blend_span(tile, span[0], span[1], packed, g, left, top, False)
                if total == _ZERO:
                    spans[entry, 1] = 0
            at = stop
            alive = _ZERO
            for p in range(_LIGHT, _C0):
                alive += _ONE if tile[p] > _ZERO else _ZERO
            if alive == _ZERO:
                break
        lists.walked[number] = at - begin

        _store(tile, np.uint64(column), np.uint64(row), background, background_step, pictures)


@njit(inline="always", **_OPTIONS)
def _extra_dot(tile, first, end, extra, g):
    """Per pixel, the extra channels of Gaussian ``g`` times the loss gradients of those channels."""
    for channel in range(0, extra.shape[1], 4):
        c0, c1, c2, c3 = extra[g, channel], extra[g, channel + 1], extra[g, channel + 2], extra[g, channel + 3]
        plane = _EXTRA_GRADIENT + np.uint64(channel) * _PLANE
        keep = _ZERO if channel == 0 else _ONE
        for p in range(first, end):
            tile[_EXTRA_DOT + p] = keep * tile[_EXTRA_DOT + p] + (
                c0 * tile[plane + p]
                + c1 * tile[plane + _PLANE + p]
                + c2 * tile[plane + _PLANE + _PLANE + p]
                + c3 * tile[plane + _PLANE + _PLANE + _PLANE + p]
            )


@njit(inline="always", **_OPTIONS)
def _extra_sums(tile, first, end, channels, sums, g):
    """Gradients of the extra channels of Gaussian ``g``, with the weights that ``_replay_span`` left."""
    for channel in range(0, channels, 4):
        plane = _EXTRA_GRADIENT + np.uint64(channel) * _PLANE
        s0 = s1 = s2 = s3 = _ZERO
        for p in range(first, end):
            weight = tile[_WEIGHT + p]
            s0 += weight * tile[plane + p]
            s1 += weight * tile[plane + _PLANE + p]
            s2 += weight * tile[plane + _PLANE + _PLANE + p]
            s3 += weight * tile[plane + _PLANE + _PLANE + _PLANE + p]
        sums[g, 10 + channel] += s0
        sums[g, 11 + channel] += s1
        sums[g, 12 + channel] += s2
        sums[g, 13 + channel] += s3


@njit(inline="always", **_OPTIONS)
def _replay_span(tile, first, end, packed, g, left, top, sums, wide):
    """Walks one Gaussian over a span again and adds its ten sums: q, q dx, q dy, q dx dx, q dx dy, q dy dy, channels.

    q is alpha * dL/dalpha; with R, the loss gradient times all that is still behind, dL/dalpha = T c.g - R/(1 - alpha).
    """
    x, y = packed[g, 0] - left, packed[g, 1] - top
    xx, xy, yy, faint = packed[g, 2], packed[g, 3], packed[g, 4], packed[g, 5]
    c0, c1, c2, c3 = packed[g, 6], packed[g, 7], packed[g, 8], packed[g, 9]
    q0 = qx = qy = qxx = qxy = qyy = _ZERO
    s0 = s1 = s2 = s3 = _ZERO
    for p in range(first, end):
        dx = tile[_X + p] - x
        dy = tile[_Y + p] - y
        raw = _exp16((xx * dx + xy * dy) * dx + (yy * dy * dy + faint))
        alpha = min(raw, _MAX_ALPHA)
        alpha = alpha if alpha >= _MIN_ALPHA else _ZERO
        light = tile[_LIGHT + p]
        offered = alpha * light
        after = light - offered
        alive = after > _MIN_TRANSMITTANCE
        weight = offered if alive else _ZERO
        tile[_LIGHT + p] = after if alive else -abs(light)
        if wide:
            tile[_WEIGHT + p] = weight
        g0 = tile[_C0 + p]
        g1 = tile[_C1 + p]
        g2 = tile[_C2 + p]
        g3 = tile[_C3 + p]
        dot = c0 * g0 + c1 * g1 + c2 * g2 + c3 * g3
        if wide:
            dot += tile[_EXTRA_DOT + p]
        behind = tile[_BEHIND + p] - weight * dot
        tile[_BEHIND + p] = behind
        slope = dot * light - behind / (_ONE - alpha)
        q = raw * slope if (weight > _ZERO and raw <= _MAX_ALPHA) else _ZERO
        q_x = q * dx
        q_y = q * dy
        q0 += q
        qx += q_x
        qy += q_y
        qxx += q_x * dx
        qxy += q_x * dy
        qyy += q_y * dy
        s0 += weight * g0
        s1 += weight * g1
        s2 += weight * g2
        s3 += weight * g3
    sums[g, 0] += q0
    sums[g, 1] += qx
    sums[g, 2] += qy
    sums[g, 3] += qxx
    sums[g, 4] += qxy
    sums[g, 5] += qyy
    sums[g, 6] += s0
    sums[g, 7] += s1
    sums[g, 8] += s2
    sums[g, 9] += s3


@njit(inline="always", **_OPTIONS)
def _load_gradients(tile, left, top, pictures, gradients):
    """Fills the tile with the loss gradients per channel and with R, which starts as all that is seen."""
    height, width, channels = pictures.features.shape
    for p in range(_LIGHT, _C0):
        tile[p] = -_ONE  # a pixel beyond the picture has stopped
    columns = np.uint64(min(TILE_WIDTH, width - left))
    for row in range(top, min(top + TILE_HEIGHT, height)):
        first = np.uint64((row - top) * TILE_WIDTH)
        for column in range(columns):
            covered = pictures.alpha[row, left + column]
            z = pictures.depth[row, left + column]
            by_z = gradients.depth[row, left + column]
            by_sum = by_z / covered if covered > _ZERO else _ZERO
            by_alpha = gradients.alpha[row, left + column] - by_sum * z
            tile[_LIGHT + first + column] = _ONE
            tile[_C3 + first + column] = by_sum
            tile[_BEHIND + first + column] = by_z * z - (_ONE - covered) * by_alpha
        for channel in range(channels):
            plane = np.uint64(channel + 3 if channel < 3 else channel + 7) * _PLANE + first
            for column in range(columns):
                gradient = gradients.features[row, left + column, channel]
                tile[plane + column] = gradient
                tile[_BEHIND + first + column] += gradient * pictures.features[row, left + column, channel]


@njit(**_OPTIONS)
def replay_tiles(first, last, lists, packed, extra, pictures, gradients, tile, sums):
    """Adds the gradients of the tiles ``first`` to ``last`` to this worker's ``sums`` (M, 10 + E).

    The arguments are those of :func:`blend_tiles`, as it left them; ``gradients`` holds dL/d of ``pictures``; ``tile``
    has (BACKWARD_PLANES + E) planes.
    """
    entries, spans = lists.entries, lists.spans
    wide = extra.shape[1] > 0
    for p in range(TILE_PIXELS):
        tile[_X + np.uint64(p)] = np.float32(p % TILE_WIDTH) + _HALF
        tile[_Y + np.uint64(p)] = np.float32(p // TILE_WIDTH) + _HALF
    for p in range(_C0, np.uint64(BACKWARD_PLANES + extra.shape[1]) * _PLANE):
        tile[p] = _ZERO
    for number in range(first, last):
        if lists.walked[number] == 0:
            continue
        column = (number % lists.tiles_across) * TILE_WIDTH
        row = (number // lists.tiles_across) * TILE_HEIGHT
        left = np.float32(column)
        top = np.float32(row)
        _load_gradients(tile, column, row, pictures, gradients)
        for entry in range(lists.offsets[number], lists.offsets[number] + lists.walked[number]):
            if spans[entry, 0] >= spans[entry, 1]:
                continue
            span = (np.uint64(spans[entry, 0]), np.uint64(spans[entry, 1]))
            g = np.uint64(entries[entry])
            if wide:
                _extra_dot(tile, span[0], span[1], extra, g)
                _replay_span(tile, span[0], span[1], packed, g, left, top, sums, True)
                _extra_sums(tile, span[0], span[1], extra.shape[1], sums, g)
            else:
                _replay_span(tile, span[0], span[1], packed, g, left, top, sums, False)
