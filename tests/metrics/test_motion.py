import math

import numpy as np
import pytest

from d3talker.metrics.motion import (
    LIP_POINTS,
    amplitude_ratio,
    correlation_with_lag,
    head_jitter,
    landmark_distance,
)


def curve(frames=120, seed=0):
    rng = np.random.default_rng(seed)
    return np.convolve(rng.normal(size=frames + 4), np.ones(5) / 5, "valid")


def test_landmark_distance_ignores_translation_and_other_points():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 50, (7, 478, 3))
    moved = truth + rng.normal(0, 9, (7, 1, 3))
    others = np.setdiff1d(np.arange(478), LIP_POINTS)
    moved[:, others] += 30
    moved[..., 2] += rng.normal(size=(7, 478))
    assert len(set(LIP_POINTS)) == 20
    assert landmark_distance(moved, truth) == pytest.approx(0, abs=1e-12)


def test_landmark_distance_of_a_known_shift():
    truth = np.zeros((3, 468, 2))
    prediction = truth.copy()
    prediction[1, 13] = (3.0, 4.0)  # one point by 5 px: 19/20 of it there, 1/20 at each of the 19 others
    expected = (5 * 19 / 20 + 19 * 5 / 20) / 20 / 3
    assert landmark_distance(prediction, truth) == pytest.approx(expected)
    assert math.isnan(landmark_distance(truth[:0], truth[:0]))


@pytest.mark.parametrize("late", [-7, -1, 0, 2, 10])
def test_a_late_prediction_has_a_positive_lag(late):
    long = curve(160)
    truth = long[20:140]
    prediction = 3 * long[20 - late : 140 - late] + 5
    seen = correlation_with_lag(prediction, truth)
    assert seen.lag == late
    assert seen.best == pytest.approx(1)
    assert seen.zero == pytest.approx(np.corrcoef(prediction, truth)[0, 1])
    assert seen.reason == ""


def test_a_lag_out_of_reach_is_not_found():
    long = curve(160)
    seen = correlation_with_lag(long[:120], long[20:140], max_lag=10)
    assert seen.best < 0.5


def test_a_mirrored_curve_is_no_match():
    truth = np.sin(np.arange(200) / 100)
    seen = correlation_with_lag(-truth, truth, max_lag=0)
    assert seen[:3] == (pytest.approx(-1), 0, pytest.approx(-1))


@pytest.mark.parametrize("level", [0.0, 0.1, 1e6])
def test_a_frozen_mouth_has_no_correlation_and_says_why(level):
    frozen = np.full(50, level)
    assert correlation_with_lag(frozen, curve(50)) == (0, 0, 0, "the prediction does not move")
    assert correlation_with_lag(curve(50), frozen) == (0, 0, 0, "the truth does not move")
    assert amplitude_ratio(frozen, curve(50)) == pytest.approx(0, abs=1e-6)
    assert math.isnan(amplitude_ratio(curve(50), frozen))


def test_correlation_of_unusable_curves():
    assert correlation_with_lag(np.arange(2.0), np.arange(2.0)).reason == "only 2 frames"
    assert correlation_with_lag(np.array([1, np.nan, 2.0]), np.arange(3.0)).reason.endswith("no numbers")
    assert correlation_with_lag(np.arange(3.0), np.arange(3.0)) == (pytest.approx(1), 0, pytest.approx(1), "")
    with pytest.raises(ValueError, match="3 and 2 frames"):
        correlation_with_lag(np.arange(3), np.arange(2))


def test_amplitude_ratio():
    assert amplitude_ratio(0.6 * curve() + 3, curve()) == pytest.approx(0.6)


def test_head_jitter():
    frames = np.arange(40.0)
    truth = np.zeros((40, 5, 2))
    truth[..., 0] = (0.05 * frames**2)[:, None]  # a constant second difference of 0.1 px
    assert head_jitter(truth, truth) == 0
    shaking = truth.copy()
    shaking[..., 1] += np.where(frames % 2, 0.5, -0.5)[:, None]  # second differences of 2 px upwards or downwards
    assert head_jitter(shaking, truth) == pytest.approx(math.hypot(2, 0.1) - 0.1)
    assert head_jitter(np.zeros_like(truth), truth) == pytest.approx(-0.1)
    assert math.isnan(head_jitter(truth[:2], truth[:2]))
