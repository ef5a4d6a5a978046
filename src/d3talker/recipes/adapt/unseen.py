"""Gaussians that no picture shows: they cost every step and every frame as much as those that do the work.

Density control grows many that others then cover. They are told by how much of a picture each paints, as in compression
of Gaussians (LightGaussian, Fan et al. 2024); what few they were still worth, the steps after repair.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from d3talker.fields.deformation import Displacement
from d3talker.models.gaussians import Gaussians, painted_pixels
from d3talker.recipes.adapt.frames import TrainingFrames

_LOOKED_AT = 40
"""Frames, or up to twice as many, that are enough to see every pose, mouth and blink of a clip."""


@torch.no_grad()
def unseen(
    gaussians: Gaussians,
    moved: Callable[[int], Displacement],
    frames: TrainingFrames,
    candidates: np.ndarray,
    least: float,
) -> Tensor:
    """Which Gaussians (N,) paint less than ``least`` pixels' worth in each frame looked at of ``candidates``."""
    most = torch.zeros(len(gaussians), device=frames.device)
    for frame in candidates[:: max(1, len(candidates) // _LOOKED_AT)].tolist():
        camera = frames.world_to_cam[frame], frames.intrinsics
        most = torch.maximum(most, painted_pixels(gaussians, moved(frame), *camera, frames.resolution))
    return most < least
