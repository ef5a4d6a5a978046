"""Names that single voices give their phones."""

import pytest

from d3talker.phonetics import festival_names, mbrola_names
from d3talker.phonetics.classes import CLASSES, written_parts
from d3talker.phonetics.festival_names import festival_parts
from d3talker.phonetics.mbrola_names import mbrola_parts
from d3talker.phonetics.open_jtalk import japanese_parts


def names(parts):
    return [name for name, _ in parts]


@pytest.mark.parametrize("own", [*mbrola_names._OWN.values(), *festival_names._OWN.values()])
def test_tables_hold_classes_only(own):
    for written in own.values():
        assert set(names(written_parts(written))) <= set(CLASSES)


@pytest.mark.parametrize(
    ("voice", "phone", "classes"),
    [
        ("us1", "r", ["R"]),
        ("de2", "r", ["r"]),
        ("de6", "_", ["sil"]),
        ("de4", "?aU", ["a", "u"]),
        ("br3", "x", ["sh"]),
        ("br1", "h", ["l"]),
        ("it2", "K", ["k"]),
        ("it3", "k", ["k"]),
        ("it1", "M", ["m"]),
        ("es1", "x", ["x"]),
        ("in1", "ch", ["t", "sh"]),
        ("ro1", "C", ["t", "sh"]),
        ("gr2", "C", ["x"]),
        ("sw1", "rs", ["sh"]),
        ("us3", "O2", ["O"]),
        ("fr4", "9", ["y"]),
        ("pl1", "n'", ["ng"]),
        ("de1", "%", []),
    ],
)
def test_mbrola(voice, phone, classes):
    assert names(mbrola_parts(voice, phone)) == classes


@pytest.mark.parametrize(
    ("voice", "phone", "classes"),
    [
        ("slt_hts", "aw", ["a", "u"]),
        ("kal", "brth", ["sil"]),
        ("ked", "zzz", []),
        ("it_pc", "J", ["ng"]),
        ("it_lp", "e1", ["e"]),
        ("fi_mv", "@:", ["ae"]),
        ("fi_lj", "7", ["y"]),
        ("ca_ona", "ax", ["@"]),
        ("cz_ph", "ch", ["x"]),
        ("cz_krb", "r~*", ["r", "sh"]),
        ("cz_dita", "i:", ["i"]),
        ("ru_nsh", "pp", ["p"]),
        ("ru_nsh", "ch", ["t", "sh"]),
        ("hi", "bh", ["p"]),
        ("te", "T", ["t"]),
    ],
)
def test_festival(voice, phone, classes):
    assert names(festival_parts(voice, phone)) == classes


def test_japanese():
    assert [names(japanese_parts(phone)) for phone in ("f", "by", "cl", "U", "pau")] == [
        ["p"],
        ["p", "j"],
        ["t"],
        ["u"],
        ["sil"],
    ]
    assert japanese_parts("?") == ()
