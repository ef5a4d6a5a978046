from collections import Counter
from importlib.resources import files

import numpy as np
import torch

from d3talker.core.files import read_json, sha256_of
from d3talker.faces import points
from d3talker.faces.model import load_face_model
from d3talker.faces.mp468 import face_triangles, point_weights

MODEL = load_face_model()
ASSETS = files("d3talker.assets") / "faces"


def gap(face, upper, lower):
    return float(face[upper, 1].mean() - face[lower, 1].mean())


def with_coefficient(number, value):
    coefficients = torch.zeros(1, len(MODEL.expression))
    coefficients[0, number] = value
    return MODEL.vertices(coefficients)[0].numpy()


def test_mesh_has_the_known_size_and_its_four_borders():
    triangles = face_triangles()
    assert triangles.shape == (852, 3)
    np.testing.assert_array_equal(np.unique(triangles), np.arange(468))
    runs = [(int(a), int(b)) for t in triangles for a, b in zip(t, np.roll(t, -1), strict=True)]
    assert max(Counter(runs).values()) == 1  # every edge is run once each way: one side, no face twice
    border = {frozenset(edge) for edge in runs if edge[::-1] not in set(runs)}
    rings = [points.FACE_OVAL, points.INNER_LIPS, points.LEFT_EYE, points.RIGHT_EYE]
    expected = {frozenset(map(int, edge)) for ring in rings for edge in zip(ring, np.roll(ring, -1), strict=True)}
    assert border == expected


def test_edges_are_those_that_mediapipe_names():
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    edges = {frozenset((int(a), int(b))) for t in face_triangles() for a, b in zip(t, np.roll(t, -1), strict=True)}
    assert edges == {frozenset(edge) for edge in FACEMESH_TESSELATION}


def test_triangles_look_out_of_the_face():
    a, b, c = (MODEL.mean.numpy()[face_triangles()[:, corner]] for corner in range(3))
    assert (np.cross(b - a, c - a)[:, 2] > 0).mean() > 0.97  # all but some in the folds of nose and lips


def test_packaged_file_is_small_and_is_what_its_description_says():
    described = read_json(ASSETS / "mp468.json", "")
    assert described["sha256"] == sha256_of(ASSETS / "mp468.safetensors")
    assert described["fingerprint"] == MODEL.fingerprint()
    assert described["people"] == 18
    assert sum(source["frames"] for source in described["sources"]) > 7000
    assert (ASSETS / "mp468.safetensors").stat().st_size + (ASSETS / "mesh468.safetensors").stat().st_size < 200_000


def test_shapes_and_frame():
    assert MODEL.expression.shape == (34, 468, 3)
    assert MODEL.identity.shape == (16, 468, 3)
    assert MODEL.triangles.dtype == torch.int32
    assert MODEL.blinks == (0, 1)
    mean = MODEL.mean.numpy()
    right, left = mean[points.OUTER_EYE_CORNERS]
    assert abs(np.linalg.norm(left - right) - 0.090) < 2e-4
    assert right[0] < 0 < left[0]  # the person's right is on the left of the picture
    assert mean[points.FOREHEAD, 1] > mean[points.CHIN, 1] + 0.12
    assert mean[4, 2] == mean[:, 2].max()  # the tip of the nose is nearest to the viewer
    assert np.abs(mean[points.RIGID].mean(axis=0)).max() < 1e-4


def test_neutral_face_has_a_nearly_closed_mouth_and_open_eyes():
    mean = MODEL.mean.numpy()
    assert 0 < gap(mean, points.UPPER_INNER_LIP, points.LOWER_INNER_LIP) < 0.0015
    assert gap(mean, points.RIGHT_UPPER_LID, points.RIGHT_LOWER_LID) > 0.007


def test_each_blink_closes_its_own_eye_and_nothing_else():
    for number, upper, lower, other_upper, other_lower in (
        (0, points.RIGHT_UPPER_LID, points.RIGHT_LOWER_LID, points.LEFT_UPPER_LID, points.LEFT_LOWER_LID),
        (1, points.LEFT_UPPER_LID, points.LEFT_LOWER_LID, points.RIGHT_UPPER_LID, points.RIGHT_LOWER_LID),
    ):
        face = with_coefficient(number, 1.0)
        assert abs(gap(face, upper, lower)) < 1e-4
        assert gap(face, other_upper, other_lower) == gap(MODEL.mean.numpy(), other_upper, other_lower)
        assert np.array_equal(face[points.LIPS], MODEL.mean.numpy()[points.LIPS])


def test_components_are_ordered_by_the_lips_and_the_first_opens_the_mouth():
    lips = np.square(MODEL.expression.numpy()[2:, points.LIPS]).sum(axis=(1, 2))
    assert (np.diff(lips) < lips[:-1] * 0.01).all()
    opened = with_coefficient(2, 1.0)
    assert gap(opened, points.UPPER_INNER_LIP, points.LOWER_INNER_LIP) > 0.006
    assert opened[points.CHIN, 1] < MODEL.mean[points.CHIN, 1] - 0.002


def test_expression_shapes_are_orthogonal_in_their_weights():
    flat = (MODEL.expression.numpy().astype(np.float64) * point_weights()).reshape(34, -1)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    assert np.abs(flat @ flat.T - np.eye(34)).max() < 0.05


def test_shapes_are_symmetric_or_antisymmetric():
    shapes = MODEL.expression.numpy().astype(np.float64)
    swapped = shapes[:, points.MIRROR[:468]] * [-1, 1, 1]
    cosine = (shapes * swapped).sum(axis=(1, 2)) / np.square(shapes).sum(axis=(1, 2))
    np.testing.assert_allclose(np.abs(cosine[2:]), 1, atol=1e-4)
    np.testing.assert_allclose(swapped[0], shapes[1], atol=1e-5)
    np.testing.assert_array_equal(point_weights(), point_weights()[points.MIRROR[:468]])


def test_lips_count_most_and_depth_half():
    weights = point_weights()
    np.testing.assert_array_equal(weights[points.LIPS], np.tile([5, 5, 2.5], (40, 1)))
    np.testing.assert_array_equal(weights[points.LIDS], np.tile([3, 3, 1.5], (32, 1)))
    np.testing.assert_array_equal(weights[points.CHIN], [0.5, 0.5, 0.25])
    np.testing.assert_array_equal(weights[200], [2, 2, 1])
    np.testing.assert_array_equal(weights[4], [1, 1, 0.5])
