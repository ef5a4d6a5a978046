"""Closures of rendered lips: where speech wants them, and how they are counted."""

import numpy as np
import pytest

from d3talker.recipes.evaluate_closures import SHUT, Closings, closings, closure_numbers
from d3talker.signals.speech import RATE
from d3talker.speaker.speech import built_in_speech

OPEN = 5 * SHUT


def test_bilabials_of_speech_are_heard_where_they_are_said() -> None:
    speech = built_in_speech()
    assert speech.rate == RATE
    said = [(start, end) for phone, start, end in speech.phones if phone in ("p", "b", "m")]
    count = len(speech.samples) * 25 // RATE
    told = closings(speech.samples, count)
    heard = np.zeros(count, bool)
    for first, end in told.bilabials:
        heard[max(0, first - 1) : end + 1] = True
    truly = [bool(heard[round(25 * start) : round(25 * end) + 1].any()) for start, end in said]
    assert np.mean(truly) > 0.6
    assert len(told.bilabials) < 1.3 * len(said)
    assert told.pauses.shape == (count,)


def test_silence_is_one_pause() -> None:
    told = closings(np.zeros(3 * RATE, np.float32), 75)
    assert told.bilabials == []
    assert told.pauses[3:-3].all()


@pytest.mark.parametrize(("late", "shut"), [(0, 1.0), (2, 1.0), (3, 0.5)])
def test_lips_that_come_too_late_do_not_count(late: int, shut: float) -> None:
    told = Closings([(10, 12), (30, 31)], np.arange(50) >= 40)
    truth, predicted = np.full(50, OPEN), np.full(50, OPEN)
    truth[10:12] = truth[30] = 0.0
    predicted[10:12] = predicted[30 + late] = 0.0
    predicted[40:] = 0.5 * OPEN
    numbers = closure_numbers(told, predicted, truth)
    assert (numbers["bilabials"], numbers["shut_on_bilabials"], numbers["shut_on_bilabials_in_truth"]) == (2, shut, 1.0)
    assert numbers["pause_frames"] == 10
    assert numbers["opening_in_pauses"] == pytest.approx(0.5 * OPEN)
    assert numbers["opening_in_pauses_in_truth"] == pytest.approx(OPEN)


def test_frames_without_a_face_are_left_out() -> None:
    told = Closings([(2, 4)], np.arange(10) >= 5)
    truth, predicted = np.full(10, OPEN), np.full(10, OPEN)
    predicted[[3, 7]] = np.nan
    numbers = closure_numbers(told, predicted, truth)
    assert numbers["shut_on_bilabials"] == 0.0
    assert numbers["pause_frames"] == 4
    assert numbers["opening_in_pauses"] == pytest.approx(OPEN)


def test_speech_without_such_moments() -> None:
    numbers = closure_numbers(Closings([], np.zeros(5, bool)), np.full(5, OPEN), np.full(5, OPEN))
    assert numbers["bilabials"] == numbers["pause_frames"] == 0
    assert numbers["shut_on_bilabials"] is None
    assert numbers["opening_in_pauses"] is None
