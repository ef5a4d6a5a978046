import os
import shutil

import numpy as np
import pytest
import torch
from dense_faces import dense_face

from d3talker.core.errors import D3Error
from d3talker.faces.correspondence import OF_68
from d3talker.faces.fit import fit_expression
from d3talker.faces.ict import EXPRESSIONS, IDENTITIES, KEYPOINTS, NARROW, VERTICES
from d3talker.faces.model import load_face_model
from d3talker.faces.pncc import Pncc

MOVED = int(KEYPOINTS[57])  # the middle of the lower lip


@pytest.fixture(scope="module")
def face():
    return dense_face(np.random.default_rng(0), NARROW, KEYPOINTS)


@pytest.fixture(scope="module")
def folder(face, tmp_path_factory):
    """The folder as it is published: quads and texture numbers, centimetres, origin in the middle of the head.

    Shape number n moves the lower lip's middle down by 1 mm * (n + 1); identities move it forward. The shapes hold the
    vertices of the narrow face only.
    """
    root = tmp_path_factory.mktemp("ict") / "FaceXModel"
    root.mkdir()
    centimetres = np.vstack([face.vertices * 100 + [0, 1, 9], np.zeros((VERTICES - NARROW, 3))])
    lines = [f"v {x:.15f} {y:.15f} {z:.15f}\n" for x, y, z in centimetres]
    quarter = len(face.triangles) // 4  # the second and the fourth quarters of a triangle make a quad
    (one, two, three), (*_, four) = face.triangles[quarter], face.triangles[3 * quarter]
    triangles = np.delete(face.triangles, [quarter, 3 * quarter], axis=0)
    shapes = [(one, two, three, four), *triangles]
    polygons = ["f " + " ".join(f"{corner + 1}/{corner + 1}" for corner in shape) + "\n" for shape in shapes]
    polygons.append(f"f {NARROW + 1}/1 {NARROW + 2}/2 {NARROW + 3}/3 {NARROW + 4}/4\n")
    (root / "generic_neutral_mesh.obj").write_text("mtllib ICTFaceModelMaterial.mtl\n" + "".join(lines + polygons))
    before, after = "".join(lines[:MOVED]), "".join(lines[MOVED + 1 : NARROW])
    x, y, z = centimetres[MOVED]
    for n, name in enumerate(EXPRESSIONS):
        (root / f"{name}.obj").write_text(f"{before}v {x} {y - 0.1 * (n + 1)} {z}\n{after}")
    for n in range(IDENTITIES):
        (root / f"identity{n:03d}.obj").write_text(f"{before}v {x} {y} {z + 0.1 * (n + 1)}\n{after}")
    return root


@pytest.fixture(scope="module")
def model(folder):
    return load_face_model("ict", folder.parent)  # the repository will do


def test_shapes_sizes_and_order(model, face):
    assert len(EXPRESSIONS) == 53
    assert len(set(KEYPOINTS.tolist())) == 68
    assert model.mean.shape == (NARROW, 3)
    assert model.identity.shape == (100, NARROW, 3)
    assert model.expression.shape == (53, NARROW, 3)
    assert model.name == "ict"
    jaw = EXPRESSIONS.index("jawOpen")
    torch.testing.assert_close(model.expression[jaw, MOVED], torch.tensor([0.0, -0.001 * (jaw + 1), 0.0]))
    torch.testing.assert_close(model.identity[41, MOVED], torch.tensor([0.0, 0.0, 0.042]))
    assert (model.expression != 0).any(dim=2).sum() == 53
    size = np.linalg.norm(face.vertices[KEYPOINTS[36]] - face.vertices[KEYPOINTS[45]])
    assert float((model.mean[KEYPOINTS[36]] - model.mean[KEYPOINTS[45]]).norm()) == pytest.approx(size, rel=1e-5)
    assert [EXPRESSIONS[number] for number in model.blinks] == ["eyeBlink_R", "eyeBlink_L"]


def test_only_the_narrow_face_is_drawn_with_its_holes(model, face):
    assert int(model.triangles.max()) < NARROW
    assert {frozenset(t) for t in model.triangles.tolist()} == {frozenset(t) for t in face.triangles.tolist()}
    assert len(model.triangles) == len(face.triangles)
    picture = Pncc(model, 128).canonical
    x = 64 + 128 * 1015 / 224 * float(model.mean[KEYPOINTS[36], 0] + model.mean[KEYPOINTS[39], 0]) / 2
    eye = picture[:, 40:80, int(x)]
    assert (eye == -1).all(dim=0).any()


def test_landmarks_are_found_and_expressions_fitted(model, face):
    landmarks = model.landmarks.numpy()
    np.testing.assert_array_equal(landmarks[OF_68[17:]], KEYPOINTS[17:])
    assert (landmarks >= 0).mean() > 0.97
    expression = torch.zeros(4, 53)
    expression[:, 52] = torch.tensor([0.0, 0.3, 0.6, 1.0])
    points = model.vertices(expression)[:, model.landmarks].numpy()
    fitted = fit_expression(model, points, model.mean[model.landmarks].numpy())
    found = model.vertices(fitted)[:, MOVED] - model.mean[MOVED]
    wanted = model.vertices(expression)[:, MOVED] - model.mean[MOVED]
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0.02)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("jawOpen.obj", None, "jawOpen.obj is missing"),
        ("identity099.obj", b"v 0 0 0\n", "has 1 vertices"),
        ("identity000.obj", b"v 0 0 nose\n" * NARROW, "damaged"),
        ("generic_neutral_mesh.obj", b"\xff\xfe\x00", "damaged"),
    ],
)
def test_wrong_files_are_told_with_what_to_get(folder, tmp_path, name, content, told):
    root = tmp_path / "FaceXModel"
    shutil.copytree(folder, root, copy_function=os.link)
    (root / name).unlink()
    if content is not None:
        (root / name).write_bytes(content)
    with pytest.raises(D3Error, match=told) as error:
        load_face_model("ict", root)
    line = str(error.value)
    assert "MIT" in line
    assert "0.5 GB" in line
    assert "https://github.com/ICT-VGL/ICT-FaceKit" in line
    assert "\n" not in line


def test_no_path_is_told():
    with pytest.raises(D3Error, match="path of the face model ict"):
        load_face_model("ict")
