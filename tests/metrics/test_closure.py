"""Closures of lips: moments, tolerance, nothing to count."""

import numpy as np
import pytest

from d3talker.metrics.closure import closure, runs

OPEN, CLOSED = 0.006, 0.0


def curve(frames: int, *moments: tuple[int, int]) -> np.ndarray:
    opening = np.full(frames, OPEN)
    for first, end in moments:
        opening[first:end] = CLOSED
    return opening


def test_runs_are_found_at_both_ends() -> None:
    assert runs(np.array([True, True, False, True, False, False, True])) == [(0, 2), (3, 4), (6, 7)]
    assert runs(np.zeros(4, bool)) == []


def test_the_truth_agrees_with_itself() -> None:
    truth = curve(50, (3, 6), (20, 21), (40, 50))
    assert closure(truth, truth) == (3, 1.0, 1.0)


@pytest.mark.parametrize(("late", "recall"), [(0, 1.0), (2, 1.0), (-2, 1.0), (3, 0.0), (-3, 0.0)])
def test_two_frames_early_or_late_still_count(late: int, recall: float) -> None:
    found = closure(curve(50, (20 + late, 21 + late)), curve(50, (20, 21)))
    assert (found.moments, found.recall, found.precision) == (1, recall, recall)


def test_missed_and_invented_closures() -> None:
    found = closure(curve(100, (10, 12), (50, 51), (70, 71), (90, 92)), curve(100, (10, 12), (30, 33)))
    assert found == (2, 0.5, 0.25)


def test_a_mouth_that_never_shuts_and_one_that_always_does() -> None:
    always, never = np.zeros(30), curve(30)
    assert np.isnan(closure(never, never)[1:]).all()
    assert closure(never, always).recall == 0.0
    assert closure(always, curve(30, (5, 6))) == (1, 1.0, 1.0)


def test_curves_of_other_lengths() -> None:
    with pytest.raises(ValueError, match="10 and 11"):
        closure(np.zeros(10), np.zeros(11))
