"""What keeps a branch in its place: coverage, small motion, attention where it belongs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from d3talker.fields.deformation import Displacement


def coverage(alpha: Tensor, inside: Tensor, outside: Tensor) -> Tensor:
    """Transparency ``inside`` a region plus opacity ``outside`` it, means over the picture; all (B, H, W)."""
    return ((1.0 - alpha) * inside).mean() + (alpha * outside).mean()


def motion_size(displacement: Displacement) -> Tensor:
    """Mean absolute displacement, rotation change and scale change, summed."""
    parts = (displacement.position, displacement.rotation, displacement.scale)
    return torch.stack([part.abs().mean() for part in parts if part is not None]).sum()


def misplaced_attention(attention: Tensor, opacities: Tensor, misplaced: Tensor) -> Tensor:
    """Mean strength of ``attention`` (N, D) over the points marked ``misplaced`` (N,), weighted by opacity (N,).

    Takes the place of rendering the attention as a picture and penalising a region of it: the same points are held
    back without a second pass of the rasterizer.
    """
    weight = misplaced * opacities.detach()
    return (_Lengths.apply(attention) * weight).sum() / weight.sum().clamp(min=1.0)


class _Lengths(torch.autograd.Function):
    """The lengths (N,) of rows (N, D): a third of the time of torch's own gradient, which is 0 at 0 here too."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        """See the class."""
        lengths = torch.linalg.vector_norm(rows, dim=-1)
        ctx.save_for_backward(rows, lengths)
        return lengths

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """The rows, each as long as its gradient."""
        rows, lengths = ctx.saved_tensors
        return rows * (gradient / lengths.clamp(min=1e-20))[:, None]


def landmark_error(displacement: Displacement, tracked: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean distance, in centimetres, of the field's motion at face points from the tracked one.

    The face points (V, 3) at rest are moved by the field; ``tracked`` (V, 3) metres is where they went in the frame,
    as a displacement; ``weights`` (V,) sum to 1.
    """
    return 100.0 * ((displacement.position - tracked).norm(dim=-1) * weights).sum()
