from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from synthetic_people import MODEL, coefficients, neutral_face, record

from d3talker.faces.alignment import laid_on
from d3talker.faces.fit import EYE_DISTANCE, displacements, fit_expression, fit_identity, person_neutral, told_motion
from d3talker.faces.points import LIPS, OUTER_EYE_CORNERS, RIGID


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def posed(points, generator):
    """Every frame turned, moved and scaled at random."""
    rotations = Rotation.from_rotvec(generator.normal(0, 0.4, (len(points), 3))).as_matrix()
    scales = generator.uniform(0.5, 2, (len(points), 1, 1))
    return scales * (points @ rotations.transpose(0, 2, 1)) + generator.normal(size=(len(points), 1, 3))


def test_neutral_is_the_resting_face_not_the_mean(generator):
    truth = neutral_face(generator)
    truth *= EYE_DISTANCE / np.linalg.norm(np.subtract(*truth[OUTER_EYE_CORNERS]))
    clip = record(generator, truth, coefficients(generator, 200), noise=2e-4)
    neutral = person_neutral(clip.points, clip.lip_opening, clip.blink)
    assert neutral.shape == (468, 3)
    assert neutral.dtype == np.float32
    laid = laid_on(neutral[None].astype(np.float64), truth, RIGID)[0]
    assert np.sqrt(np.square(laid - truth).sum(axis=1).mean()) < 2e-4
    mean = laid_on(clip.points, truth, RIGID).mean(axis=0)
    assert np.linalg.norm(mean - truth, axis=1)[LIPS].mean() > 10 * np.linalg.norm(laid - truth, axis=1)[LIPS].mean()


def test_neutral_has_one_size_and_takes_the_most_closed_frames_of_a_mouth_that_never_closes(generator):
    values = coefficients(generator, 60)
    values[:, 2] = np.linspace(3, 1, 60)  # open in all frames, least in the last
    values[:, :2] = 0
    clip = record(generator, MODEL.mean.numpy(), values)
    neutral = person_neutral(clip.points * 1.1, np.linspace(0.02, 0.01, 60), clip.blink)
    right, left = neutral[OUTER_EYE_CORNERS]
    assert np.linalg.norm(left - right) == pytest.approx(EYE_DISTANCE, rel=1e-6)
    last = person_neutral(clip.points[-5:], np.full(5, 0.01), clip.blink[-5:])
    np.testing.assert_allclose(neutral, last, atol=3e-4)


def test_coefficients_come_back_whatever_the_pose_and_the_unit(generator):
    values = coefficients(generator, 30)
    values[:, 2:] = generator.normal(size=(30, 32))
    clip = record(generator, MODEL.mean.numpy(), values)
    fitted = fit_expression(MODEL, posed(clip.points, generator), MODEL.mean.numpy())
    assert fitted.dtype == torch.float32
    assert np.abs(fitted.numpy()[:, :2] - values[:, :2]).max() < 0.01
    assert np.abs(fitted.numpy() - values).max() < 0.1
    assert np.sqrt(np.square(fitted.numpy() - values).mean()) < 0.02
    moved = np.einsum("tk,kvc->tvc", fitted.numpy(), MODEL.expression.numpy())
    missed = moved - displacements(clip.points, MODEL.mean.numpy())
    assert np.sqrt(np.square(missed[:, LIPS]).sum(axis=-1).mean()) < 3e-5


def test_head_motion_alone_is_no_expression(generator):
    still = np.repeat(MODEL.mean.numpy()[None].astype(np.float64), 10, axis=0)
    fitted = fit_expression(MODEL, posed(still, generator), MODEL.mean.numpy())
    assert fitted.abs().max() < 1e-3


def test_points_without_a_vertex_are_left_out(generator):
    values = coefficients(generator, 20)
    clip = record(generator, MODEL.mean.numpy(), values)
    landmarks = MODEL.landmarks.clone()
    landmarks[[93, 127, 132, 234, 323, 356, 361, 454]] = -1
    points = clip.points.copy()
    fitted = fit_expression(replace(MODEL, landmarks=landmarks), points, MODEL.mean.numpy())
    assert np.abs(fitted.numpy() - values)[:, :8].max() < 0.1


def test_what_coefficients_mean_is_what_they_were_fitted_to(generator):
    values = coefficients(generator, 20)
    clip = record(generator, MODEL.mean.numpy(), values)
    told = told_motion(MODEL, torch.from_numpy(values), MODEL.mean)
    assert told.shape == (20, 468, 3)
    np.testing.assert_allclose(told.numpy(), clip.points - MODEL.mean.numpy(), atol=1e-6)
    small = told_motion(MODEL, torch.from_numpy(values), 0.5 * MODEL.mean)  # of a face half as large
    torch.testing.assert_close(small, 0.5 * told)
    landmarks = MODEL.landmarks.clone()
    landmarks[93] = -1
    lacking = told_motion(replace(MODEL, landmarks=landmarks), torch.from_numpy(values), MODEL.mean)
    assert (lacking[:, 93] == 0).all()
    torch.testing.assert_close(lacking[:, list(LIPS)], told[:, list(LIPS)])


def test_larger_models_get_larger_displacements(generator):
    values = coefficients(generator, 20)
    clip = record(generator, MODEL.mean.numpy(), values)
    large = replace(MODEL, mean=MODEL.mean * 1.2, expression=MODEL.expression * 1.2)
    plain = fit_expression(MODEL, clip.points, MODEL.mean.numpy(), noise=1e-6)
    torch.testing.assert_close(
        fit_expression(large, clip.points, MODEL.mean.numpy(), noise=1e-6), plain, atol=1e-3, rtol=0
    )


def test_identity_comes_back_up_to_pose_and_size(generator):
    truth = neutral_face(generator).astype(np.float64)
    person = posed(truth[None], generator)[0]
    identity = fit_identity(MODEL, person)
    assert identity.shape == (16,)
    found = MODEL.vertices(torch.zeros(1, 34), identity=identity).numpy().astype(np.float64)
    apart = laid_on(found, truth, np.arange(468))[0] - truth
    plain = laid_on(MODEL.mean.numpy()[None].astype(np.float64), truth, np.arange(468))[0] - truth
    assert np.linalg.norm(apart, axis=1).mean() < 1e-4
    assert np.linalg.norm(plain, axis=1).mean() > 1e-3
