"""The face-mouth hook: what the inside of the mouth learns of the face's own motion (InsTaG, eq. 10)."""

from __future__ import annotations

import torch
from torch import Tensor

EXTREMES = 10
"""The so manieth largest and smallest motion counts, so that no single Gaussian decides."""
_UNIT = 100.0  # centimetres: numbers of about one


def face_hook(rises: Tensor, extreme: int = EXTREMES) -> Tensor:
    """How far the face moves up and down.

    The same function in training and in drawing; the published code computes another value in training (spec 1,
    section 0.6).

    Args:
        rises: (N,) or (B, N) metres, the vertical displacement of every Gaussian of the face; no gradient passes.
        extreme: the so manieth largest and smallest one; fewer Gaussians give their last one.

    Returns:
        (3,) or (B, 3): the largest rise, the largest fall (negative) and their distance, in centimetres.
    """
    rises = rises.detach()
    extreme = min(extreme, rises.shape[-1])
    up = rises.topk(extreme, dim=-1).values[..., -1]
    down = rises.topk(extreme, dim=-1, largest=False).values[..., -1]
    return _UNIT * torch.stack([up, down, up - down], dim=-1)
