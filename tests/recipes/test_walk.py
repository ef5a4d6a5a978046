"""The head's path beyond the end of its clip."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.recipes.walk import read_blinks, smooth_cameras, stillest, to_and_fro
from d3talker.signals.blinks import blinks


def path(count: int = 40) -> np.ndarray:
    rng = np.random.default_rng(0)
    cameras = np.tile(np.eye(4), (count, 1, 1))
    angle = 0.1 * np.sin(np.linspace(0, 3, count)) + 0.002 * rng.normal(size=count)
    cameras[:, 0, 0] = cameras[:, 2, 2] = np.cos(angle)
    cameras[:, 0, 2], cameras[:, 2, 0] = np.sin(angle), -np.sin(angle)
    cameras[:, 2, 3] = 0.8 + 0.001 * rng.normal(size=count)
    return cameras


def test_there_is_no_jump_even_between_periods() -> None:
    order = to_and_fro(10)
    twice = np.concatenate([order, order])
    assert np.abs(np.diff(twice)).max() == 1
    assert set(order) == set(range(10))
    assert to_and_fro(1).tolist() == [0]


def test_smoothing_keeps_rotations_and_takes_jitter_out() -> None:
    cameras = path()[to_and_fro(40)]
    smooth = smooth_cameras(cameras)
    rotation = smooth[:, :3, :3]
    assert np.abs(rotation @ rotation.transpose(0, 2, 1) - np.eye(3)).max() < 1e-9

    def shake(c: np.ndarray) -> float:
        return float(np.abs(np.diff(c[:, :3], n=2, axis=0)).mean())

    assert shake(smooth) < 0.35 * shake(cameras)
    assert np.abs(smooth - cameras).max() < 0.02


def test_blinks_come_every_few_seconds_and_repeat_with_the_seed() -> None:
    curve = np.array(list(itertools.islice(blinks(3), 1500)))
    assert np.array_equal(curve, list(itertools.islice(blinks(3), 1500)))
    starts = np.flatnonzero((curve[1:] > 0) & (curve[:-1] == 0))
    gaps = np.diff(starts) / 25
    assert 60 / 8.5 < len(starts) < 60 / 1.5
    assert gaps.min() >= 1.5
    assert curve.max() == 1.0


def test_blinks_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "blinks.txt").write_text("0\n0.5\n1 0.25\n")
    assert list(itertools.islice(read_blinks(tmp_path / "blinks.txt"), 6)) == [0, 0.5, 1, 0.25, 0, 0]
    for content in ("", "0.5 2", "wink"):
        (tmp_path / "blinks.txt").write_text(content)
        with pytest.raises(D3Error, match="one number from 0 to 1"):
            read_blinks(tmp_path / "blinks.txt")


def test_stillest_avoids_closed_eyes() -> None:
    cameras, blink = path(), np.zeros(40)
    best = stillest(cameras, blink)
    blink[best] = 1.0
    assert stillest(cameras, blink) != best
