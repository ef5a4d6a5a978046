"""The pinhole camera: where points of the head frame fall in the picture. For torch tensors and numpy arrays alike."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)


def project(points: Array, world_to_cam: Array, intrinsics: Array) -> tuple[Array, Array]:
    """Projects points; batch dimensions broadcast.

    Args:
        points: (.., N, 3) metres, head frame.
        world_to_cam: (.., 4, 4), OpenCV axes.
        intrinsics: (.., 3, 3) pixels, without skew.

    Returns:
        Pixels (.., N, 2), the centre of the first pixel being (0.5, 0.5), and camera z (.., N) in metres. Pixels mean
        something only where z is above 0.
    """
    rotation, translation = world_to_cam[..., :3, :3], world_to_cam[..., :3, 3]
    seen = (points[..., None, :] * rotation[..., None, :, :]).sum(-1) + translation[..., None, :]
    focal, centre = intrinsics[..., :2, :2].sum(-1), intrinsics[..., :2, 2]  # without skew each row has one number
    z = seen[..., 2]
    return seen[..., :2] / z[..., None] * focal[..., None, :] + centre[..., None, :], z


def scale_intrinsics(intrinsics: Array, factor: float) -> Array:
    """The intrinsics (.., 3, 3) of the same view with ``factor`` times as many pixels along each side."""
    scaled = intrinsics * 1.0
    scaled[..., :2, :] *= factor
    return scaled


def camera_centre(world_to_cam: Array) -> Array:
    """Where the camera of ``world_to_cam`` (.., 4, 4) stands in the head frame (.., 3), metres: ``-R^T t``."""
    return -(world_to_cam[..., :3, :3] * world_to_cam[..., :3, 3:]).sum(-2)
