import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from synthetic_face import SIZE, make_clip, make_face

from d3talker.config.prepare import SolveSettings
from d3talker.faces import points
from d3talker.tracking.bundle import Scene, solve_scene
from d3talker.tracking.camera_solve import jitter_of, solve_cameras
from d3talker.tracking.expression import measure_expression
from d3talker.tracking.head_frame import head_axes, mean_face, metric_scale


def turns_apart(solved: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Degrees between two paths of rotation, a constant turn of the head frame taken out."""
    apart = Rotation.from_matrix(np.swapaxes(solved[:, :3, :3], 1, 2) @ truth[:, :3, :3])
    return np.degrees((apart * apart.mean().inv()).magnitude())


@pytest.fixture(scope="module")
def noisy():
    clip = make_clip(np.random.default_rng(1))
    return clip, solve_cameras(clip.landmarks, SIZE)


def test_poses_are_those_of_the_truth(noisy):
    clip, solve = noisy
    assert np.sqrt((turns_apart(solve.world_to_cam, clip.world_to_cam) ** 2).mean()) < 0.22
    spot = clip.focal * clip.world_to_cam[:, :2, 3] / clip.world_to_cam[:, 2:3, 3]
    solved = solve.focal * solve.world_to_cam[:, :2, 3] / solve.world_to_cam[:, 2:3, 3]
    assert np.abs(solved - spot).max() < 0.25


def test_noise_goes_and_motion_stays(noisy):
    clip, solve = noisy
    assert solve.raw_jitter.mean() < 0.25  # of landmarks with 0.5 px in x and y
    assert solve.jitter.mean() < 0.35 * solve.raw_jitter.mean()
    truth, solved = (
        Rotation.from_matrix(np.diag([1, -1, -1]) @ poses[:, :3, :3]).as_rotvec()[:, 1]
        for poses in (clip.world_to_cam, solve.world_to_cam)
    )
    truth, solved = truth - truth.mean(), solved - solved.mean()
    errors = [np.abs(np.roll(solved, -lag) - truth)[5:-5].mean() for lag in (-2, -1, 0, 1, 2)]
    assert int(np.argmin(errors)) == 2  # no lag
    assert solved @ truth / (truth @ truth) == pytest.approx(1, abs=0.02)  # no loss of amplitude


def test_shape_scale_and_frame(noisy):
    clip, solve = noisy
    assert np.abs(solve.face_shape[points.RIGID].mean(axis=0)).max() < 1e-9
    assert np.allclose(head_axes(solve.face_shape), np.eye(3), atol=2e-3)
    eyes = np.linalg.norm(np.subtract(*solve.face_shape[points.OUTER_EYE_CORNERS]))
    assert eyes == pytest.approx(0.09, rel=0.03)
    error = np.linalg.norm(solve.face_shape - clip.face, axis=1)[points.RIGID]
    assert np.sqrt((error**2).mean()) < 0.0015
    # What is seen does not depend on scale, frame or focal length.
    camera = solve.face_shape[points.RIGID] @ solve.world_to_cam[7, :3, :3].T + solve.world_to_cam[7, :3, 3]
    seen = solve.focal * camera[:, :2] / camera[:, 2:] + SIZE / 2
    assert np.sqrt(((seen - clip.landmarks[7, points.RIGID, :2]) ** 2).mean()) < 0.7


def test_residual_is_the_noise_of_the_landmarks(noisy):
    _, solve = noisy
    assert solve.residual.mean() == pytest.approx(0.5 * np.sqrt(2), rel=0.1)


def test_lips_are_measured_without_the_pose(noisy):
    clip, solve = noisy
    opening = measure_expression(solve.face_points).lip_opening
    assert np.corrcoef(opening, clip.lip_opening)[0, 1] > 0.98
    assert np.abs(opening - clip.lip_opening).mean() < 6e-4


def test_focal_length_is_found_where_landmarks_can_tell():
    clip = make_clip(np.random.default_rng(2), frames=60, noise=0.2, focal=800, turn=2.0, distance=0.5)
    free = SolveSettings(focal_spread=1.0, independent_frames=10**6, depth_spread=0.01)
    assert solve_cameras(clip.landmarks, SIZE, free).focal == pytest.approx(800, rel=0.08)
    assert solve_cameras(clip.landmarks, SIZE, SolveSettings(focal=950.0)).focal == 950


def test_known_person_keeps_shape_and_head_frame():
    rng = np.random.default_rng(3)
    clip = make_clip(rng, frames=60)
    solve = solve_cameras(clip.landmarks, SIZE, SolveSettings(focal=clip.focal), face_shape=clip.face)
    assert np.array_equal(solve.face_shape, clip.face)
    turn = Rotation.from_matrix(np.swapaxes(solve.world_to_cam[:, :3, :3], 1, 2) @ clip.world_to_cam[:, :3, :3])
    assert np.degrees(np.sqrt((turn.magnitude() ** 2).mean())) < 0.4
    assert np.abs(solve.world_to_cam[:, 2, 3] - clip.world_to_cam[:, 2, 3]).max() < 0.01
    assert np.abs(np.median(solve.face_points, axis=0) - clip.face)[points.RIGID].max() < 1e-3


def test_one_bad_landmark_does_not_move_the_head():
    clip = make_clip(np.random.default_rng(4), frames=60, noise=0.2)
    bent = clip.landmarks.copy()
    bent[30, points.RIGID[:6], :2] += 40
    straight, robust = (solve_cameras(marks, SIZE, SolveSettings(smoothing=0)) for marks in (clip.landmarks, bent))
    assert turns_apart(robust.world_to_cam, straight.world_to_cam)[30] < 0.5


def test_bundle_reaches_the_exact_solution_without_noise():
    clip = make_clip(np.random.default_rng(5), frames=12, noise=0.0)
    shape = clip.face[points.RIGID]
    truth = Scene(shape, clip.world_to_cam[:, :3, :3], clip.world_to_cam[:, :3, 3], clip.focal)
    rng = np.random.default_rng(6)
    start = Scene(
        shape,
        Rotation.from_rotvec(rng.normal(0, 0.1, (12, 3))).as_matrix() @ truth.rotations,
        truth.shifts + rng.normal(0, 0.03, (12, 3)),
        clip.focal,
    )
    solved = solve_scene(
        start, truth.project(), np.ones(len(shape)), SolveSettings(iterations=25), free_shape=True, free_focal=True
    )
    assert np.abs(solved.project() - truth.project()).max() < 1e-4
    assert solved.focal == pytest.approx(clip.focal, rel=1e-3)


def test_mean_face_stands_upright_and_measures_in_metres():
    clip = make_clip(np.random.default_rng(8), frames=40, noise=0.0, distance=30.0)
    face = mean_face(clip.landmarks)
    assert np.allclose(head_axes(face), np.eye(3), atol=1e-6)
    assert np.linalg.norm(face[33] - face[263]) == pytest.approx(0.09)
    assert np.sqrt(((face - clip.face)[points.RIGID] ** 2).mean()) < 5e-4


def test_metric_scale_weighs_irises_and_eye_distance():
    face = make_face(np.random.default_rng(9))
    assert metric_scale(np.stack([face] * 5) * 40) == pytest.approx(1 / 40)
    wide = face.copy()
    wide[points.OUTER_EYE_CORNERS] *= 1.1
    assert 1 / 1.1 < metric_scale(np.stack([wide] * 5)) < 1


def test_jitter_counts_noise_and_leaves_motion_out():
    seconds = np.arange(2000) / 25
    smooth = np.column_stack([20 * np.sin(2 * seconds), 10 * np.cos(3 * seconds)])[:, None]
    assert jitter_of(smooth).max() < 0.01
    noisy = smooth + np.random.default_rng(10).normal(0, 1, (2000, 1, 2))
    assert np.sqrt((jitter_of(noisy) ** 2).mean()) == pytest.approx(np.sqrt(2), rel=0.1)
    assert len(jitter_of(smooth[:4])) == 4
