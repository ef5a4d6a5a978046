"""Colours that change with the direction of view: real spherical harmonics up to degree 2.

Order and signs are those of 3D Gaussian splatting (Kerbl et al. 2023), so its files can be read and written.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_DEGREE0 = 0.5 / math.sqrt(math.pi)
_DEGREE1 = math.sqrt(3 / (4 * math.pi))
_DEGREE2 = math.sqrt(15 / (4 * math.pi))


def colours(coefficients: Tensor, directions: Tensor) -> Tensor:
    """Evaluates colours, differentiable in both arguments.

    Args:
        coefficients: (N, K, 3) with K = 1, 4 or 9 for degree 0, 1 or 2.
        directions: (N, 3), unit vectors from the camera to the points.

    Returns:
        (N, 3): the sum plus 0.5, clamped at 0 from below.

    Raises:
        ValueError: K is not 1, 4 or 9.
    """
    count = coefficients.shape[1]
    if count not in (1, 4, 9):
        raise ValueError(f"{count} coefficients a channel; wanted 1, 4 or 9")
    first, *others = coefficients.unbind(1)
    total = first * _DEGREE0 + 0.5
    for coefficient, value in zip(others, _basis(directions, count), strict=True):
        total = torch.addcmul(total, coefficient, value[:, None])  # half the time of a product and a sum over K
    return total.clamp(min=0)


def to_degree0(rgb: Tensor) -> Tensor:
    """The coefficient of degree 0 that shows ``rgb`` (.., 3) in [0, 1] from everywhere."""
    return (rgb - 0.5) / _DEGREE0


def _basis(directions: Tensor, count: int) -> list[Tensor]:
    """All but the first of ``count`` functions at unit vectors (N, 3), each (N,)."""
    if count == 1:
        return []
    x, y, z = directions.unbind(-1)
    values = [-_DEGREE1 * y, _DEGREE1 * z, -_DEGREE1 * x]
    if count == 9:
        values += [
            _DEGREE2 * x * y,
            -_DEGREE2 * y * z,
            _DEGREE2 / (2 * math.sqrt(3)) * (2 * z * z - x * x - y * y),
            -_DEGREE2 * x * z,
            _DEGREE2 / 2 * (x * x - y * y),
        ]
    return values
