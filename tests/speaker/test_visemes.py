import pytest

from d3talker.speaker.visemes import ARPABET, IPA, VISEMES, split_phone

# The classes of the speech encoder.
CLASSES = ["sil", "p", "m", "f", "th", "t", "n", "ng", "s", "sh", "k", "x", "h", "l", "r", "R", "w", "j"]
CLASSES += ["i", "I", "e", "E", "ae", "a", "@", "O", "o", "u", "y"]


def test_one_viseme_a_class():
    assert list(VISEMES) == CLASSES


@pytest.mark.parametrize("table", [ARPABET, IPA])
def test_names_lead_to_classes(table):
    assert {part for parts in table.values() for part, _ in parts} <= set(CLASSES)


def test_same_sound_same_class_in_both_alphabets():
    pairs = {"b": "b", "m": "m", "v": "v", "sh": "ʃ", "iy": "i", "ae": "æ", "uw": "u", "w": "w", "er": "ɝ", "ay": "aɪ"}
    for arpabet, ipa in pairs.items():
        assert ARPABET[arpabet] == IPA[ipa]


def test_a_diphthong_is_split_in_time():
    (nucleus, start, middle), (glide, again, end) = split_phone(ARPABET["ay"], 1.0, 1.22)
    assert (nucleus, glide, start, end) == ("a", "I", 1.0, 1.22)
    assert middle == again == pytest.approx(1.12)


def test_lips_meet_for_bilabials_only_and_round_for_u():
    assert {name for name, viseme in VISEMES.items() if viseme.closure} == {"p", "m"}
    assert VISEMES["u"].spread < -3 < 1 < VISEMES["i"].spread
    assert VISEMES["a"].jaw == max(viseme.jaw for viseme in VISEMES.values())
