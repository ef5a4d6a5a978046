import numpy as np
import pytest

from d3talker.tracking.pose_smoothing import noise_and_motion, smooth_poses, smooth_track


def nods(frames: int = 400) -> np.ndarray:
    """A slow sway and three quick nods of a quarter of a second."""
    seconds = np.arange(frames) / 25
    track = 8 * np.sin(2 * np.pi * 0.3 * seconds)
    for start in (3.0, 7.0, 12.0):
        inside = (seconds >= start) & (seconds < start + 0.25)
        track[inside] += 5 * np.sin(np.pi * (seconds[inside] - start) / 0.25) ** 2
    return track


def test_noise_and_motion_are_told_apart():
    seconds = np.arange(1000) / 25
    motion = 20 * np.sin(2 * np.pi * seconds)
    noise, bends = noise_and_motion(motion + np.random.default_rng(0).normal(0, 0.3, 1000))
    assert noise == pytest.approx(0.3, rel=0.15)
    assert bends == pytest.approx(1.4826 * np.median(np.abs(np.diff(motion, 2))), rel=0.3)


def test_smoothing_removes_noise_follows_nods_and_does_not_lag():
    truth = nods()
    noisy = truth + np.random.default_rng(1).normal(0, 0.5, len(truth))
    smooth = smooth_track(noisy)
    quiet = np.ones(len(truth), dtype=bool)
    for start in (3.0, 7.0, 12.0):
        quiet[int(25 * start) - 3 : int(25 * start) + 10] = False
    assert (smooth - truth)[quiet].std() < 0.6 * 0.5
    assert smooth[75:82].max() > truth[75:82].max() - 1.2  # the nod of 5 is not flattened
    shifts = [np.abs(np.roll(smooth, -lag) - truth)[5:-5].mean() for lag in (-1, 0, 1)]
    assert int(np.argmin(shifts)) == 1
    backwards = smooth_track(noisy[::-1])[::-1]
    assert np.allclose(backwards, smooth, atol=1e-9)


def test_straight_lines_stay_and_more_strength_smooths_more():
    line = np.linspace(0, 5, 50)
    assert np.allclose(smooth_track(line), line, atol=1e-9)
    noisy = line + np.random.default_rng(2).normal(0, 1, 50)
    bends = [np.abs(np.diff(smooth_track(noisy, strength), 2)).mean() for strength in (0.1, 1, 10)]
    assert bends[0] > bends[1] > bends[2]


def test_poses_stay_poses_and_strength_zero_changes_nothing():
    rng = np.random.default_rng(3)
    from scipy.spatial.transform import Rotation

    poses = np.tile(np.eye(4), (40, 1, 1))
    poses[:, :3, :3] = Rotation.from_rotvec(np.array([np.pi, 0, 0]) + rng.normal(0, 0.01, (40, 3))).as_matrix()
    poses[:, :3, 3] = [0, 0, 0.9] + rng.normal(0, 0.002, (40, 3))
    smooth = smooth_poses(poses, 1000.0)
    assert np.allclose(smooth[:, :3, :3] @ np.swapaxes(smooth[:, :3, :3], 1, 2), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(smooth[:, :3, :3]), 1)
    assert smooth[:, 2, 3].std() < 0.5 * poses[:, 2, 3].std()
    assert smooth_poses(poses, 1000.0, strength=0) is poses
