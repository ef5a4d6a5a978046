import numpy as np
import pytest
from dense_faces import dense_face
from scipy.spatial.transform import Rotation

from d3talker.faces.correspondence import OF_68, centred, find_landmarks, outward
from d3talker.faces.points import INNER_LIPS, OUTER_LIPS, RIGID


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_points_are_found_on_other_people_in_any_pose_and_size(seed):
    generator = np.random.default_rng(seed)
    keypoints = generator.permutation(3000)[:68]
    face = dense_face(generator, 3000, keypoints)
    turn = Rotation.from_euler("x", 6, degrees=True).as_matrix()
    moved = 1.3 * face.vertices @ turn.T + [0.02, -0.1, 0.3]
    landmarks = find_landmarks(moved, face.triangles, keypoints)
    assert landmarks.dtype == np.int64
    np.testing.assert_array_equal(landmarks[OF_68[17:]], keypoints[17:])
    known = landmarks >= 0
    assert known.mean() > 0.97
    apart = np.linalg.norm(moved[landmarks[known]] - moved[face.number[known]], axis=1)
    assert np.median(apart) < 0.002
    assert np.percentile(apart, 90) < 0.008
    assert set(landmarks[known]) <= set(np.unique(face.triangles))


def test_upper_and_lower_lip_are_not_confused():
    generator = np.random.default_rng(3)
    keypoints = np.arange(68)
    face = dense_face(generator, 3000, keypoints)
    landmarks = find_landmarks(face.vertices, face.triangles, keypoints)
    for ring in (INNER_LIPS, OUTER_LIPS):
        corners, lower, upper = ring[[0, 10]], ring[1:10], ring[11:]
        for lip, other in ((lower, upper), (upper, lower)):
            mine = np.linalg.norm(face.vertices[landmarks[lip]] - face.vertices[face.number[lip]], axis=1)
            assert mine.max() < 0.004
            assert not set(landmarks[lip]) & set(face.number[other])
        assert not set(landmarks[corners]) & set(face.number[[*lower, *upper]])


def test_vertices_too_far_away_do_not_count():
    generator = np.random.default_rng(4)
    keypoints = np.arange(68)
    face = dense_face(generator, 3000, keypoints)
    top = face.vertices[face.number[10], 1] - 0.02
    kept = (face.vertices[face.triangles][:, :, 1] < top).all(axis=1)  # a mesh without the upper forehead
    landmarks = find_landmarks(face.vertices, face.triangles[kept], keypoints)
    assert landmarks[10] == landmarks[338] == landmarks[109] == -1
    assert (landmarks >= 0).mean() > 0.9


def test_head_frame_has_the_skull_in_its_middle():
    generator = np.random.default_rng(5)
    vertices = generator.normal(size=(500, 3))
    landmarks = generator.permutation(468)
    landmarks[RIGID[:5]] = -1
    middle = centred(vertices, landmarks)[landmarks[RIGID[5:]]].mean(axis=0)
    np.testing.assert_allclose(middle, 0, atol=1e-12)


def test_triangles_are_turned_to_the_viewer():
    face = dense_face(np.random.default_rng(6), 3000, np.arange(68))
    assert outward(face.vertices, face.triangles) is face.triangles
    np.testing.assert_array_equal(outward(face.vertices, face.triangles[:, ::-1]), face.triangles)
