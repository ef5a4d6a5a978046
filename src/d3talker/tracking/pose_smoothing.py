"""A smoothness prior on head poses whose strength is measured, not chosen."""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded
from scipy.spatial.transform import Rotation


def smooth_poses(world_to_cam: np.ndarray, focal: float, strength: float = 1.0) -> np.ndarray:
    """Takes measuring noise out of the poses of a clip and leaves the head's motion.

    Works on six numbers a frame in which the errors of landmark poses are nearly independent: where the head stands in
    the picture (pixels), the logarithm of its distance, and its rotation about its own middle. Symmetric in time:
    nothing lags.

    Args:
        world_to_cam: (T, 4, 4).
        focal: pixels.
        strength: 1 trusts the measured noise, more smooths more, 0 changes nothing.

    Returns:
        (T, 4, 4).
    """
    if strength <= 0 or len(world_to_cam) < 5:
        return world_to_cam
    rotations = Rotation.from_matrix(world_to_cam[:, :3, :3])
    middle = rotations.mean()
    turns = (rotations * middle.inv()).as_rotvec()
    x, y, z = world_to_cam[:, :3, 3].T
    tracks = np.column_stack([focal * x / z, focal * y / z, np.log(z), turns])
    smooth = np.column_stack([smooth_track(track, strength) for track in tracks.T])
    result = world_to_cam.copy()
    result[:, :3, :3] = (Rotation.from_rotvec(smooth[:, 3:]) * middle).as_matrix()
    distance = np.exp(smooth[:, 2])
    result[:, :3, 3] = np.column_stack([smooth[:, 0] / focal * distance, smooth[:, 1] / focal * distance, distance])
    return result


def noise_and_motion(track: np.ndarray) -> tuple[float, float]:
    """Tells white measuring noise from motion by their differences over time.

    Differencing four times leaves almost nothing of a head's motion at 25 frames a second and 70 times the variance of
    white noise; what the second differences hold beyond six times that variance is acceleration. Both robust.

    Args:
        track: (T,) evenly sampled, T >= 5.

    Returns:
        Standard deviations of the noise, and of the second difference of the motion.
    """
    robust = 1.4826
    noise = robust * np.median(np.abs(np.diff(track, 4))) / np.sqrt(70)
    bends = robust * np.median(np.abs(np.diff(track, 2)))
    return float(noise), float(np.sqrt(max(bends**2 - 6 * noise**2, (0.1 * noise) ** 2)))


def smooth_track(track: np.ndarray, strength: float = 1.0, rounds: int = 6) -> np.ndarray:
    """The most likely motion behind a noisy track.

    Minimises sum((x - track)^2 / noise^2) + sum(rho(second difference of x / motion)), rho of Cauchy's kind: a quick
    nod is a rare large acceleration, not noise, and is followed. Iterated weighted least squares, banded.

    Args:
        track: (T,), T >= 5.
        strength: multiplies the noise's variance.
        rounds: of reweighting.

    Returns:
        (T,).
    """
    noise, motion = noise_and_motion(track)
    if noise == 0:
        return track.copy()
    stiffness = strength * noise**2 / motion**2
    smooth = track
    weights = np.full(len(track) - 2, stiffness)
    for _ in range(rounds):
        smooth = solveh_banded(_system(weights), track, lower=False)
        weights = stiffness / (1 + (np.diff(smooth, 2) / (2.5 * motion)) ** 2)
    return smooth


def _system(weights: np.ndarray) -> np.ndarray:
    """1 + D' diag(weights) D for the second difference D, as the upper bands (3, T) of scipy's banded solver."""
    frames = len(weights) + 2
    bands = np.zeros((3, frames))
    bands[2] = 1
    bands[2, :-2] += weights
    bands[2, 1:-1] += 4 * weights
    bands[2, 2:] += weights
    bands[1, 1:-1] += -2 * weights
    bands[1, 2:] += -2 * weights
    bands[0, 2:] = weights
    return bands
