"""LMD on FAN's points: distances of known shifts, and the package behind it where it is and where it is not."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from d3talker.core.errors import D3Error
from d3talker.metrics.fan import FanTracker, mouth_distance


def test_distance_of_a_known_shift() -> None:
    truth = np.random.default_rng(0).normal(0, 20, (6, 20, 2))
    assert mouth_distance(truth + [[[9.0, -4.0]]], truth) == pytest.approx(0)
    moved = truth.copy()
    moved[3, 5] += (3.0, 4.0)  # one of 20 points by 5 px: 19/20 of it there, 1/20 at each of the others
    assert mouth_distance(moved, truth) == pytest.approx((5 * 19 / 20 + 19 * 5 / 20) / 20 / 6)
    moved[0] = np.nan
    assert mouth_distance(moved, truth) == pytest.approx((5 * 19 / 20 + 19 * 5 / 20) / 20 / 5)
    assert np.isnan(mouth_distance(moved[:1], truth[:1]))


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_alignment", None)
    with pytest.raises(D3Error, match=r"face_alignment is not installed.*pip install 'face-alignment"):
        FanTracker(torch.device("cpu"))


def _package(faces: object = None, error: Exception | None = None) -> SimpleNamespace:
    """What we use of the package's interface (1.5)."""

    def make(kind: object, *, device: str, flip_input: bool, compile: bool) -> SimpleNamespace:
        if error is not None:
            raise error
        return SimpleNamespace(get_landmarks_from_image=lambda picture: faces)

    return SimpleNamespace(FaceAlignment=make, LandmarksType=SimpleNamespace(TWO_D=1))


def test_the_last_face_found_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = [np.full((68, 2), value, np.float32) + np.arange(68)[:, None] for value in (0.0, 100.0)]
    picture = np.zeros((64, 64, 3), np.uint8)
    monkeypatch.setitem(sys.modules, "face_alignment", _package(faces))
    mouth = FanTracker(torch.device("cpu")).mouth(picture)
    assert mouth.shape == (20, 2)
    assert mouth[0, 0] == 148
    monkeypatch.setitem(sys.modules, "face_alignment", _package(None))
    assert np.isnan(FanTracker(torch.device("cpu")).mouth(picture)).all()


def test_networks_that_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "face_alignment", _package(error=OSError("no network")))
    with pytest.raises(D3Error, match=r"cannot load its networks \(no network\)"):
        FanTracker(torch.device("cpu"))
