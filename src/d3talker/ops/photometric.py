"""How far a picture is from the one wanted: absolute difference and structural similarity, channels last.

Structural similarity: Wang et al. 2004, with the window of 3D Gaussian splatting (11 x 11, sigma 1.5, zero padding).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from d3talker.ops import photometric_cpu
from d3talker.ops.backend import runs_on_cpu_kernels
from d3talker.ops.pool import shared_pool

_RADIUS = 5  # of the window, in pixels; the kernels have its 11 taps written out
_SIGMA = 1.5
_BRIGHTNESS, _CONTRAST = 0.01**2, 0.03**2  # the stabilisers C1 and C2 for values in [0, 1]
_BAND_ROWS = 64  # rows of a task; the 10 rows beyond it that the gradient needs are computed twice


def ssim(image: Tensor, target: Tensor, backend: str = "auto") -> Tensor:
    """Mean structural similarity, 1 for equal pictures, differentiable in ``image``.

    Args:
        image: (B, H, W, C), values about [0, 1].
        target: the same shape, without gradient.
        backend: auto (the CPU kernels for float32 on the CPU, else reference), reference or cpu.

    Returns:
        A scalar in [-1, 1].

    Raises:
        ValueError: the shapes differ, ``target`` requires a gradient, or the backend cannot take the tensors.
    """
    if _fused(image, target, backend):
        return 1.0 - _Photometric.apply(image, target, 0.0, 1.0, _wants_gradient(image))
    return _ssim_reference(image, target)


def photometric_loss(image: Tensor, target: Tensor, ssim_weight: float = 0.2, backend: str = "auto") -> Tensor:
    """``mean |image - target| + ssim_weight * (1 - ssim)``, differentiable in ``image``.

    The weights are those of InsTaG's training (Kerbl et al. scale the first term by ``1 - ssim_weight`` besides). On
    the CPU one pass gives the value and the gradient. Arguments, result and errors as for :func:`ssim`.
    """
    if _fused(image, target, backend):
        return _Photometric.apply(image, target, 1.0, float(ssim_weight), _wants_gradient(image))
    return (image - target).abs().mean() + ssim_weight * (1 - _ssim_reference(image, target))


def _fused(image: Tensor, target: Tensor, backend: str) -> bool:
    if image.ndim != 4 or image.shape != target.shape or image.numel() == 0:
        seen = f"image {tuple(image.shape)} and target {tuple(target.shape)}"
        raise ValueError(f"{seen}; wanted two of one shape (B, H, W, C)")
    if target.requires_grad:
        raise ValueError("the target requires a gradient; only the image may. Detach it, or swap the two")
    return runs_on_cpu_kernels(backend, image, target)


def _wants_gradient(image: Tensor) -> bool:
    return image.requires_grad and torch.is_grad_enabled()


def _taps() -> np.ndarray:
    """The one-dimensional window (11,), float64, of sum 1."""
    window = np.exp(-0.5 * (np.arange(-_RADIUS, _RADIUS + 1) / _SIGMA) ** 2)
    return window / window.sum()


@cache
def _taps_on(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Those, kept on the device: a copy would wait for it."""
    return torch.from_numpy(_taps()).to(device, dtype)


def _ssim_reference(image: Tensor, target: Tensor) -> Tensor:
    channels = image.shape[-1]
    a, b = (picture.permute(0, 3, 1, 2) for picture in (image, target))
    taps = _taps_on(image.device, image.dtype).expand(5 * channels, 1, 1, -1)
    maps = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    maps = functional.conv2d(maps, taps, padding=(0, _RADIUS), groups=5 * channels)
    maps = functional.conv2d(maps, taps.transpose(2, 3), padding=(_RADIUS, 0), groups=5 * channels)
    mean_a, mean_b, square_a, square_b, product = maps.split(channels, dim=1)
    variances = square_a - mean_a**2 + square_b - mean_b**2
    covariance = product - mean_a * mean_b
    brightness = (2 * mean_a * mean_b + _BRIGHTNESS) / (mean_a**2 + mean_b**2 + _BRIGHTNESS)
    return (brightness * (2 * covariance + _CONTRAST) / (variances + _CONTRAST)).mean()


class _Photometric(torch.autograd.Function):
    """``difference_weight * mean |a - b| + ssim_weight * (1 - ssim)`` by the kernels, on the shared pool."""

    @staticmethod
    def forward(
        ctx: Any,
        image: Tensor,
        target: Tensor,
        difference_weight: float,
        ssim_weight: float,
        derive: bool,
    ) -> Tensor:
        """The value; to ``derive`` makes the gradient to ``image`` in the same pass and keeps it."""
        batch, height, width, channels = image.shape
        a, b = (picture.detach().contiguous().numpy().reshape(batch, -1) for picture in (image, target))
        gradient = np.empty_like(a) if derive else None
        taps = _taps().astype(np.float32)
        per_value = np.array([difference_weight, -ssim_weight], np.float32) / np.float32(image.numel())
        bands = -(-height // _BAND_ROWS)
        sums = np.zeros((batch * bands, 2))

        def task(number: int, worker: int) -> None:
            index, first = number // bands, number % bands * _BAND_ROWS
            size = (first, min(first + _BAND_ROWS, height), height, width * channels, channels)
            if gradient is None:
                photometric_cpu.measure(*size, a[index], b[index], taps, sums[number])
            else:
                photometric_cpu.measure_and_derive(
                    *size, a[index], b[index], taps, per_value, sums[number], gradient[index]
                )

        shared_pool().run(batch * bands, task)
        if gradient is not None:
            ctx.save_for_backward(torch.from_numpy(gradient.reshape(image.shape)))
        difference, similarity = sums.sum(axis=0) / image.numel()
        return torch.tensor(difference_weight * difference + ssim_weight * (1 - similarity), dtype=image.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, None, None, None, None]:
        """Scales the kept gradient."""
        (gradient,) = ctx.saved_tensors
        return gradient * incoming, None, None, None, None
