"""Numbers as whole steps of 8 bits between their least and their largest one."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor

STEPS = 255


def in_steps(x: Tensor) -> tuple[Tensor, float, int]:
    """Rounds maps to 256 numbers, one of which is exactly 0.

    Args:
        x: (B, C, H, W) float32 on the CPU, finite.

    Returns:
        uint8 of that shape with channels last in memory, the size of a step, and the step that stands for 0:
        ``(steps - zero) * size`` is nearer to ``x`` than a step.
    """
    x = x.detach().contiguous(memory_format=torch.channels_last)
    least, largest = min(0.0, float(x.amin())), max(0.0, float(x.amax()))
    size = max((largest - least) / STEPS, 1e-12)
    zero = round(-least / size)
    steps = torch.empty_like(x, dtype=torch.uint8)
    _round(_flat(x), np.float32(1.0 / size), np.float32(zero + 0.5), _flat(steps))
    return steps, size, zero


def _flat(x: Tensor) -> np.ndarray:
    return x.permute(0, 2, 3, 1).reshape(-1).numpy()


@njit(nogil=True, cache=True, fastmath={"contract", "nnan", "nsz"})
def _round(values, per_step, offset, steps):
    """One pass, vectorised: torch takes four."""
    top = np.float32(STEPS)
    for i in range(len(values)):
        place = values[i] * per_step + offset
        steps[i] = np.uint8(np.int32(min(place, top)))
