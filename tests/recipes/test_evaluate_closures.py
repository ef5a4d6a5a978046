"""Closures of rendered lips: where speech wants them, and how they are counted."""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.recipes.evaluate_closures import SHUT, Closings, closings, closure_numbers, since
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


def test_movement_in_pauses() -> None:
    told = Closings([], np.arange(20) >= 10)
    truth, predicted = np.full(20, OPEN), np.full(20, OPEN)
    predicted[::2] += 0.01  # it trembles
    numbers = closure_numbers(told, predicted, truth)
    assert numbers["movement_in_pauses"] == pytest.approx(0.01)
    assert numbers["movement_in_pauses_in_truth"] == 0


def test_what_is_left_of_the_moments() -> None:
    told = since(Closings([(2, 4), (10, 12)], np.arange(20) >= 15), 8)
    assert told.bilabials == [(2, 4)]
    assert np.flatnonzero(told.pauses)[0] == 7


def test_bilabials_of_known_english_words(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    speech = built_in_speech()
    count = len(speech.samples) * 25 // RATE
    told = json.loads(resources.files("d3talker.assets").joinpath("speech/training.json").read_text(encoding="utf-8"))
    (tmp_path / "words.txt").write_text(told["text"])
    said = [(start, end) for phone, start, end in speech.phones if phone in ("p", "b", "m")]
    for heard, least in ((str(tmp_path / "words.txt"), 0.8), ("english", 0.5)):
        told = closings(speech.samples, count, heard)
        near = np.zeros(count + 2, bool)
        for first, end in told.bilabials:
            near[max(0, first - 1) : end + 1] = True
        assert np.mean([near[round(25 * start) : round(25 * end) + 1].any() for start, end in said]) > least
        assert told.pauses.shape == (count,)
    with pytest.raises(D3Error, match="finds no words"):
        closings(np.zeros(RATE, np.float32), 25, "english")
