"""What keeps a branch in its place: coverage, small motion, attention where it belongs."""

from __future__ import annotations

import torch
from torch import Tensor

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
    return (attention.norm(dim=-1) * weight).sum() / weight.sum().clamp(min=1.0)


def landmark_error(displacement: Displacement, tracked: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean distance, in centimetres, of the field's motion at face points from the tracked one.

    The face points (V, 3) at rest are moved by the field; ``tracked`` (V, 3) metres is where they went in the frame,
    as a displacement; ``weights`` (V,) sum to 1.
    """
    return 100.0 * ((displacement.position - tracked).norm(dim=-1) * weights).sum()
