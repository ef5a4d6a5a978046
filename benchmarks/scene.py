"""A head-like scene: an ellipsoid shell of Gaussians that covers 60 % of a square picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_DISTANCE = 4.0
_FOCAL = 2.2  # picture widths
_COVERED = 0.6  # of the picture
_RATIO = 0.75  # width of the head by its height
_PIXELS = (3.0, 6.0)  # standard deviations at 512 pixels


def head_scene(count: int, resolution: int, covering: bool = False, seed: int = 0) -> dict[str, Tensor]:
    """The arguments of ``rasterize`` but the size.

    Args:
        count: Gaussians.
        resolution: pixels of a side.
        covering: shrink Gaussians as their number grows past 10,000, as a trained head does.
        seed: of the random numbers.
    """
    random = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, low: float, high: float) -> Tensor:
        return torch.rand(*shape, generator=random) * (high - low) + low

    frame = _DISTANCE / _FOCAL
    half_height = math.sqrt(_COVERED / (math.pi * _RATIO)) * frame
    axes = torch.tensor([_RATIO, 1.0, 0.9]) * half_height * 0.985
    directions = torch.nn.functional.normalize(torch.randn(count, 3, generator=random), dim=1)
    depth_in_shell = 1.0 - 0.03 * torch.randn(count, 1, generator=random).abs()
    means = directions * depth_in_shell * axes + torch.tensor([0.0, 0.0, _DISTANCE])
    shrink = math.sqrt(10_000 / count) if covering else 1.0
    scales = uniform(count, 3, low=_PIXELS[0], high=_PIXELS[1]) * shrink * _DISTANCE / (_FOCAL * 512)
    colours = 0.5 + 0.35 * torch.sin(directions * torch.tensor([3.0, 5.0, 4.0]) + torch.tensor([0.0, 1.0, 2.0]))

    turn = 0.15
    rotation = torch.tensor(
        [[math.cos(turn), 0.0, math.sin(turn)], [0.0, 1.0, 0.0], [-math.sin(turn), 0.0, math.cos(turn)]]
    )
    centre = torch.tensor([0.0, 0.0, _DISTANCE])
    pose = torch.eye(4)
    pose[:3, :3] = rotation
    pose[:3, 3] = centre - rotation @ centre + torch.tensor([0.01, -0.02, 0.0])
    focal = _FOCAL * resolution
    intrinsics = torch.tensor([[focal, 0.0, resolution / 2 + 0.3], [0.0, focal, resolution / 2 - 0.4], [0.0, 0.0, 1.0]])
    return {
        "means": means,
        "quats": torch.randn(count, 4, generator=random),
        "scales": scales,
        "opacities": uniform(count, low=0.1, high=0.95),
        "features": colours,
        "world_to_cam": pose[None],
        "intrinsics": intrinsics[None],
        "background": torch.tensor([0.1, 0.2, 0.3]),
    }
