"""What a rasterizer gives back."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Rendered:
    """Pictures of B cameras."""

    features: Tensor
    """(B, H, W, C) blended channels, over the background where one was given."""
    alpha: Tensor
    """(B, H, W) sum of the blending weights, in [0, 1)."""
    depth: Tensor
    """(B, H, W) expected camera z in metres, 0 where alpha is 0."""
    radii: Tensor
    """(B, N) int32 screen radius in pixels (three standard deviations, rounded up), 0 where a Gaussian is not drawn."""
