import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.phonetics.classes import CLASSES
from d3talker.phonetics.festival import Festival
from d3talker.phonetics.speech import RATE, labelled
from d3talker.phonetics.synthesis import ENGINES, synthesise

JAPANESE = "パパとママはパンを買います。"
SAID = {
    "flite": ("slt", "Papa and Bob map a big pumpkin."),
    "espeak-ng": ("de", "Papa und Bob, die malen einen Apfelbaum."),
    "festival": ("kal", "Papa and Bob map a big pumpkin."),
    "mbrola": ("us1", "Papa and Bob map a big pumpkin."),
    "open-jtalk": ("nitech_jp_atr503_m001", JAPANESE),
}
OTHER_VOICE = {"flite": "awb", "espeak-ng": "de+f2", "festival": "slt_hts", "mbrola": "us2"}
# Pangrams or nearly, for the letters and sounds of their languages.
WORDS = {
    "de": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
    "fr-fr": "Portez ce vieux whisky au juge blond qui fume un bon vin brun.",
    "es": "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío.",
    "pt-br": "Luís argüia à Júlia que brações, fé, chá, óxido, pôr, zângão eram palavras.",
    "pl": "Pchnąć w tę łódź jeża lub ośm skrzyń fig, dźwięk i wziął.",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "ru": "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "el": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.",
    "ar": "نص حكيم له سر قاطع وذو شأن عظيم",
    "hi": "ऋषियों को सताने वाले दुष्ट राक्षसों का सर्वनाश करने वाले",
    "ko": "키스의 고유조건은 입술끼리 만나야 하고",
    "cmn-latn-pinyin": "wo3 ai4 chi1 zhong1 guo2 cai4",
    "tr": "Pijamalı hasta yağız şoföre çabucak güvendi.",
    "vi": "Do bạch kim rất quý nên sẽ dùng để lắp vô xương.",
    "sw": "Habari ya asubuhi, mtoto anapenda ng'ombe.",
    "da": "Høj bly gom vandt fræk sexquiz på wc.",
    "hu": "Árvíztűrő tükörfúrógép, gyönyörű nyúl.",
    "th": "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า",
}


def engine(name):
    if advice := ENGINES[name].missing():
        pytest.skip(advice)
    return ENGINES[name]


def spoken(name):
    voice, text = SAID[name]
    return engine(name).speak(text, voice)


def sounding(speech, classes, first=0.0, last=1.0):
    """The sound of all phones of some classes, or of a part of each."""
    parts = []
    for name, start, end in speech.phones:
        if name in classes and end - start > 0.03:
            length = end - start
            parts.append(speech.samples[int(RATE * (start + first * length)) : int(RATE * (start + last * length))])
    return np.concatenate(parts)


def loudness(samples):
    return np.sqrt(np.mean(samples**2))


@pytest.mark.parametrize("name", SAID)
def test_times_belong_to_the_sound(name):
    speech = spoken(name)
    starts, ends = zip(*[(a, b) for _, a, b in speech.phones], strict=True)
    assert speech.samples.dtype == np.float32
    assert np.abs(speech.samples).max() == pytest.approx(0.7, abs=1e-3)
    assert {p for p, _, _ in speech.phones} <= set(CLASSES)
    assert all(a < b for a, b in zip(starts, ends, strict=True))
    assert starts[0] == 0
    assert starts[1:] == ends[:-1]
    assert ends[-1] == pytest.approx(speech.seconds)
    assert sum(p in ("p", "m") for p, _, _ in speech.phones) >= 5
    vowels = loudness(sounding(speech, {"a", "ae", "o", "O"}))
    assert loudness(sounding(speech, {"p"}, 0.3, 0.6)) < 0.5 * vowels  # lips are closed
    assert loudness(sounding(speech, {"sil"}, 0.1, 0.9)) < 0.02 * vowels


@pytest.mark.parametrize("name", SAID)
def test_the_same_text_gives_the_same_sound(name):
    first, again = spoken(name), spoken(name)
    assert [p for p, _, _ in first.phones] == [p for p, _, _ in again.phones]
    times, times_again = (np.array([[a, b] for _, a, b in speech.phones]) for speech in (first, again))
    np.testing.assert_allclose(times, times_again, atol=2e-3)  # espeak-ng wavers by a sample or two
    assert abs(len(first.samples) - len(again.samples)) < 160


