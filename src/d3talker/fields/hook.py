"""The face-mouth hook: what the inside of the mouth learns of the face's own motion (InsTaG, eq. 10)."""

from __future__ import annotations

from collections.abc import Sequence

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
    up, down = (values[..., -1] for values in _outermost(rises, min(extreme, rises.shape[-1])))
    return _UNIT * torch.stack([up, down, up - down], dim=-1)


def hooks_at(rises: Tensor, extremes: Sequence[int]) -> Tensor:
    """The hooks (..., E, 3) of several extremes, see :func:`face_hook`, found in one search."""
    places = [min(extreme, rises.shape[-1]) - 1 for extreme in extremes]
    at = torch.tensor(places, device=rises.device)
    up, down = (values[..., at] for values in _outermost(rises, max(places) + 1))
    return _UNIT * torch.stack([up, down, up - down], dim=-1)


def _outermost(rises: Tensor, count: int) -> list[Tensor]:
    """The ``count`` largest of (..., N), and the smallest, outermost first; no gradient passes."""
    return [rises.detach().topk(count, dim=-1, largest=largest).values for largest in (True, False)]
