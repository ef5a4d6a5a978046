import numpy as np
import pytest
import torch
from scipy import ndimage

from d3talker.faces.model import load_face_model
from d3talker.faces.pncc import DISTANCE, FOCAL, Pncc
from d3talker.faces.points import LIPS

MODEL = load_face_model()
PNCC = Pncc(MODEL, 256)
MOUTH = np.s_[140:235, 85:171]  # rows and columns about the mouth and the chin


def expression(*values: tuple[int, float]) -> torch.Tensor:
    coefficients = torch.zeros(1, len(MODEL.expression))
    for number, value in values:
        coefficients[0, number] = value
    return coefficients


def holes(picture: torch.Tensor) -> list[int]:
    """Pixels of every patch of bare background inside the face, from the top of the picture down."""
    bare = (picture == -1).all(dim=0).numpy()
    patches, count = ndimage.label(bare)
    outside = patches[0, 0]
    return [int((patches == number).sum()) for number in range(1, count + 1) if number != outside]


def test_background_is_exactly_minus_one_and_colours_span_the_range():
    picture = PNCC.canonical
    assert picture.shape == (3, 256, 256)
    assert picture.dtype == torch.float32
    assert torch.equal(picture[:, 0], torch.full((3, 256), -1.0))
    assert 0.35 < (picture == -1).all(dim=0).float().mean() < 0.65  # spec: about half of the picture is face
    assert picture.min() == -1
    assert picture.max() <= 1
    assert (picture.amax(dim=(1, 2)) > 0.97).all()
    colours = MODEL.colours * 2 - 1
    assert (colours.amin(dim=0) == -1).all()
    assert (colours.amax(dim=0) == 1).all()


def test_camera_is_that_of_the_literature():
    assert pytest.approx(2 * np.degrees(np.arctan(0.5 / FOCAL)), abs=0.1) == 12.6
    rows = (PNCC.canonical != -1).any(dim=0).any(dim=1).nonzero()
    columns = (PNCC.canonical != -1).any(dim=0).any(dim=0).nonzero()
    mean = MODEL.mean.numpy() - MODEL.mean.numpy().mean(axis=0)
    x, y = (256 * FOCAL * mean[:, axis] / (DISTANCE - mean[:, 2]) for axis in (0, 1))
    assert abs(int(columns.min()) - (128 + x.min())) < 1
    assert abs(int(columns.max()) + 1 - (128 + x.max())) < 1
    assert abs(int(rows.min()) - (128 - y.max())) < 1
    assert abs(int(rows.max()) + 1 - (128 - y.min())) < 1


def test_red_grows_to_the_right_green_up_and_blue_to_the_viewer():
    face = torch.where(PNCC.canonical == -1, torch.nan, PNCC.canonical)
    assert face[0, 150, 180] - face[0, 150, 75] > 0.8
    assert face[1, 50, 128] - face[1, 210, 128] > 0.8
    nose = (PNCC.canonical[2] == PNCC.canonical[2].max()).nonzero()[0]
    assert abs(int(nose[1]) - 128) < 4
    assert 110 < int(nose[0]) < 150


def test_eyes_are_two_holes_and_an_open_mouth_a_third():
    shut = PNCC.images(expression((2, -0.4)))[0]
    eyes = holes(shut)
    assert len(eyes) == 2
    assert min(eyes) > 100
    opened = holes(PNCC.images(expression((2, 2.5)))[0])
    assert len(opened) == 3
    assert opened[2] > 800
    assert holes(PNCC.images(expression((2, -0.4), (0, 1.15), (1, 1.15)))[0]) == []


def test_nothing_moves_nothing_differs():
    assert torch.equal(PNCC.differences(torch.zeros(3, len(MODEL.expression))), torch.zeros(3, 3, 256, 256))
    mixed = PNCC.differences(torch.cat([expression((2, 1.0)), expression()]))
    assert mixed[0].abs().max() > 1
    assert not mixed[1].any()
    assert mixed.abs().max() <= 2


def test_opening_the_lips_shows_around_the_mouth():
    difference = PNCC.differences(expression((2, 1.5)))[0].abs().sum(dim=0)
    mouth = difference[MOUTH].mean()
    rest = difference.clone()
    rest[MOUTH] = 0
    assert mouth > 10 * rest.sum() / (256 * 256 - difference[MOUTH].numel())
    lids = PNCC.differences(expression((0, 1.0)))[0].abs().sum(dim=0)
    assert lids[MOUTH].max() == 0
    assert lids[:, :128].sum() > 100 * lids[:, 128:].sum()


def test_edges_are_smooth():
    steps = [PNCC.images(expression((2, value)))[0] for value in np.linspace(1.0, 1.1, 6)]
    changes = [(b - a).abs().sum() for a, b in zip(steps, steps[1:], strict=False)]
    assert min(changes) > 0.3 * max(changes)  # a rim that jumped by whole pixels would rest and leap


def test_a_person_has_an_own_neutral_face_and_the_colours_of_the_model():
    neutral = MODEL.vertices(torch.zeros(1, len(MODEL.expression)), identity=torch.full((16,), 0.7))[0]
    person = Pncc(MODEL, 256, neutral)
    assert (person.canonical - PNCC.canonical).abs().max() > 0.5
    assert not person.differences(torch.zeros(1, len(MODEL.expression))).any()
    lips = neutral[LIPS.tolist()] - MODEL.mean.mean(dim=0)
    x, y = (128 + sign * 256 * FOCAL * lips[:, axis] / (DISTANCE - lips[:, 2]) for axis, sign in ((0, 1), (1, -1)))
    corner = int(lips[:, 0].argmin())
    wanted = MODEL.colours[LIPS[corner]] * 2 - 1
    found = person.canonical[:, int(y[corner]), int(x[corner])]
    assert (found - wanted).abs().max() < 0.06


def test_other_sizes_show_the_same_face():
    small = Pncc(MODEL, 64).canonical
    pooled = torch.nn.functional.avg_pool2d(PNCC.canonical, 4)
    assert small.shape == (3, 64, 64)
    assert (small - pooled).abs().mean() < 0.01
