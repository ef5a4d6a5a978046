import numpy as np
import pytest

from d3talker.phonetics.espeak_times import mended
from d3talker.phonetics.synthesis import ENGINES

RATE = 16_000


def sound(*pieces):
    """(seconds, loudness) one after the other."""
    return np.concatenate([np.full(round(RATE * seconds), loudness) for seconds, loudness in pieces])


def events(*told):
    return [(name, round(RATE * second)) for name, second in told]


def rounded(intervals):
    return [(name, round(start, 3), round(end, 3)) for name, start, end in intervals]


def test_the_silence_before_a_stop_is_its_closure():
    samples = sound((0.1, 0.5), (0.06, 0.0), (0.04, 0.2))
    assert rounded(mended(events(("ˈa", 0.0), ("p", 0.16)), samples, RATE)) == [("a", 0, 0.1), ("p", 0.1, 0.2)]


def test_silence_before_other_phones_is_a_pause_if_it_is_long():
    samples = sound((0.1, 0.5), (0.06, 0.0), (0.1, 0.2), (0.02, 0.0), (0.1, 0.2))
    told = mended(events(("a", 0.0), ("s", 0.16), ("f", 0.28)), samples, RATE)
    assert rounded(told) == [("a", 0, 0.1), ("_", 0.1, 0.16), ("s", 0.16, 0.28), ("f", 0.28, 0.38)]


def test_a_long_silence_is_no_closure():
    samples = sound((0.1, 0.5), (0.3, 0.0), (0.1, 0.2))
    told = mended(events(("a", 0.0), ("", 0.1), ("k", 0.4)), samples, RATE)
    assert rounded(told) == [("a", 0, 0.1), ("_", 0.1, 0.4), ("k", 0.4, 0.5)]


def test_vowels_begin_before_their_event_behind_sonorants_only():
    samples = sound((0.4, 0.5))
    told = mended(events(("m", 0.0), ("a", 0.1), ("s", 0.2), ("e", 0.3)), samples, RATE)
    assert rounded(told) == [("m", 0, 0.07), ("a", 0.07, 0.2), ("s", 0.2, 0.3), ("e", 0.3, 0.4)]
    short = mended(events(("m", 0.0), ("a", 0.04)), samples, RATE)
    assert rounded(short) == [("m", 0, 0.02), ("a", 0.02, 0.4)]


def test_events_without_a_name():
    samples = sound((0.2, 0.5), (0.1, 0.0), (0.1, 0.5))
    told = mended(events(("i", 0.0), ("", 0.1), ("a", 0.15), ("(en)", 0.2), ("", 0.25), ("s", 0.3)), samples, RATE)
    assert rounded(told) == [("i", 0, 0.1), ("j", 0.1, 0.125), ("a", 0.125, 0.2), ("_", 0.2, 0.3), ("s", 0.3, 0.4)]


def test_a_length_mark_lengthens():
    told = mended(events(("a", 0.0), ("ː", 0.1), ("s", 0.2)), sound((0.3, 0.5)), RATE)
    assert rounded(told) == [("a", 0, 0.1), ("a", 0.1, 0.2), ("s", 0.2, 0.3)]


def hiss(samples):
    """Loudness above 3.5 kHz, in dB, of 10 ms every 2 ms."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, 80), 160)[::32]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(160), 512)) ** 2
    return 10 * np.log10(spectrum[:, 112:].sum(1) + 1e-4)


def lateness(level, time, rises):
    """By how many ms the largest step of the level, means over 20 ms, comes after a time."""
    steps = []
    for row in range(round(time / 0.002) - 18, round(time / 0.002) + 19):
        step = level[row : row + 10].mean() - level[row - 10 : row].mean()
        steps.append(step if rises else -step)
    return 2 * (int(np.argmax(steps)) - 18)


@pytest.mark.parametrize("voice", ["en-us", "de+f2", "it", "pl"])
def test_hisses_begin_and_end_where_it_is_said(voice):
    if advice := ENGINES["espeak-ng"].missing():
        pytest.skip(advice)
    speech = ENGINES["espeak-ng"].speak("Masa, usa, isa, kasi lasu misa. Pasa, nisu, osa, sasi.", voice)
    level = hiss(speech.samples)
    late = [
        lateness(level, time, rises=after == "s")
        for (before, _, _), (after, time, _) in zip(speech.phones[:-1], speech.phones[1:], strict=True)
        if "s" in (before, after) and {before, after} & set("aeiouIOE@")
    ]
    assert len(late) > 12
    assert np.mean(np.abs(late) <= 8) > 0.75
