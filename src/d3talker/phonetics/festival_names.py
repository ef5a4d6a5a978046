"""Phones of festival's voices as classes, from the phone sets that come with them."""

from __future__ import annotations

from functools import cache

from d3talker.phonetics.classes import ARPABET, Parts, written_parts
from d3talker.phonetics.ipa import SILENCE, xsampa_parts

_SILENT = frozenset({"#", "##", "_", "pau", "sil", "h#", "ssil", "brth"})
_AFFRICATE = "t:.8 sh"
# By the first letters of the name of a voice; what is not named here is X-SAMPA.
_OWN: dict[str, dict[str, str]] = {
    "it": {"ts": "t s", "dz": "t s", "nf": "m", "ng": "ng", "r": "r"},
    "fi": {"@": "ae", "7": "y", "&": "@"},
    "ca": {"ax": "@", "rr": "r"},
    "cz": {
        "ch": "x", "c~": _AFFRICATE, "s~": "sh", "z~": "sh", "n~": "ng", "d~": "t j", "t~": "t j", "r~": "r sh",
        "r~*": "r sh", "c": "t s", "dz": "t s", "dz~": _AFFRICATE, "n*": "ng", "m*": "m", "e": "E", "i": "I", "i:": "i",
    },
    "ru": {
        "y": "I", "ch": _AFFRICATE, "c": "t s", "sh": "sh", "zh": "sh", "sch": "sh", "h": "x", "ae": "@", "ay": "@",
        "ur": "u",
    },
    "hi": {
        "a": "@", "aa": "a", "ih": "I", "iy": "i", "uh": "u", "uw": "u", "eh": "e", "ee": "e", "ay": "E", "oh": "o",
        "oo": "o", "aw": "O", "T": "t", "D": "t", "td": "t", "th": "t", "tth": "t", "dh": "t", "ddh": "t", "N": "n",
        "L": "l", "R": "r", "bh": "p", "kh": "k", "gh": "k", "ch": _AFFRICATE, "j": _AFFRICATE, "zh": _AFFRICATE,
        "y": "j", "sh": "sh", "ksh": "k sh", "sri": "s r",
    },
}  # fmt: skip
_SAME = {"mr": "hi", "te": "hi"}
_ENGLISH = ("kal", "ked", "slt_hts")


@cache
def festival_parts(voice: str, phone: str) -> Parts:
    """The classes of one phone of a festival voice such as ``it_lp`` or ``kal``; () where unknown."""
    if phone in _SILENT:
        return SILENCE
    if voice in _ENGLISH:
        return ARPABET.get(phone, ())
    own = _OWN[_SAME.get(voice, voice[:2])]
    plain = phone.rstrip("1:")  # stress, length
    single = plain[0] if len(plain) == 2 and plain[0] == plain[1] else plain  # Russian: palatal, or a stressed vowel
    for name in (phone, plain, single):
        if name in own:
            return written_parts(own[name])
    return xsampa_parts(single)
