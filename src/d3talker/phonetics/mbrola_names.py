"""Phones of mbrola's voices as classes: X-SAMPA, and what single voices name otherwise."""

from __future__ import annotations

from functools import cache

from d3talker.phonetics.classes import Parts, written_parts
from d3talker.phonetics.ipa import xsampa_parts

_AFFRICATE = "t:.8 sh"
_SPANISH = {"ny": "ng", "dZ": _AFFRICATE}
_FRENCH = {"e~": "E", "R": "r"}
_ASPIRATED = {"th": "t", "dh": "t", "ph": "p", "bh": "p", "kh": "k", "gh": "k"}
# By the first letters of a voice's name, as its makers chose them and espeak-ng writes them (its mbrola_ph files).
_OWN: dict[str, dict[str, str]] = {
    "af": {"$": "o:1.2 u"},
    "ar": {"H": "x", "gH": "x"},
    "br": {
        "am": "a", "em": "e", "im": "i", "om": "o", "um": "u", "an": "a", "en": "e", "in": "i", "on": "o", "un": "u",
        "lh": "l", "h": "l", "nh": "ng", "rr": "h", "y": "j", "x": "sh", "j": "sh", "ee": "E", "oo": "O",
    },
    "ca": _FRENCH,
    "cr": dict.fromkeys(("C", "cc", "cp", "dp", "Cc"), _AFFRICATE),
    "cz": {"r'": "r sh", "n'": "ng", "t'": "t j", "d'": "t j"},
    "de8": {"C": "t s"},
    "ee": {"n'": "ng", "s'": "sh"},
    "en": {"r": "R", "@U": "o:1.2 u:.8"},
    "es3": {"H": "x"},
    "fr": _FRENCH,
    "gr": {"V": "ng", "M": "m", "N": "ng", "S": "t s", "Z": "t s", "X": "k", "Y": "p", "R": "r", "o": "O"},
    "hb": {'Q"': "h", "Q": "h"},
    "hu": {"J'": "ng", "t'": "t j", "d'": "t j"},
    "id": {"nY": "ng"},
    "in": {
        **_ASPIRATED, "T": "t", "D": "t", "Th": "t", "Dh": "t", "N": "n", "c": _AFFRICATE, "ch": _AFFRICATE,
        "j": _AFFRICATE, "jh": _AFFRICATE, "sh": "sh", "y": "j", "a": "@", "ai": "E", "au": "O",
    },
    "ir": {
        "c:": _AFFRICATE, "j:": _AFFRICATE, "s:": "sh", "z:": "sh", "g:": "k", "y": "j", "ow": "o:1.2 u",
        "ey": "e:1.2 I", "ay": "a:1.2 I", "a:y": "a:1.8 I", "oy": "o:1.2 I",
    },
    "it1": {
        "E": "e", "E2": "e", "P": "p", "T": "t", "K": "k", "D": "t", "G": "k", "H": "h", "F": "f", "V": "f", "VV": "f",
        "M": "m", "N": "n", "ng": "ng", "R": "r", "RR": "r", "S": "s", "ss": "sh", "O2": "o", "O": "o", "A": "a",
        "U": "u", "I": "i", "J": "ng",
    },
    "it3": {"ng": "ng", "nf": "m", "o1": "o", "e1": "e"},
    "ma": {"Q": "o", "I": "i", "U": "u"},
    "mx": _SPANISH,
    "mx2": {"j": "x"},
    "nl": {"J": "j", "nj": "ng", "w": "f", "W": "w"},
    "pl": {"s'": "sh", "z'": "sh", "n'": "ng", "e~": "E", "o~": "O", "ts'": _AFFRICATE, "dz'": _AFFRICATE},
    "pt": {"ee": "E", "oo": "O", "6~j~": "a:1.2 j"},
    "ro": {"T": "t s", "C": _AFFRICATE, "G": _AFFRICATE, "J": "sh"},
    "sw": {"C": "sh", "rd": "t", "rt": "t", "rn": "n", "rs": "sh", "rl": "l", "ph": "p", "th": "t", "kh": "k"},
    "tl": {**_ASPIRATED, "c": _AFFRICATE, "c#": _AFFRICATE, "D": _AFFRICATE},
    "tr": {"@'": "y"},
    "us": {"r": "R", "3`": "R", "@U": "o:1.2 u:.8", "4": "t"},
    "vz": {"D": "t", "G": "k"},
}  # fmt: skip
_SAME = {"it2": "it1", "it4": "it3"}


@cache
def mbrola_parts(voice: str, phone: str) -> Parts:
    """The classes of one phone of an mbrola voice such as ``de2``; () where unknown."""
    plain = phone[:-1] if len(phone) > 1 and phone[-1] in "012" else phone  # numbers tell variants apart
    voice = _SAME.get(voice, voice)
    for start in (voice, voice[:2]):
        for name in (phone, plain):
            if name in _OWN.get(start, {}):
                return written_parts(_OWN[start][name])
    return xsampa_parts(plain)
