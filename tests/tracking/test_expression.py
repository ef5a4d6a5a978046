import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.faces import points
from d3talker.tracking.expression import (
    NAMES,
    activation,
    blink_of,
    lip_opening,
    measure_expression,
    read_action_units,
)


def still_faces(frames: int = 200) -> np.ndarray:
    """Faces with open eyes (lids 10 mm apart) and lips that rest 0.8 mm apart."""
    faces = np.zeros((frames, 478, 3))
    faces[:, [33, 133], 0], faces[:, [263, 362], 0] = (-0.045, -0.016), (0.045, 0.016)
    faces[:, [*points.RIGHT_UPPER_LID, *points.LEFT_UPPER_LID], 1] = 0.006
    faces[:, [*points.RIGHT_LOWER_LID, *points.LEFT_LOWER_LID], 1] = -0.004
    faces[:, points.UPPER_INNER_LIP, 1] = -0.05
    faces[:, points.LOWER_INNER_LIP, 1] = -0.0508
    faces[:, points.MOUTH_CORNERS, 0] = (-0.025, 0.025)
    faces[:, [107, 66, 55, 65, 336, 296, 285, 295], 1] = 0.02
    faces[:, [50, 280, 101, 330], 1] = -0.03
    return faces


def test_closed_lips_are_zero_and_opening_is_in_metres():
    faces = still_faces()
    faces[50:100, points.LOWER_INNER_LIP, 1] -= 0.012
    opening = lip_opening(faces)
    assert np.abs(opening[:50]).max() < 1e-9
    assert opening[60] == pytest.approx(0.012)


def test_lips_that_never_close_keep_their_opening():
    faces = still_faces()
    faces[:, points.LOWER_INNER_LIP, 1] -= 0.010
    assert lip_opening(faces) == pytest.approx(0.0108 - 0.002)


def test_each_motion_lights_its_own_number():
    lids = [*points.RIGHT_UPPER_LID, *points.LEFT_UPPER_LID]
    faces = still_faces()
    faces[10:20, [107, 66, 55, 65, 336, 296, 285, 295], 1] += 0.004  # brows up
    faces[30:40, [107, 66, 55, 65, 336, 296, 285, 295], 1] -= 0.004  # brows down
    faces[50:60, lids, 1] += 0.003  # lids wide
    faces[70:75, lids, 1] -= 0.0095  # a blink
    values = measure_expression(faces).values
    assert values.shape == (200, len(NAMES))
    times = {name: np.flatnonzero(values[:, column] > 0.9).tolist() for column, name in enumerate(NAMES)}
    assert times["brow raise"] == list(range(10, 20))
    assert times["brow lower"] == list(range(30, 40))
    assert times["lid wide"] == list(range(50, 60))
    assert times["blink"] == list(range(70, 75))
    assert values.min() >= 0
    assert values.max() <= 1


def test_noise_is_not_blown_up():
    noise = np.random.default_rng(0).normal(0, 1e-4, 500)
    assert activation(noise, 0.002).max() < 0.25
    assert activation(noise * 100, 0.002).max() == 1


def test_a_person_who_never_blinks_does_not_seem_to():
    lids = 0.010 + np.random.default_rng(1).normal(0, 3e-4, 100)
    assert blink_of(lids).max() < 0.3


def write_units(path, rows: int, columns: str = " AU01_r, AU04_r, AU05_r, AU06_r, AU07_r, AU45_r") -> None:
    lines = [f"frame,{columns}"]
    lines += [f"{row + 1}, {5.0 if row == 3 else 0.0}, 0.2, 0, 0, 0, {row / 2:.1f}" for row in range(rows)]
    path.write_text("\n".join(lines))


def test_action_units_of_openface(tmp_path):
    write_units(tmp_path / "au.csv", 8)
    values = read_action_units(tmp_path / "au.csv", 8)
    assert values.shape == (8, 6)
    assert values[3, 0] == 1
    assert values[0, 1] == pytest.approx(0.2)  # a small range counts as 1
    assert values[:, 5] == pytest.approx(np.clip(np.arange(8) / 4, 0, 1))


def test_action_units_that_do_not_fit(tmp_path):
    path = tmp_path / "au.csv"
    with pytest.raises(D3Error, match="missing"):
        read_action_units(path, 8)
    write_units(path, 7)
    with pytest.raises(D3Error, match="7 rows; wanted 8"):
        read_action_units(path, 8)
    write_units(path, 8, columns=" AU01_r, AU04_r, AU05_r, AU06_r, AU07_r, AU12_r")
    with pytest.raises(D3Error, match="no column AU45_r"):
        read_action_units(path, 8)
    path.write_text("AU01_r,AU04_r,AU05_r,AU06_r,AU07_r,AU45_r\n1,2,x,4,5,6\n")
    with pytest.raises(D3Error, match="no numbers"):
        read_action_units(path, 1)
