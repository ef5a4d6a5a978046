import numpy as np
import pytest

from d3talker.speaker import built_in_speech
from d3talker.speaker.face_motion import articulate, blinks, frame_times, make_motion
from d3talker.speaker.visemes import VISEMES

JAW, GAP, SPREAD, PROTRUSION, TUCK = range(5)


@pytest.fixture(scope="module")
def phones():
    return built_in_speech("training").phones


def test_lips_are_shut_at_the_frame_of_every_bilabial(phones):
    times = frame_times(420, 25.0)
    gap = articulate(phones, times)[:, GAP]
    middles = np.array([(start + end) / 2 for name, start, end in phones if VISEMES[name].closure])
    frames = np.round(middles * 25 - 0.5).astype(int)
    assert len(middles) > 10
    assert gap[frames].max() < 1e-4
    assert gap.max() > 6e-3
    assert (gap < 1e-4).mean() < 0.5


def test_opening_follows_the_jaw_of_the_visemes(phones):
    times = np.arange(0, phones[-1][2], 0.01)
    values = articulate(phones, times)
    ends = np.array([end for _, _, end in phones])
    target = np.array([VISEMES[phones[i][0]].jaw for i in np.minimum(np.searchsorted(ends, times), len(phones) - 1)])
    assert np.corrcoef(values[:, JAW], target)[0, 1] > 0.75
    assert np.corrcoef(values[:, GAP], target)[0, 1] > 0.6


def test_neighbours_colour_a_phone():
    # Lips round ahead of the vowel: an s before u is rounder than an s before i.
    def spread(vowel):
        phones = [("sil", 0, 0.2), ("s", 0.2, 0.3), (vowel, 0.3, 0.5), ("sil", 0.5, 0.7)]
        return articulate(phones, np.array([0.27]))[0]

    assert spread("u")[SPREAD] < spread("i")[SPREAD] - 0.0015
    assert spread("u")[PROTRUSION] > spread("i")[PROTRUSION] + 0.001


def test_f_tucks_the_lower_lip():
    phones = [("sil", 0, 0.2), ("a", 0.2, 0.35), ("f", 0.35, 0.45), ("a", 0.45, 0.6), ("sil", 0.6, 0.8)]
    values = articulate(phones, np.array([0.28, 0.40]))
    assert values[1, TUCK] > 0.6 > 0.3 > values[0, TUCK]
    assert 0 < values[1, GAP] < 0.5 * values[0, GAP]


def test_a_sound_of_no_class_pulls_nothing():
    times = frame_times(10, 25)
    first, last = ("a", 0.1, 0.2), ("o", 0.25, 0.35)
    known = articulate([first, last], times)
    np.testing.assert_array_equal(articulate([first, ("", 0.2, 0.25), last], times), known)


def test_silence_closes_the_mouth():
    assert articulate([], np.linspace(0, 1, 25))[:, :2].max() < 1e-6


def test_blinks_come_and_go():
    times = frame_times(500, 25.0)
    closure = blinks(20.0, times, np.random.default_rng(0))
    assert closure.min() == 0
    assert closure.max() <= 1
    shut = np.flatnonzero((closure[1:] > 0.5) & (closure[:-1] <= 0.5))
    assert 4 <= len(shut) <= 10
    assert closure.max() > 0.9
    assert (closure > 0.5).mean() < 0.12


def test_motion_repeats_by_seed_and_stays_natural(phones):
    first, again, other = (make_motion(phones, np.ones(100), 100, 25.0, seed) for seed in (3, 3, 4))
    assert first.controls == again.controls
    np.testing.assert_array_equal(first.turn, again.turn)
    assert np.abs(first.turn - other.turn).max() > 0.01
    assert np.degrees(np.abs(first.turn)).max() < 15
    assert np.degrees(np.abs(np.diff(first.turn, axis=0))).max() < 1.5  # a frame
    assert np.abs(first.shift).max() < 0.02
