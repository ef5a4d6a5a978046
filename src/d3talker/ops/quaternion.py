"""Rotations as quaternions (.., 4) in the order w, x, y, z; batch dimensions broadcast, all are differentiable."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def to_matrix(quaternion: Tensor) -> Tensor:
    """Rotation matrices (.., 3, 3) of quaternions (.., 4), which need not be normalised."""
    w, x, y, z = functional.normalize(quaternion, dim=-1).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def from_matrix(matrix: Tensor) -> Tensor:
    """Unit quaternions (.., 4), w >= 0, of rotation matrices (.., 3, 3).

    The four products of the largest component with all are sums of matrix entries, so nothing small is divided by
    (Shepperd 1978).
    """
    m = matrix.flatten(-2).unbind(-1)
    wx, wy, wz = m[7] - m[5], m[2] - m[6], m[3] - m[1]
    xy, xz, yz = m[1] + m[3], m[2] + m[6], m[5] + m[7]
    ww, xx, yy, zz = 1 + m[0] + m[4] + m[8], 1 + m[0] - m[4] - m[8], 1 - m[0] + m[4] - m[8], 1 - m[0] - m[4] + m[8]
    products = torch.stack([ww, wx, wy, wz, wx, xx, xy, xz, wy, xy, yy, yz, wz, xz, yz, zz], dim=-1)
    largest = torch.stack([ww, xx, yy, zz], dim=-1).argmax(-1)[..., None, None].expand(*matrix.shape[:-2], 1, 4)
    quaternion = functional.normalize(products.unflatten(-1, (4, 4)).gather(-2, largest).squeeze(-2), dim=-1)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def from_axis_angle(axis_angle: Tensor) -> Tensor:
    """Unit quaternions (.., 4) of rotations about the vectors (.., 3) by their lengths in radians; 0 is safe."""
    half = axis_angle.norm(dim=-1, keepdim=True) / 2
    return torch.cat([half.cos(), axis_angle * torch.sinc(half / math.pi) / 2], dim=-1)


def multiply(first: Tensor, second: Tensor) -> Tensor:
    """The Hamilton product (.., 4): turns by ``second``, then by ``first``."""
    aw, ax, ay, az = first.unbind(-1)
    bw, bx, by, bz = second.unbind(-1)
    return torch.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        dim=-1,
    )


def slerp(start: Tensor, end: Tensor, fraction: Tensor | float) -> Tensor:
    """Unit quaternions (.., 4) on the shorter great arc from ``start`` to ``end`` (Shoemake 1985).

    Args:
        start: (.., 4), need not be normalised.
        end: (.., 4), need not be normalised; may equal ``start``.
        fraction: a number or (..), 0 at ``start`` and 1 at ``end``.
    """
    start, end = functional.normalize(start, dim=-1), functional.normalize(end, dim=-1)
    end = torch.where((start * end).sum(-1, keepdim=True) < 0, -end, end)
    cosine = (start * end).sum(-1, keepdim=True)
    across = end - cosine * start
    angle = torch.atan2(across.norm(dim=-1, keepdim=True), cosine)
    share = torch.as_tensor(fraction, dtype=start.dtype, device=start.device)[..., None]
    stretch = share * torch.sinc(share * angle / math.pi) / torch.sinc(angle / math.pi)
    return (share * angle).cos() * start + stretch * across
