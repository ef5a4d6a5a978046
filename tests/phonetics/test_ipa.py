import pytest

from d3talker.phonetics.ipa import ipa_parts, xsampa_parts


def names(parts):
    return [name for name, _ in parts]


@pytest.mark.parametrize(
    ("phone", "classes"),
    [
        ("p", ["p"]),
        ("pʰ", ["p"]),
        ("β", ["p"]),
        ("aɪ", ["a", "I"]),
        ("tʃ", ["t", "sh"]),
        ("t͡ʃ", ["t", "sh"]),
        ("t̻͡s", ["t", "s"]),
        ("tɕʰ", ["t", "sh"]),
        ("nʲ", ["n"]),
        ("ʲ", ["j"]),
        ("ᵐ", ["m"]),
        ("ɔ̃", ["o"]),
        ("ɑ̃", ["a"]),
        ("ɐ̃ʊ̃", ["a", "u"]),
        ("ɜ˞", ["@", "R"]),
        ("r̝", ["r", "sh"]),
        ("ʔe", ["e"]),
        ("ʔ", ["h"]),
        ("ee", ["e"]),
        ("ç", ["x"]),
        ("?", []),
        ("", []),
    ],
)
def test_ipa(phone, classes):
    assert names(ipa_parts(phone)) == classes


def test_shares_of_time():
    ((_, short),) = ipa_parts("a")
    ((_, long),) = ipa_parts("aː")
    assert long == pytest.approx(short + 0.6)
    (_, nucleus), (_, glide) = ipa_parts("aʊ")
    assert nucleus == pytest.approx(1.2 * glide)
    (_, stop), (_, hiss) = ipa_parts("tʃ")
    assert stop == pytest.approx(0.8 * hiss)


@pytest.mark.parametrize(
    ("phone", "ipa"),
    [("aI", "aɪ"), ("E:", "ɛː"), ("tS", "tʃ"), ("2:", "øː"), ("9~", "œ"), ("t_h", "tʰ"), ("k_>", "k"), ("s\\", "ɕ")],
)
def test_xsampa_is_ipa_in_other_letters(phone, ipa):
    assert xsampa_parts(phone) == ipa_parts(ipa)


def test_every_letter_of_xsampa_has_a_class():
    for letter in "pbtdkgmnNJfvszSZTDxXhHCGRrlLwjiIeEaAQOouUyY29@6V3{&1M8BFqc?P45W}7":
        assert len(xsampa_parts(letter)) == 1, letter
    assert xsampa_parts("_") == xsampa_parts("#") == (("sil", 1.0),)
    assert xsampa_parts("%") == ()
