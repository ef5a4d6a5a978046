"""Laying points onto points: what a head does as a whole is taken out before its expression is looked at."""

from __future__ import annotations

import numpy as np


def align(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The similarity that carries points onto points with the least squared error (Umeyama 1991).

    Args:
        source: (..., N, 3), one set or many.
        target: (N, 3).

    Returns:
        scale (...), rotation (..., 3, 3) and shift (..., 3): ``target = scale * source @ rotation.T + shift``.
    """
    source_middle, target_middle = source.mean(axis=-2), target.mean(axis=-2)
    source, target = source - source_middle[..., None, :], target - target_middle
    u, stretch, vt = np.linalg.svd(np.einsum("ni,...nj->...ij", target, source))
    handedness = np.ones_like(stretch)
    handedness[..., 2] = np.sign(np.linalg.det(u @ vt))
    rotation = (u * handedness[..., None, :]) @ vt
    scale = (stretch * handedness).sum(axis=-1) / (source**2).sum(axis=(-2, -1))
    turned = np.einsum("...ij,...j->...i", rotation, source_middle)
    return scale, rotation, target_middle - scale[..., None] * turned


def laid_on(points: np.ndarray, target: np.ndarray, stable: np.ndarray) -> np.ndarray:
    """Every set of points moved, turned and scaled so that its stable points meet those of the target.

    Args:
        points: (T, N, 3), any pose and unit.
        target: (N, 3).
        stable: (S,) numbers of the points to align by.

    Returns:
        (T, N, 3) in the pose and unit of ``target``.
    """
    scale, rotation, shift = align(points[:, stable], target[stable])
    return scale[:, None, None] * (points @ rotation.transpose(0, 2, 1)) + shift[:, None]


def small_similarities(face: np.ndarray) -> np.ndarray:
    """The seven ways (7, N, 3) in which points (N, 3) move when they are shifted, turned or scaled a little."""
    shifts = np.broadcast_to(np.eye(3)[:, None], (3, *face.shape))
    turns = np.cross(np.eye(3)[:, None], face[None])
    return np.concatenate([shifts, turns, face[None]])
