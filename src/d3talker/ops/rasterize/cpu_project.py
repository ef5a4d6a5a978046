"""Projects Gaussians for the CPU backend, and takes the gradients of the blended pixels back to them.

A row of ``packed`` is one cache line of 16 floats:

    0, 1     projected mean, pixels
    2, 3, 4  conic xx / 32, xy / 16, yy / 32 (1 / pixels squared): the falloff in sixteenths, as the blending wants it
    5        -ln(opacity) / 16
    6, 7, 8  the first three channels
    9        camera z, metres
    10..15   the ellipse alpha = 1/255: slope of its vertical diameter, squared half height at the mean's column, how
             that falls with the squared column distance, x of its topmost point, half height, half width

NaN and infinite Gaussians are not drawn, so the comparisons here are written to fail on NaN and the compiler is not
told that there are none. numba's cache looks at the source of this file alone: nothing compiled is imported.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    "fastmath": {"nsz", "arcp", "contract", "afn", "reassoc"},
}

_ZERO, _HALF, _ONE, _TWO, _THREE = (np.float32(number) for number in (0.0, 0.5, 1.0, 2.0, 3.0))
_SIXTEEN, _SIXTEENTH, _THIRTYTWO = np.float32(16.0), np.float32(1.0 / 16.0), np.float32(32.0)
_BLUR, _MARGIN, _MIN_ALPHA = np.float32(0.3), np.float32(0.15), np.float32(1.0 / 255.0)
_LOG_255 = np.float32(math.log(255.0))
_TINY, _HUGE = np.float32(1e-10), np.float32(1e18)


@njit(**_OPTIONS)
def _limits(intrinsics, width, height):
    """Slopes x/z and y/z between which the projection is linearised where the Gaussian is: 15 % beyond the picture."""
    focal_x, focal_y = intrinsics[0, 0], intrinsics[1, 1]
    centre_x, centre_y = intrinsics[0, 2], intrinsics[1, 2]
    wide, high = np.float32(width), np.float32(height)
    margin_x, margin_y = _MARGIN * wide / focal_x, _MARGIN * high / focal_y
    return (
        -centre_x / focal_x - margin_x,
        (wide - centre_x) / focal_x + margin_x,
        -centre_y / focal_y - margin_y,
        (high - centre_y) / focal_y + margin_y,
    )


@njit(**_OPTIONS)
def _unit(quats, i):
    """The normalised quaternion and one over its length."""
    w, x, y, z = quats[i, 0], quats[i, 1], quats[i, 2], quats[i, 3]
    scale = _ONE / math.sqrt(max(w * w + x * x + y * y + z * z, np.float32(1e-24)))
    return w * scale, x * scale, y * scale, z * scale, scale


@njit(**_OPTIONS)
def _rotation(w, x, y, z):
    """The rotation matrix of a unit quaternion, row by row."""
    return (
        *(_ONE - _TWO * (y * y + z * z), _TWO * (x * y - w * z), _TWO * (x * z + w * y)),
        *(_TWO * (x * y + w * z), _ONE - _TWO * (x * x + z * z), _TWO * (y * z - w * x)),
        *(_TWO * (x * z - w * y), _TWO * (y * z + w * x), _ONE - _TWO * (x * x + y * y)),
    )


@njit(**_OPTIONS)
def _in_camera(means, i, pose):
    """The mean in the camera frame."""
    x, y, z = means[i, 0], means[i, 1], means[i, 2]
    return (
        pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3],
        pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3],
        pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3],
    )


@njit(**_OPTIONS)
def _local_map(focal_x, focal_y, u, v, inverse_z, pose):
    """J R, the linear map from offsets in the world to pixels: its two rows."""
    xx, xz = focal_x * inverse_z, -focal_x * u * inverse_z
    yy, yz = focal_y * inverse_z, -focal_y * v * inverse_z
    return (
        *(xx * pose[0, 0] + xz * pose[2, 0], xx * pose[0, 1] + xz * pose[2, 1], xx * pose[0, 2] + xz * pose[2, 2]),
        *(yy * pose[1, 0] + yz * pose[2, 0], yy * pose[1, 1] + yz * pose[2, 1], yy * pose[1, 2] + yz * pose[2, 2]),
    )


@njit(**_OPTIONS)
def project_gaussians(
    first, last, order, means, quats, scales, opacities, features, probe, pose, intrinsics, size, tile,
    packed, boxes, radii,
):  # fmt: skip
    """Projects the Gaussians ``order[first:last]``; row s of the outputs belongs to Gaussian ``order[s]``.

    Args:
        first: first position in ``order``.
        last: end position.
        order: (M,) int32 Gaussians in front of the near plane, nearest first.
        means: (N, 3); quats (N, 4), scales (N, 3), opacities (N,), features (N, C), probe (N, 2): float32.
        pose: (4, 4) world to camera; intrinsics (3, 3).
        size: width and height of the picture; ``tile`` width and height of a tile, pixels.
        packed: (M, 16) written, see the module.
        boxes: (M, 4) int32 written: first column, end column, first row, end row of the tiles touched; 0 if none.
        radii: (N,) int32 written where a Gaussian is drawn.
    """
    width, height = size
    wide, high = np.float32(width), np.float32(height)
    focal_x, focal_y = intrinsics[0, 0], intrinsics[1, 1]
    left, right, upper, lower = _limits(intrinsics, width, height)
    for s in range(first, last):
        i = order[s]
        for k in range(4):
            boxes[s, k] = 0
        opacity = opacities[i]
        if not opacity >= _MIN_ALPHA:
            continue
        x, y, z = _in_camera(means, i, pose)
        inverse_z = _ONE / z
        u, v = min(max(x * inverse_z, left), right), min(max(y * inverse_z, upper), lower)
        ax, ay, az, bx, by, bz = _local_map(focal_x, focal_y, u, v, inverse_z, pose)
        qw, qx, qy, qz, _ = _unit(quats, i)
        r00, r01, r02, r10, r11, r12, r20, r21, r22 = _rotation(qw, qx, qy, qz)
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        a0, b0 = (ax * r00 + ay * r10 + az * r20) * s0, (bx * r00 + by * r10 + bz * r20) * s0
        a1, b1 = (ax * r01 + ay * r11 + az * r21) * s1, (bx * r01 + by * r11 + bz * r21) * s1
        a2, b2 = (ax * r02 + ay * r12 + az * r22) * s2, (bx * r02 + by * r12 + bz * r22) * s2
        xx = a0 * a0 + a1 * a1 + a2 * a2 + _BLUR
        xy = a0 * b0 + a1 * b1 + a2 * b2
        yy = b0 * b0 + b1 * b1 + b2 * b2 + _BLUR
        determinant = max(xx * yy - xy * xy, _TINY)
        if not xx + yy < _HUGE:
            continue
        centre_x = focal_x * x * inverse_z + intrinsics[0, 2] + probe[i, 0]
        centre_y = focal_y * y * inverse_z + intrinsics[1, 2] + probe[i, 1]
        log_opacity = math.log(opacity)
        level = _TWO * (log_opacity + _LOG_255)
        reach_x, reach_y = math.sqrt(level * xx), math.sqrt(level * yy)
        if not (centre_x + reach_x > _ZERO and centre_x - reach_x < wide):
            continue
        if not (centre_y + reach_y > _ZERO and centre_y - reach_y < high):
            continue
        # pixel centres within reach: ceil(low - 0.5) and floor(high - 0.5) + 1, by truncation
        column = int(max(centre_x - reach_x + _HALF, _ZERO))
        column_end = int(min(centre_x + reach_x + _HALF, wide))
        row = int(max(centre_y - reach_y + _HALF, _ZERO))
        row_end = int(min(centre_y + reach_y + _HALF, high))
        if column >= column_end or row >= row_end:
            continue
        boxes[s, 0] = column // tile[0]
        boxes[s, 1] = (column_end - 1) // tile[0] + 1
        boxes[s, 2] = row // tile[1]
        boxes[s, 3] = (row_end - 1) // tile[1] + 1
        half_trace = _HALF * (xx + yy)
        longest = half_trace + math.sqrt(max(half_trace * half_trace - determinant, _ZERO))
        radii[i] = int(math.ceil(_THREE * math.sqrt(longest)))

        inverse, inverse_xx = _ONE / determinant, _ONE / xx
        packed[s, 0], packed[s, 1] = centre_x, centre_y
        packed[s, 2] = _SIXTEENTH * _HALF * yy * inverse
        packed[s, 3] = -_SIXTEENTH * xy * inverse
        packed[s, 4] = _SIXTEENTH * _HALF * xx * inverse
        packed[s, 5] = -_SIXTEENTH * log_opacity
        for channel in range(3):
            packed[s, 6 + channel] = features[i, channel] if channel < features.shape[1] else _ZERO
        packed[s, 9] = z
        falling = determinant * inverse_xx
        packed[s, 10], packed[s, 11], packed[s, 12] = xy * inverse_xx, level * falling, falling * inverse_xx
        packed[s, 13], packed[s, 14], packed[s, 15] = xy / yy * reach_y, reach_y, reach_x


@njit(**_OPTIONS)
def gather_extra(first, last, order, features, extra):
    """Writes the channels from the fourth on of the Gaussians ``order[first:last]`` to ``extra`` (M, E), 0-padded."""
    for s in range(first, last):
        i = order[s]
        for k in range(extra.shape[1]):
            extra[s, k] = features[i, k + 3] if k + 3 < features.shape[1] else _ZERO


@njit(**_OPTIONS)
def unproject_gradients(
    first, last, order, means, quats, scales, opacities, pose, intrinsics, size, packed, boxes, sums,
    means_grad, quats_grad, scales_grad, opacities_grad, features_grad, centres_grad, pose_grad,
):  # fmt: skip
    """Turns the blending's sums into gradients of the Gaussians ``order[first:last]``.

    Args:
        first: first position in ``order``; last, the arrays up to ``boxes``: as in :func:`project_gaussians`.
        sums: (workers, M, 10 + E) what ``replay_tiles`` added up, summed here over the workers.
        means_grad: (N, 3) written; so are quats_grad (N, 4), scales_grad (N, 3), opacities_grad (N,),
            features_grad (N, C) and centres_grad (N, 2), the gradient by the projected mean in pixels.
        pose_grad: (3, 4) float64, added to: dL/d(world to camera), rows x, y, z; (0, 4) where it is not wanted.
    """
    focal_x, focal_y = intrinsics[0, 0], intrinsics[1, 1]
    left, right, upper, lower = _limits(intrinsics, size[0], size[1])
    channels = features_grad.shape[1]
    total = np.empty(sums.shape[2], np.float32)
    for s in range(first, last):
        if boxes[s, 1] == 0:
            continue
        i = order[s]
        for k in range(sums.shape[2]):
            total[k] = sums[0, s, k]
        for worker in range(1, sums.shape[0]):
            for k in range(sums.shape[2]):
                total[k] += sums[worker, s, k]
        opacities_grad[i] = total[0] / opacities[i]
        for channel in range(channels):
            features_grad[i, channel] = total[channel + 6 if channel < 3 else channel + 7]

        # falloff = xx/2 dx^2 + xy dx dy + yy/2 dy^2 with dL/dfalloff = -q, dx = pixel - mean
        xx, xy, yy = _THIRTYTWO * packed[s, 2], _SIXTEEN * packed[s, 3], _THIRTYTWO * packed[s, 4]
        g_centre_x, g_centre_y = xx * total[1] + xy * total[2], xy * total[1] + yy * total[2]
        centres_grad[i, 0], centres_grad[i, 1] = g_centre_x, g_centre_y
        # the conic is the inverse of the covariance S: dL/dS = -conic (dL/dconic) conic
        g_xx, g_xy, g_yy = -_HALF * total[3], -_HALF * total[4], -_HALF * total[5]
        p00, p01 = xx * g_xx + xy * g_xy, xx * g_xy + xy * g_yy
        p10, p11 = xy * g_xx + yy * g_xy, xy * g_xy + yy * g_yy
        c00, c01, c11 = -(p00 * xx + p01 * xy), -(p00 * xy + p01 * yy), -(p10 * xy + p11 * yy)

        x, y, z = _in_camera(means, i, pose)
        inverse_z = _ONE / z
        u, v = min(max(x * inverse_z, left), right), min(max(y * inverse_z, upper), lower)
        ax, ay, az, bx, by, bz = _local_map(focal_x, focal_y, u, v, inverse_z, pose)
        qw, qx, qy, qz, quat_scale = _unit(quats, i)
        r00, r01, r02, r10, r11, r12, r20, r21, r22 = _rotation(qw, qx, qy, qz)
        s0, s1, s2 = scales[i, 0], scales[i, 1], scales[i, 2]
        # S = F F^T with F = A R diag(scales), so dL/dF = 2 dL/dS F
        a0, a1, a2 = ax * r00 + ay * r10 + az * r20, ax * r01 + ay * r11 + az * r21, ax * r02 + ay * r12 + az * r22
        b0, b1, b2 = bx * r00 + by * r10 + bz * r20, bx * r01 + by * r11 + bz * r21, bx * r02 + by * r12 + bz * r22
        fa0, fb0 = _TWO * s0 * (c00 * a0 + c01 * b0), _TWO * s0 * (c01 * a0 + c11 * b0)
        fa1, fb1 = _TWO * s1 * (c00 * a1 + c01 * b1), _TWO * s1 * (c01 * a1 + c11 * b1)
        fa2, fb2 = _TWO * s2 * (c00 * a2 + c01 * b2), _TWO * s2 * (c01 * a2 + c11 * b2)
        scales_grad[i, 0] = fa0 * a0 + fb0 * b0
        scales_grad[i, 1] = fa1 * a1 + fb1 * b1
        scales_grad[i, 2] = fa2 * a2 + fb2 * b2
        fa0, fa1, fa2, fb0, fb1, fb2 = fa0 * s0, fa1 * s1, fa2 * s2, fb0 * s0, fb1 * s1, fb2 * s2

        # dL/dR = A^T (dL/d(A R)), then to the quaternion, then through its normalisation
        g00, g01, g02 = ax * fa0 + bx * fb0, ax * fa1 + bx * fb1, ax * fa2 + bx * fb2
        g10, g11, g12 = ay * fa0 + by * fb0, ay * fa1 + by * fb1, ay * fa2 + by * fb2
        g20, g21, g22 = az * fa0 + bz * fb0, az * fa1 + bz * fb1, az * fa2 + bz * fb2
        gw = _TWO * (qx * (g21 - g12) + qy * (g02 - g20) + qz * (g10 - g01))
        gx = _TWO * (qy * (g01 + g10) + qz * (g02 + g20) + qw * (g21 - g12) - _TWO * qx * (g11 + g22))
        gy = _TWO * (qx * (g01 + g10) + qz * (g12 + g21) + qw * (g02 - g20) - _TWO * qy * (g00 + g22))
        gz = _TWO * (qx * (g02 + g20) + qy * (g12 + g21) + qw * (g10 - g01) - _TWO * qz * (g00 + g11))
        along = gw * qw + gx * qx + gy * qy + gz * qz
        quats_grad[i, 0] = (gw - along * qw) * quat_scale
        quats_grad[i, 1] = (gx - along * qx) * quat_scale
        quats_grad[i, 2] = (gy - along * qy) * quat_scale
        quats_grad[i, 3] = (gz - along * qz) * quat_scale

        # A = J (world to camera): dL/dA, then dL/dJ
        ga0, ga1 = fa0 * r00 + fa1 * r01 + fa2 * r02, fa0 * r10 + fa1 * r11 + fa2 * r12
        gb0, gb1 = fb0 * r00 + fb1 * r01 + fb2 * r02, fb0 * r10 + fb1 * r11 + fb2 * r12
        ga2, gb2 = fa0 * r20 + fa1 * r21 + fa2 * r22, fb0 * r20 + fb1 * r21 + fb2 * r22
        j_xx = ga0 * pose[0, 0] + ga1 * pose[0, 1] + ga2 * pose[0, 2]
        j_xz = ga0 * pose[2, 0] + ga1 * pose[2, 1] + ga2 * pose[2, 2]
        j_yy = gb0 * pose[1, 0] + gb1 * pose[1, 1] + gb2 * pose[1, 2]
        j_yz = gb0 * pose[2, 0] + gb1 * pose[2, 1] + gb2 * pose[2, 2]
        # the camera point, through the projected mean, J and the depth channel; the clamped slopes stand still
        gx_camera, gy_camera = focal_x * inverse_z * g_centre_x, focal_y * inverse_z * g_centre_y
        gz_camera = total[9] - (gx_camera * x + gy_camera * y) * inverse_z
        square = inverse_z * inverse_z
        gz_camera += square * (focal_x * (u * j_xz - j_xx) + focal_y * (v * j_yz - j_yy))
        if left < x * inverse_z < right:
            gx_camera -= focal_x * square * j_xz
            gz_camera += focal_x * square * u * j_xz
        if upper < y * inverse_z < lower:
            gy_camera -= focal_y * square * j_yz
            gz_camera += focal_y * square * v * j_yz
        for k in range(3):
            means_grad[i, k] = pose[0, k] * gx_camera + pose[1, k] * gy_camera + pose[2, k] * gz_camera
        if pose_grad.shape[0] > 0:
            for row, by_camera in enumerate((gx_camera, gy_camera, gz_camera)):
                for k in range(3):
                    pose_grad[row, k] += by_camera * means[i, k]
                pose_grad[row, 3] += by_camera
            for k, by_a, by_b in ((0, ga0, gb0), (1, ga1, gb1), (2, ga2, gb2)):
                pose_grad[0, k] += focal_x * inverse_z * by_a
                pose_grad[1, k] += focal_y * inverse_z * by_b
                pose_grad[2, k] -= inverse_z * (focal_x * u * by_a + focal_y * v * by_b)
