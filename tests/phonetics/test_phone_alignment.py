import numpy as np
import pytest

from d3talker.phonetics.alignment import align, unknown_words
from d3talker.phonetics.synthesis import ENGINES

pytest.importorskip("pocketsphinx")

TEXT = "The quick brown fox jumps over the lazy dog and my mother bought five apples"


@pytest.fixture(scope="module")
def speech():
    if advice := ENGINES["flite"].missing():
        pytest.skip(advice)
    return ENGINES["flite"].speak(TEXT, "slt")


def rows(phones, seconds):
    """The class of every 10 ms."""
    said = np.full(round(seconds * 100), "", dtype=object)
    for name, start, end in phones:
        said[round(100 * start) : round(100 * end)] = name
    return said


def agreement(phones, speech):
    return (rows(phones, speech.seconds) == rows(speech.phones, speech.seconds)).mean()


def test_known_words_are_found_where_flite_says_them(speech):
    phones = align(speech.samples, TEXT)
    assert agreement(phones, speech) > 0.75
    assert agreement([(name, start + 0.1, end + 0.1) for name, start, end in phones], speech) < 0.4
    assert phones[0][1] == 0
    assert speech.seconds - phones[-1][2] < 0.05


def test_words_are_recognised_first_where_none_are_given(speech):
    assert agreement(align(speech.samples), speech) > 0.6


def test_the_level_does_not_matter(speech):
    quiet, usual = (rows(align(speech.samples * level, TEXT), speech.seconds) for level in (0.02, 1.0))
    assert (quiet == usual).mean() > 0.97  # equal but for rounding


def test_words_that_are_not_in_the_dictionary_are_left_out(speech):
    assert align(speech.samples, TEXT + " xqzzy") == align(speech.samples, TEXT)
    assert align(speech.samples, "xqzzy") == []


def test_the_words_that_the_dictionary_lacks_are_told():
    assert unknown_words("Two Xyzzyplugh's and a dog") == ["xyzzyplugh's"]
    assert unknown_words("...") == []


def test_silence_has_no_phones():
    assert align(np.zeros(16_000, np.float32)) == []
    assert align(np.zeros(0, np.float32), TEXT) == []
