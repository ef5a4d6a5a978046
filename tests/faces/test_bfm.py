import numpy as np
import pytest
import torch
from dense_faces import dense_face
from scipy.io import savemat

from d3talker.core.errors import D3Error
from d3talker.faces.bfm import EXPRESSIONS, IDENTITIES, VERTICES, between_lids
from d3talker.faces.correspondence import OF_68
from d3talker.faces.model import load_face_model
from d3talker.faces.pncc import Pncc

FRAME = np.array([0.0, 0.12, 0.3])  # where the raw file has its origin, in decimetres


@pytest.fixture(scope="module")
def keypoints():
    return np.random.default_rng(1).permutation(VERTICES)[:68]


@pytest.fixture(scope="module")
def face(keypoints):
    return dense_face(np.random.default_rng(2), VERTICES, keypoints, rounds=2, eyes=True)


@pytest.fixture(scope="module")
def arrays(face, keypoints):
    """The file's arrays at their true names, shapes and numbering: decimetres, vertices from 1."""
    identity = np.zeros((3 * VERTICES, IDENTITIES), dtype=np.float32)
    identity[3 * 1234 + 1, 79] = 0.5
    expression = np.zeros((3 * VERTICES, EXPRESSIONS), dtype=np.float32)
    expression[3 * keypoints[57] + 1, 5] = -0.2
    return {
        "meanshape": (face.vertices * 10 + FRAME).astype(np.float32).reshape(1, -1),
        "idBase": identity,
        "exBase": expression,
        "tri": (face.triangles + 1).astype(np.int32),
        "keypoints": (keypoints[None] + 1).astype(np.int32),
        "skinmask": np.zeros((1, VERTICES), dtype=np.uint8),
    }


@pytest.fixture(scope="module")
def file(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("deep_3drecon") / "BFM" / "BFM_model_front.mat"
    path.parent.mkdir()
    savemat(path, arrays)
    return path


@pytest.fixture(scope="module")
def model(file):
    return load_face_model("bfm", file)


def test_shapes_units_and_frame(model, face, keypoints):
    assert model.mean.shape == (35_709, 3)
    assert model.identity.shape == (80, 35_709, 3)
    assert model.expression.shape == (64, 35_709, 3)
    assert model.blinks == ()
    torch.testing.assert_close(model.identity[79, 1234], torch.tensor([0.0, 0.05, 0.0]))
    torch.testing.assert_close(model.expression[5, keypoints[57]], torch.tensor([0.0, -0.02, 0.0]))
    assert (model.expression != 0).sum() == (model.identity != 0).sum() == 1
    shift = model.mean.numpy() - face.vertices
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-6)  # metres, not turned
    np.testing.assert_array_equal(model.landmarks.numpy()[OF_68[17:]], keypoints[17:])


def test_eyes_are_opened_by_their_lids(model, face):
    kept = {tuple(t) for t in model.triangles.tolist()}
    left = np.array([tuple(t) in kept for t in face.triangles.tolist()])
    assert left[face.in_eyes].mean() < 0.15  # thin rims along the lids stay
    assert left[~face.in_eyes].mean() > 0.995
    assert 300 < (~left).sum() < 600


def test_eyes_and_landmarks_come_from_the_files_beside_where_there_are_any(arrays, face, tmp_path):
    path = tmp_path / "BFM" / "BFM_model_front.mat"
    path.parent.mkdir()
    savemat(path, arrays)
    numbers = np.flatnonzero(face.in_eyes) + 1  # the files count from 1
    np.save(tmp_path / "bfm_left_eye_faces.npy", numbers[::2])
    np.save(tmp_path / "bfm_right_eye_faces.npy", numbers[1::2])
    landmarks = face.number.copy()
    landmarks[[93, 127, 132, 234, 323, 356, 361, 454]] = -1
    np.save(path.parent / "index_mp468_from_mesh35709.npy", landmarks)
    model = load_face_model("bfm", path.parent)
    np.testing.assert_array_equal(model.triangles.numpy(), face.triangles[~face.in_eyes])
    np.testing.assert_array_equal(model.landmarks.numpy(), landmarks)
    np.save(path.parent / "index_mp468_from_mesh35709.npy", landmarks[:100])
    with pytest.raises(D3Error, match="does not fit"):
        load_face_model("bfm", path)


def test_expressions_are_drawn(model):
    pncc = Pncc(model, 96)
    assert (pncc.canonical == -1).all(dim=0).float().mean() > 0.3
    coefficients = torch.zeros(2, 64)
    coefficients[1, 5] = 1
    still, moved = pncc.differences(coefficients).abs().amax(dim=(1, 2, 3))
    assert still == 0
    assert moved > 0.02  # one vertex among many


def test_between_lids_is_the_area_under_two_parabolas():
    lids = np.array([[-3, 0, 0], [-1, 0.8, 0], [1, 0.8, 0], [3, 0, 0], [1, -0.8, 0], [-1, -0.8, 0]], dtype=float)
    generator = np.random.default_rng(3)
    centres = np.column_stack([generator.uniform(-4, 4, 4000), generator.uniform(-2, 2, 4000), np.zeros(4000)])
    centres[-1] = [0, 0, -20]  # behind the head
    vertices = np.vstack([lids, centres])
    triangles = np.repeat(np.arange(6, 4006)[:, None], 3, axis=1)
    inside = between_lids(vertices, triangles, np.arange(6))
    x, y = centres[:-1, :2].T
    np.testing.assert_array_equal(inside[:-1], np.abs(y) < 0.9 * (1 - x**2 / 9))
    assert not inside[-1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"exBase": None}, "has no exBase"),
        ({"idBase": np.zeros((9, 80), dtype=np.float32)}, r"idBase of .* is \(9, 80\)"),
        ({"tri": np.array([[1, 2, 40_000]])}, "outside 1..35709"),
        ({"tri": np.zeros((0, 0))}, r"tri of .*"),
    ],
)
def test_other_files_are_told_with_what_to_get(arrays, tmp_path, change, told):
    small = {**arrays, "idBase": np.zeros((3 * VERTICES, 80), dtype=np.uint8), **change}
    savemat(tmp_path / "BFM_model_front.mat", {name: value for name, value in small.items() if value is not None})
    with pytest.raises(D3Error, match=told) as error:
        load_face_model("bfm", tmp_path)
    line = str(error.value)
    assert "127 MB" in line
    assert "research only" in line
    assert "https://faces.dmi.unibas.ch" in line
    assert "\n" not in line


def test_missing_and_damaged_files_are_told(tmp_path):
    with pytest.raises(D3Error, match="path of the face model bfm"):
        load_face_model("bfm")
    with pytest.raises(D3Error, match="is missing"):
        load_face_model("bfm", tmp_path / "BFM_model_front.mat")
    (tmp_path / "BFM_model_front.mat").write_bytes(b"MATLAB" * 100)
    with pytest.raises(D3Error, match="MATLAB"):
        load_face_model("bfm", tmp_path)
