import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.phonetics.alignment import align
from d3talker.phonetics.classes import CLASSES
from d3talker.phonetics.festival import Festival
from d3talker.phonetics.synthesis import ENGINES, synthesise

SAID = {
    "flite": ("slt", "Papa and Bob map a big pumpkin."),
    "espeak-ng": ("de", "Papa und Bob, die malen einen Apfelbaum."),
    "festival": ("kal", "Papa and Bob map a big pumpkin."),
    "mbrola": ("us1", "Papa and Bob map a big pumpkin."),
    "open-jtalk": ("nitech_jp_atr503_m001", "パパとママはパンを買います。"),
}


def spoken(name):
    engine = ENGINES[name]
    if advice := engine.missing():
        pytest.skip(advice)
    voice, text = SAID[name]
    return engine.speak(text, voice)


def loudness(speech, classes):
    parts = [speech.samples[int(a * 16000) : int(b * 16000)] for p, a, b in speech.phones if p in classes and b - a > 0.03]
    return np.sqrt(np.mean(np.concatenate(parts) ** 2))


@pytest.mark.parametrize("name", SAID)
def test_times_belong_to_the_sound(name):
    speech = spoken(name)
    starts, ends = zip(*[(a, b) for _, a, b in speech.phones], strict=True)
    assert {p for p, _, _ in speech.phones} <= set(CLASSES)
    assert all(a < b for a, b in zip(starts, ends, strict=True))
    np.testing.assert_allclose(starts[1:], ends[:-1], atol=1e-3)
    assert abs(ends[-1] - speech.seconds) < 0.15
    assert sum(p in ("p", "m") for p, _, _ in speech.phones) >= 5
    assert loudness(speech, {"a", "ae", "o", "O"}) > 1.8 * loudness(speech, {"p"})
    assert loudness(speech, {"a", "ae", "o", "O"}) > 8 * loudness(speech, {"sil"})


@pytest.mark.parametrize("name", SAID)
def test_the_same_text_gives_the_same_sound(name):
    first, again = spoken(name), spoken(name)
    assert [p for p, _, _ in first.phones] == [p for p, _, _ in again.phones]
    times, times_again = (np.array([[a, b] for _, a, b in speech.phones]) for speech in (first, again))
    np.testing.assert_allclose(times, times_again, atol=2e-3)  # espeak-ng wavers by a sample or two
    assert abs(len(first.samples) - len(again.samples)) < 160


def test_speed_shortens():
    spoken("flite")
    slow, fast = (ENGINES["flite"].speak("A long warm evening.", "slt", speed) for speed in (0.8, 1.25))
    assert slow.seconds > 1.3 * fast.seconds


def test_a_process_of_festival_says_many_texts():
    spoken("festival")
    engine = ENGINES["festival"]
    assert isinstance(engine, Festival)
    speeches = list(engine.speak_many(['He said "(quit)" twice.', "Another line."], "kal"))
    assert len(speeches) == 2
    assert speeches[0].seconds > speeches[1].seconds


def test_pocketsphinx_finds_the_phones_that_flite_says():
    pytest.importorskip("pocketsphinx")
    text = "The quick brown fox jumps over the lazy dog and my mother bought five apples"
    spoken("flite")
    speech = ENGINES["flite"].speak(text, "slt")

    def rows(phones):
        said = np.full(int(speech.seconds * 100), "", dtype=object)
        for name, start, end in phones:
            said[round(100 * start) : round(100 * end)] = name
        return said

    assert (rows(align(speech.samples, text)) == rows(speech.phones)).mean() > 0.75
    assert (rows(align(speech.samples)) == rows(speech.phones)).mean() > 0.6
    assert align(np.zeros(16_000, np.float32)) == []


def test_what_cannot_be_said():
    with pytest.raises(D3Error, match="without words"):
        synthesise(" ... ")
    with pytest.raises(D3Error, match="no synthesiser called 'siri'; wanted flite, espeak-ng"):
        synthesise("Hello.", "siri")
    for name, engine in ENGINES.items():
        if engine.missing() is None:
            with pytest.raises(D3Error, match="voice"):
                synthesise("Hello.", f"{name}:nobody")


def test_nothing_is_installed(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(D3Error, match="apt-get install flite"):
        synthesise("Hello.")
