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


def head_region(alpha_face: Tensor, alpha_mouth: Tensor, longer: int | None = None) -> Tensor:
    """How much of the refined picture is shown, (B, H, W) in [0, 1], from the alphas (B, H, W) of both branches.

    Exactly 0 farther than the rim from the head, exactly 1 farther in than the soft edge. No gradient passes: where
    the head is, is not for the refiner to move. ``longer`` is the longer side of the picture that the alphas are a
    part of, if they are.
    """
    with torch.no_grad():
        rim, edge = _reach(longer or max(alpha_face.shape[1:]))
        head = _head(alpha_face, alpha_mouth)
        wide = _dilate(_dilate(head, rim - edge).mT, rim - edge).mT
        return _blur(_blur(wide.to(alpha_face.dtype), edge).mT, edge).mT.contiguous()


def head_box(alpha_face: Tensor, alpha_mouth: Tensor, stride: int | None) -> tuple[slice, slice]:
    """Rows and columns around the region of :func:`head_region`, empty where there is no head.

    Its edges are multiples of ``stride`` or those of the picture, so that a network's strided maps lie alike in every
    box; the whole picture where ``stride`` is None.
    """
    height, width = alpha_face.shape[1:]
    if stride is None:
        return slice(0, height), slice(0, width)
    head = _head(alpha_face, alpha_mouth).any(dim=0)
    marked = torch.cat([head.any(dim=1), head.any(dim=0)]).cpu()  # a GPU is waited for once
    rim, _ = _reach(max(height, width))
    rows, columns = (_stretch(side, rim, stride) for side in marked.split([height, width]))
    return rows, columns


def _stretch(marked: Tensor, rim: int, stride: int) -> slice:
    """From the first to the last mark (N,), widened by ``rim`` and then to multiples of ``stride``, cut at N."""
    places = marked.nonzero()[:, 0]
    if len(places) == 0:
        return slice(0, 0)
    first, last = max(0, int(places[0]) - rim), int(places[-1]) + 1 + rim
    return slice(first // stride * stride, min(-(-last // stride) * stride, len(marked)))


def _head(alpha_face: Tensor, alpha_mouth: Tensor) -> Tensor:
    return 1.0 - (1.0 - alpha_face) * (1.0 - alpha_mouth) > THRESHOLD


def _reach(longer: int) -> tuple[int, int]:
    """Rim and edge in pixels of a picture with this longer side."""
    return max(2, round(RIM * longer / SIZE)), max(1, round(EDGE * longer / SIZE))


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
