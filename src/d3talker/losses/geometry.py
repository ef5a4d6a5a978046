"""The geometry prior: rendered depth and normals against estimated ones (InsTaG, eq. 12).

InsTaG's code compares normals of the head frame with normals of the camera frame, and normalises depth row by row,
background included. Here normals are the camera's on both sides, and depth is normalised inside the mask.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from d3talker.ops.quaternion import to_matrix

_TRIM = 10  # the nearest and the farthest tenth of a depth map say nothing about its relief: outliers would rule it
_FLAT = 1e-6  # a relief below this is none
_FAINT = 0.1  # a rendered normal shorter than this is of nothing, or of surfaces that disagree


def depth_error(depth: Tensor, prior: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference of two depth maps inside a mask, whatever the scale and the offset of either.

    Each picture's maps are divided by their relief (the mean absolute deviation from the median, of all but the
    outermost tenths), and the median of the difference is taken off. Relief and median take part in the gradient: it
    neither shifts nor stretches the depth as a whole. As both are minimisers of absolute deviations, it is spread over
    all pixels instead of resting on the one in the middle.

    Args:
        depth: (B, H, W) rendered, divided by alpha (as :class:`~d3talker.ops.rasterize.Rendered` has it).
        prior: (B, H, W) estimated, growing with the distance, in any unit.
        mask: (B, H, W) bool, where both are meaningful; leave out pixels that the Gaussians hardly cover.

    Returns:
        A scalar, 1 being the relief; 0 if nothing is in the mask.
    """
    total = depth[mask].sum() * 0.0  # a graph even where the mask is empty
    for seen, wanted, inside in zip(depth, prior, mask, strict=True):
        if inside.any():
            difference = _relative(seen[inside]) - _relative(wanted[inside])
            total = total + (difference - difference.median()).abs().sum()
    return total / mask.sum().clamp(min=1)


def _relative(values: Tensor) -> Tensor:
    """Values (P,) in parts of their relief, about zero."""
    cut = len(values) // _TRIM
    kept = values.sort().values[cut : len(values) - cut]
    middle = kept[len(kept) // 2]
    relief = (kept - middle).abs().mean().clamp(min=_FLAT)
    return (values - middle.detach()) / relief  # the caller takes off any constant: it needs no gradient


def normal_error(normals: Tensor, prior: Tensor, mask: Tensor) -> Tensor:
    """Mean of 1 - cosine between normals inside a mask: 0 alike, 2 opposite.

    Args:
        normals: (B, H, W, 3) rendered, camera frame; the length does not matter above 0.1, below it the pixel counts
            less.
        prior: (B, H, W, 3) estimated, camera frame (x right, y down, z forward), of any length above 0.1.
        mask: (B, H, W) bool.

    Returns:
        A scalar; 0 if nothing is in the mask.
    """
    seen, wanted = (functional.normalize(field[mask], dim=-1, eps=_FAINT) for field in (normals, prior))
    return (1.0 - (seen * wanted).sum(dim=-1)).sum() / mask.sum().clamp(min=1)


def gaussian_normals(quats: Tensor, scales: Tensor, means: Tensor, world_to_cam: Tensor) -> Tensor:
    """The shortest axis of each Gaussian, turned to the camera: three feature channels to render.

    Args:
        quats: (N, 4) w, x, y, z, of any length > 0; gets a gradient.
        scales: (N, 3) standard deviations in metres. Which is the shortest has no gradient.
        means: (N, 3) metres, head frame; no gradient.
        world_to_cam: (4, 4).

    Returns:
        Unit normals (N, 3) in the camera frame (x right, y down, z forward): a disc square to the camera has
        (0, 0, -1).
    """
    rotation, translation = world_to_cam[:3, :3], world_to_cam[:3, 3]
    shortest = scales.argmin(dim=-1)[:, None, None].expand(-1, 3, 1)
    axes = to_matrix(quats).gather(-1, shortest)[..., 0] @ rotation.T
    sight = means.detach() @ rotation.T + translation
    away = (axes.detach() * sight).sum(dim=-1, keepdim=True) > 0
    return torch.where(away, -axes, axes)
