import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from d3talker.faces.alignment import align, laid_on, small_similarities


def test_align_undoes_a_similarity():
    rng = np.random.default_rng(7)
    source = rng.normal(size=(20, 3))
    rotation = Rotation.from_rotvec([0.4, -1.0, 0.3]).as_matrix()
    scale, found, shift = align(source, 2.5 * source @ rotation.T + [1, 2, 3])
    assert scale == pytest.approx(2.5)
    assert np.allclose(found, rotation)
    assert np.allclose(shift, [1, 2, 3])


def test_many_sets_are_aligned_as_one_by_one_and_never_mirrored():
    rng = np.random.default_rng(8)
    target = rng.normal(size=(15, 3))
    sources = rng.normal(size=(6, 15, 3))
    sources[0] = target * [-1, 1, 1]  # the best map without a mirror is a poor one
    together = align(sources, target)
    for number, source in enumerate(sources):
        for found, alone in zip(together, align(source, target), strict=True):
            np.testing.assert_allclose(found[number], alone, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(together[1]), 1)


def test_laid_on_looks_at_the_stable_points_only():
    rng = np.random.default_rng(9)
    target = rng.normal(size=(12, 3))
    moved = target.copy()
    moved[10] += [0.3, 0, 0]
    rotations = Rotation.from_rotvec(rng.normal(size=(4, 3))).as_matrix()
    scales, shifts = rng.uniform(0.5, 3, 4), rng.normal(size=(4, 1, 3))
    posed = scales[:, None, None] * (moved @ rotations.transpose(0, 2, 1)) + shifts
    np.testing.assert_allclose(laid_on(posed, target, np.arange(10)), np.tile(moved, (4, 1, 1)), atol=1e-12)


def test_small_similarities_are_what_a_small_pose_does():
    face = np.random.default_rng(10).normal(size=(9, 3))
    turn, shift, growth = np.array([1e-6, -2e-6, 3e-6]), np.array([4e-6, 5e-6, -6e-6]), 7e-6
    posed = (1 + growth) * face @ Rotation.from_rotvec(turn).as_matrix().T + shift
    linear = np.tensordot(np.concatenate([shift, turn, [growth]]), small_similarities(face), axes=1)
    np.testing.assert_allclose(posed - face, linear, atol=1e-10)