@pytest.mark.parametrize("name", OTHER_VOICE)
def test_voices_differ(name):
    if OTHER_VOICE[name].partition("+")[0] not in engine(name).voices():
        pytest.skip(f"the voice {OTHER_VOICE[name]} is not installed")
    first, other = spoken(name), engine(name).speak(SAID[name][1], OTHER_VOICE[name])
    shared = min(len(first.samples), len(other.samples))
    assert abs(np.corrcoef(first.samples[:shared], other.samples[:shared])[0, 1]) < 0.5


@pytest.mark.parametrize("name", SAID)
def test_speed_shortens(name):
    voice, text = SAID[name]
    slow, fast = (engine(name).speak(text, voice, speed) for speed in (0.8, 1.25))
    assert slow.seconds > 1.2 * fast.seconds


def pitch(samples):
    """The median fundamental of the voiced parts, in Hz."""
    found = []
    for start in range(0, len(samples) - 1280, 640):
        piece = samples[start : start + 1280]
        if loudness(piece) > 0.5 * loudness(samples):
            likeness = np.correlate(piece, piece, "full")[1279:]
            found.append(RATE / (40 + np.argmax(likeness[40:266])))
    return np.median(found)


@pytest.mark.parametrize("name", sorted(set(SAID) - {"festival"}))
def test_pitch_rises(name):
    voice, text = SAID[name]
    low, high = (pitch(engine(name).speak(text, voice, 1.0, factor).samples) for factor in (0.8, 1.3))
    assert high > 1.2 * low


@pytest.mark.parametrize("language", WORDS)
def test_every_phone_of_a_language_has_a_class(language):
    speech = engine("espeak-ng").speak(WORDS[language], language)
    assert {p for p, _, _ in speech.phones} <= set(CLASSES)
    assert len({p for p, _, _ in speech.phones}) >= 9


@pytest.mark.parametrize(
    ("voice", "text", "wanted"),
    [
        ("it_lp", "Perché la città è più bella?", "p e r k e l a t sh i t t a"),
        ("fi_mv", "Äiti syö.", "ae i t i s y y"),
        ("cz_dita", "Žluťoučký kůň", "sh l u t j o u t sh k i k u ng"),
        ("ru_nsh", "Мама и папа.", "m a m @ i p a p"),
        ("hi", "नमस्ते", "n @ m @ s t e"),
    ],
)
def test_festival_reads_letters_of_its_languages(voice, text, wanted):
    if voice not in engine("festival").voices():
        pytest.skip(f"the voice {voice} is not installed")
    said = [p for p, _, _ in ENGINES["festival"].speak(text, voice).phones if p != "sil"]
    assert " ".join(said).startswith(wanted)


def test_a_process_of_festival_says_many_texts():
    festival = engine("festival")
    assert isinstance(festival, Festival)
    speeches = list(festival.speak_many(['He said "(quit)" \\ twice.', "...", "Another line."], "kal"))
    assert len(speeches) == 2  # nothing can be said of three dots
    assert speeches[0].seconds > speeches[1].seconds


def test_time_of_unknown_phones_has_no_class_and_the_end_is_silence():
    sound = np.ones(RATE, np.float32)
    speech = labelled(sound, [("x", 0.0, 0.2), ("?", 0.2, 0.5)], {"x": (("a", 1.0),), "?": ()}.__getitem__)
    assert speech.phones == [("a", 0.0, 0.2), ("", 0.2, 0.5), ("sil", 0.5, 1.0)]
    assert labelled(sound, [("x", 0.0, 1.4)], {"x": (("a", 1.0),)}.__getitem__).phones == [("a", 0.0, 1.0)]


def test_what_cannot_be_said():
    with pytest.raises(D3Error, match="without words"):
        synthesise(" ... ")
    with pytest.raises(D3Error, match="no synthesiser called 'siri'; wanted flite, espeak-ng"):
        synthesise("Hello.", "siri")


@pytest.mark.parametrize("name", SAID)
def test_voices_and_texts_that_an_engine_refuses(name):
    with pytest.raises(D3Error, match="voice 'nobody'"):
        engine(name).speak("Hello.", "nobody")
    with pytest.raises(D3Error, match="without words"):
        engine(name).speak(" ...", SAID[name][0])


def test_a_variant_that_espeak_has_not():
    with pytest.raises(D3Error, match=r"no voice 'de\+f99'"):
        engine("espeak-ng").speak("Hallo.", "de+f99")


def test_the_best_engine_present_speaks():
    if all(engine.missing() for engine in ENGINES.values()):
        pytest.skip("no speech synthesiser is installed")
    assert 0.3 < synthesise("Hello there.").seconds < 3


def test_nothing_is_installed(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(D3Error, match="apt-get install flite"):
        synthesise("Hello.")
