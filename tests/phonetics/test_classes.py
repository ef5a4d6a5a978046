import pytest

from d3talker.phonetics.classes import ARPABET, CLASSES, IPA, split_phone


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
