"""AUE: of OpenFace's tables and of our own scales, on pairs whose answer is known."""

import math
from pathlib import Path

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.faces import points
from d3talker.metrics.action_units import LOWER, UPPER, expression_scales, openface_error, scale_error


def write_table(path: Path, values: np.ndarray) -> Path:
    names = ["frame", *(f" {name}" for name in LOWER + UPPER)]
    rows = [", ".join([str(t + 1), *(f"{value:.3f}" for value in row)]) for t, row in enumerate(values)]
    path.write_text("\n".join([",".join(names), *rows]) + "\n")
    return path


def face(frames: int = 200, seed: int = 0) -> np.ndarray:
    """A face whose lips open and whose brows rise, each in its own time."""
    rng = np.random.default_rng(seed)
    found = np.tile(rng.uniform(100, 300, (478, 2)), (frames, 1, 1))
    found[:, points.OUTER_EYE_CORNERS] = (150, 180), (250, 180)
    found[:, points.LOWER_INNER_LIP, 1] += 8 * np.sin(np.arange(frames) / 5)[:, None]
    found[:, [55, 107, 285, 336], 1] -= 4 * np.sin(np.arange(frames) / 9)[:, None]
    return found


def test_the_sums_of_openface(tmp_path: Path) -> None:
    truth = np.random.default_rng(0).uniform(0, 3, (50, 17)).round(3)
    told = truth.copy()
    told[:, 0] += 2.0  # AU10, below
    told[:25, 16] += 1.0  # AU45, above, half of the time
    tables = write_table(tmp_path / "p.csv", told), write_table(tmp_path / "t.csv", truth)
    assert openface_error(*tables) == pytest.approx((4.0, 0.5))
    assert openface_error(tables[1], tables[1]) == (0, 0)


def test_the_longer_table_is_cut(tmp_path: Path) -> None:
    truth = np.ones((50, 17))
    told = np.concatenate([truth, 9 * truth])
    assert openface_error(write_table(tmp_path / "p.csv", told), write_table(tmp_path / "t.csv", truth)) == (0, 0)


@pytest.mark.parametrize(("text", "told"), [("", "no column AU10_r"), ("frame,AU10_r\n1,2\n", "no column AU12_r")])
def test_foreign_tables_are_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(D3Error, match=told):
        openface_error(tmp_path / "p.csv", tmp_path / "p.csv")
    with pytest.raises(D3Error, match="missing or not text"):
        openface_error(tmp_path / "none.csv", tmp_path / "p.csv")


def test_scales_do_not_change_with_the_picture() -> None:
    one, angle = face(), 0.3
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    moved = 1.7 * one @ turn.T + (40, -20)
    for group, scales in expression_scales(one).items():
        np.testing.assert_allclose(expression_scales(moved)[group], scales, atol=1e-12)


def test_the_error_says_where_it_is() -> None:
    truth = face()
    frozen = np.tile(truth[:1], (len(truth), 1, 1))
    still_lips = truth.copy()
    still_lips[:, points.LOWER_INNER_LIP] = frozen[:, points.LOWER_INNER_LIP]
    assert scale_error(truth, truth) == (0, 0)
    lips, whole = scale_error(still_lips, truth), scale_error(frozen, truth)
    assert lips.lower > 0.05
    assert lips.upper == 0
    assert whole.lower == lips.lower
    assert whole.upper > 0.05
    half = truth.copy()
    half[:, points.LOWER_INNER_LIP] = (truth + frozen)[:, points.LOWER_INNER_LIP] / 2
    assert 0 < scale_error(half, truth).lower < lips.lower
    assert all(map(math.isnan, scale_error(truth[:0], truth[:0])))
