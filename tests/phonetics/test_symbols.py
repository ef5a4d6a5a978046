import pytest

from d3talker.phonetics.classes import CLASSES
from d3talker.phonetics.symbols import festival_parts, ipa_parts, japanese_parts, mbrola_parts, xsampa_parts


def names(parts):
    return [name for name, _ in parts]


@pytest.mark.parametrize(
    ("phone", "classes"),
    [
        ("p", ["p"]),
        ("pʰ", ["p"]),
        ("aɪ", ["a", "I"]),
        ("tʃ", ["t", "sh"]),
        ("t͡ʃ", ["t", "sh"]),
        ("ɔ̃", ["o"]),
        ("ɑ̃", ["a"]),
        ("ɜ˞", ["@", "R"]),
        ("ç", ["x"]),
        ("(en)", []),
    ],
)
def test_ipa(phone, classes):
    assert names(ipa_parts(phone)) == classes


def test_length_lasts():
    ((_, short),) = ipa_parts("a")
    ((_, long),) = ipa_parts("aː")
    assert long == pytest.approx(short + 0.6)
    (_, nucleus), (_, glide) = ipa_parts("aʊ")
    assert nucleus == pytest.approx(1.2 * glide)


def test_voices_with_names_of_their_own():
    assert names(mbrola_parts("us1", "r")) == ["R"]
    assert names(mbrola_parts("de2", "r")) == ["r"]
    assert names(mbrola_parts("br3", "tS")) == ["t", "sh"]
    assert names(mbrola_parts("de6", "_")) == ["sil"]
    assert names(festival_parts("it_pc", "JJ")) == ["ng"]
    assert names(festival_parts("cz_ph", "ch")) == ["x"]
    assert names(festival_parts("hi", "ph")) == ["p"]
    assert names(festival_parts("slt_hts", "aw")) == ["a", "u"]
    assert names(japanese_parts("f")) == ["p"]


@pytest.mark.parametrize("symbol", list("pbtdkgmnNfvszSZTDxhjwlrieEaAOou@y29"))
def test_xsampa_letters_have_a_class(symbol):
    assert set(names(xsampa_parts(symbol))) <= set(CLASSES)
    assert xsampa_parts(symbol)


def test_unknown_names_have_none():
    assert xsampa_parts("%") == ()
    assert japanese_parts("?") == ()
    assert festival_parts("ked", "zzz") == ()
