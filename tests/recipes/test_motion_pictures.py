"""Faces to look at: holes where mouth and eyes are open, light from above on the left, framing, the PNCC picture."""

import numpy as np
import pytest
import torch

from d3talker.faces.lip_gauge import LipGauge
from d3talker.faces.model import FaceModel, load_face_model
from d3talker.ops.mesh import vertex_normals
from d3talker.recipes.motion_pictures import FacePainter

SIZE = 200


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return load_face_model()


@pytest.fixture(scope="module")
def painter(model: FaceModel) -> FacePainter:
    return FacePainter(model, SIZE)


OPENS_LIPS = 2  # the first component after the two blinks


def face(model: FaceModel, place: int = 0, amount: float = 0.0) -> np.ndarray:
    coefficients = torch.zeros(1, len(model.expression))
    coefficients[0, place] = amount
    return model.vertices(coefficients)[0].numpy()


def background(picture: np.ndarray) -> np.ndarray:
    return (picture <= 3).all(axis=2)


def hole(painter: FacePainter, vertices: np.ndarray, rows: slice) -> int:
    """Pixels of background in the middle third of some rows."""
    return int(background(painter.shaded(vertices))[rows, SIZE // 3 : 2 * SIZE // 3].sum())


MOUTH, EYES = slice(130, 175), slice(60, 95)


def test_the_mouth_is_a_hole_that_grows_with_the_gap(model: FaceModel, painter: FacePainter) -> None:
    faces = [face(model, OPENS_LIPS, amount) for amount in (0.0, 0.5, 1.0, 2.0)]
    gaps = LipGauge(model).opening(np.stack(faces))
    holes = np.array([hole(painter, vertices, MOUTH) for vertices in faces])
    assert (np.diff(gaps) > 0.001).all()
    assert (np.diff(holes) > 20).all()
    assert np.corrcoef(gaps, holes)[0, 1] > 0.98


def test_a_blink_closes_an_eye(model: FaceModel, painter: FacePainter) -> None:
    right, left = model.blinks
    half = slice(0, SIZE // 2), slice(SIZE // 2, SIZE)  # the person's right eye is on the left

    def eye(vertices: np.ndarray, side: slice) -> int:
        seen = background(painter.shaded(vertices))[EYES, side]
        outside = np.cumprod(seen, axis=1).astype(bool) | np.cumprod(seen[:, ::-1], axis=1).astype(bool)[:, ::-1]
        return int((seen & ~outside).sum())

    rest, blinking = face(model), face(model, right, 1.0)
    assert eye(blinking, half[0]) < 0.35 * eye(rest, half[0])
    assert eye(blinking, half[1]) == pytest.approx(eye(rest, half[1]), rel=0.02)


def test_light_comes_from_above_on_the_left_and_edges_are_smooth(model: FaceModel, painter: FacePainter) -> None:
    picture = painter.shaded(face(model))[..., 0].astype(float)
    assert picture[90:150, 40:70].mean() > picture[90:150, 130:160].mean() + 15
    covered = ~background(painter.shaded(face(model)))
    assert len(np.unique(picture[covered])) > 100
    skin = picture[25:42, 80:120]
    assert np.abs(np.diff(skin, axis=1)).max() < 12  # no facets


@pytest.mark.parametrize("turn", [0.0, 35.0])
def test_the_face_stands_in_the_middle(model: FaceModel, painter: FacePainter, turn: float) -> None:
    covered = ~background(painter.shaded(face(model), turn))
    columns, rows = np.flatnonzero(covered.any(axis=0)), np.flatnonzero(covered.any(axis=1))
    assert columns.min() + columns.max() == pytest.approx(SIZE - 1, abs=8)
    assert rows.min() > 4
    assert rows.max() < SIZE - 10  # room for the jaw


def test_the_pncc_picture_is_that_of_the_encoder(model: FaceModel, painter: FacePainter) -> None:
    from d3talker.faces.pncc import Pncc

    coefficients = np.zeros(len(model.expression), np.float32)
    picture = painter.pncc(coefficients)
    expected = 127.5 * (Pncc(model, SIZE).canonical.permute(1, 2, 0).numpy() + 1)
    assert np.abs(picture - expected).max() <= 0.51
    assert not picture[:5].any()  # the background


def test_normals_of_a_sphere_point_outwards() -> None:
    from scipy.spatial import ConvexHull

    points = np.random.default_rng(0).normal(size=(400, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    triangles = ConvexHull(points).simplices
    corners = points[triangles]
    inward = (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) * corners[:, 0]).sum(axis=1) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    normals = vertex_normals(points, triangles)
    assert (normals * points).sum(axis=1).min() > 0.97
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
