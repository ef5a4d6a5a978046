import pytest

from d3talker.phonetics.classes import ARPABET, CLASS_INDEX, CLASSES, IPA, split_phone
from d3talker.phonetics.ipa import ipa_parts


def test_29_classes_in_their_order():
    assert len(set(CLASSES)) == 29
    assert (CLASS_INDEX["sil"], CLASS_INDEX["p"], CLASS_INDEX["y"]) == (0, 1, 28)


def test_names_lead_to_classes():
    assert {part for parts in ARPABET.values() for part, _ in parts} <= set(CLASSES)
    assert set(IPA.values()) == set(CLASSES) - {"sil"}


def test_same_sound_same_class_in_both_alphabets():
    pairs = {"b": "b", "m": "m", "v": "v", "sh": "ʃ", "iy": "i", "ae": "æ", "uw": "u", "w": "w", "er": "ɝ", "ay": "aɪ"}
    pairs |= {"ch": "tʃ", "ow": "oʊ", "aw": "aʊ", "oy": "ɔɪ", "dh": "ð", "ng": "ŋ", "hh": "h", "r": "ɹ"}
    for arpabet, ipa in pairs.items():
        assert ARPABET[arpabet] == ipa_parts(ipa)


def test_a_diphthong_is_split_in_time():
    (nucleus, start, middle), (glide, again, end) = split_phone(ARPABET["ay"], 1.0, 1.22)
    assert (nucleus, glide, start, end) == ("a", "I", 1.0, 1.22)
    assert middle == again == pytest.approx(1.12)
