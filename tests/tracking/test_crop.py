import numpy as np
import pytest

from d3talker.faces import points
from d3talker.tracking.crop import Crop, square_crop


def face(x: float, y: float, height: float) -> np.ndarray:
    marks = np.full((478, 3), 0.0)
    marks[:, 0], marks[:, 1] = x, y
    angle = np.linspace(0, 2 * np.pi, len(points.FACE_OVAL), endpoint=False)
    marks[points.FACE_OVAL, 0] = x + 0.375 * height * np.sin(angle)
    marks[points.FACE_OVAL, 1] = y - 0.5 * height * np.cos(angle)
    return marks


def test_crop_is_about_twice_the_face_and_centred_on_it():
    crop = square_crop([face(960, 500, 200)], 1920, 1080, scale=2.1)
    assert crop.side == 420
    assert abs(crop.left + crop.side / 2 - 960) <= 1
    assert 0 < crop.top + crop.side / 2 - 500 < 15  # a little more room below


def test_crop_moves_in_from_the_border_before_it_shrinks():
    crop = square_crop([face(80, 100, 200)], 1920, 1080)
    assert (crop.left, crop.top, crop.side) == (0, 0, 420)
    crop = square_crop([face(250, 250, 300)], 512, 500)
    assert (crop.side, crop.top) == (500, 0)
    assert 0 <= crop.left <= 12


def test_crop_holds_a_head_that_wanders():
    faces = [face(x, 500, 200) for x in (600, 900, 1200)]
    crop = square_crop(faces, 1920, 1080)
    assert crop.left < 600 - 75
    assert crop.left + crop.side > 1200 + 75


def test_cut_and_landmarks_agree():
    frame = np.zeros((300, 400, 3), dtype=np.uint8)
    frame[130:140, 210:220] = 255
    crop = Crop(left=100, top=50, side=200, source_width=400, source_height=300)
    picture = crop.cut(frame, 100)
    assert picture.shape == (100, 100, 3)
    rows, columns = np.nonzero(picture[..., 0] > 128)
    place = crop.to_crop(np.array([215.0, 135.0, 8.0]), 100)
    assert columns.mean() + 0.5 == pytest.approx(place[0], abs=0.1)
    assert rows.mean() + 0.5 == pytest.approx(place[1], abs=0.1)
    assert place[2] == 4
    assert np.array_equal(crop.cut(frame, 200), frame[50:250, 100:300])
