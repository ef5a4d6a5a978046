"""From the phone names of the synthesisers to the 29 classes, beyond ARPAbet and plain IPA."""

from __future__ import annotations

import unicodedata
from functools import cache

from d3talker.phonetics.classes import ARPABET, IPA, Parts, written_parts

VOWELS = frozenset({"i", "I", "e", "E", "ae", "a", "@", "O", "o", "u", "y"})
_MORE_IPA: dict[str, str] = {
    letter: name
    for name, letters in {
        "p": "ɓɸβ", "m": "ɱ", "f": "ⱱ", "t": "ʈɖɗ", "n": "ɳ", "ng": "ɴ", "sh": "ɧ", "k": "ɢcɟ", "x": "ʕɰ", "h": "ɦ",
        "l": "ɭɬɮʟ", "r": "ɽɺ", "w": "ʍ", "I": "ᵻ", "a": "ɶ", "@": "ɘɞ", "u": "ᵿ", "y": "ʏ",
    }.items()
    for letter in letters
}  # fmt: skip
_LENGTH = 0.6  # of a vowel or consonant that ː marks as long, beyond its own share


@cache
def ipa_parts(phone: str) -> Parts:
    """The classes of one phone as espeak-ng writes it, with stress, length, ties and tones; () where unknown.

    A phone in brackets is a switch of the language, no sound.
    """
    if phone.startswith("("):
        return ()
    parts: list[tuple[str, float]] = []
    for letter in unicodedata.normalize("NFD", phone.replace("ç", "ʝ")):
        if letter == "ː" and parts:
            parts[-1] = (parts[-1][0], parts[-1][1] + _LENGTH)
        elif letter == "̃" and parts and parts[-1][0] == "O":
            parts[-1] = ("o", parts[-1][1])  # the nasal vowel of French "bon" is rounder than its letter
        elif letter == "˞":
            parts.append(("R", 0.7))
        elif letter in IPA:
            parts.append((IPA[letter][0][0], 1.0))
        elif letter in _MORE_IPA:
            parts.append((_MORE_IPA[letter], 1.0))
    if len(parts) == 2 and parts[0][0] in VOWELS and parts[1][0] in VOWELS | {"R"}:
        parts[0] = (parts[0][0], 1.2 * parts[0][1])
    elif len(parts) == 2 and parts[0][0] == "t" and parts[1][0] == "sh":
        parts[0] = ("t", 0.8)
    return tuple(parts)


_XSAMPA = dict(
    zip(
        "pbtdkgmnNJfvszSZTDxXhCGRrlLwjHiIeEaAQOouUyY29@6V3{&1M8BFqc?P45W}7",
        "pbtdkɡmnŋɲfvszʃʒθðxχhçɣʁrlʎwjɥiɪeɛaɑɒɔouʊyʏøœəɐʌɜææɨɯɵβɱqcʔʋɾɫʍʉɤ",
        strict=True,
    )
)
_XSAMPA_PAIRS = {"r\\": "ɹ", "s\\": "ɕ", "z\\": "ʑ", "@:": "ɜ", "3:": "ɜ", "r=": "ɝ", "@`": "ɚ", "@r": "ɚ"}
_AFFRICATE = "t:.8 sh"
# What single mbrola voices name otherwise, by the first letters of the voice.
_MBROLA: dict[str, dict[str, str]] = {
    "us": {"r": "R", "3`": "R", "@U": "o:1.2 u:.8", "4": "t"},
    "en1": {"r": "R", "@U": "o:1.2 u:.8"},
    "pl": {"s'": "sh", "z'": "sh", "n'": "ng", "y": "I", "e~": "E", "o~": "O", "ts'": _AFFRICATE, "dz'": _AFFRICATE},
    "sw": {"rd": "t", "rt": "t", "rn": "n", "rs": "sh", "rl": "l", "ph": "p", "th": "t", "kh": "k"},
    "cr": dict.fromkeys(("C", "cc", "cp", "dz", "dp", "Cc", "tS'"), _AFFRICATE),
    "tr": {"1": "I"},
    "hu": {"J'": "ng"},
    "ro": {"1": "I", "@": "@"},
    "id": {"nY": "ng"},
    "gr": {"O": "O", "o": "O"},
    "br": {
        "am": "a", "em": "e", "im": "i", "om": "o", "um": "u", "a~": "a", "e~": "e", "i~": "i", "o~": "o", "u~": "u",
        "lh": "l", "nh": "ng", "rr": "h", "rh": "h", "i2": "i", "y": "j", "a2": "a", "o2": "O", "tS": _AFFRICATE,
        "dZ": _AFFRICATE, "ee": "E", "oo": "O", "ss": "s", "x": "sh", "z": "s", "j": "sh", "v": "f", "rw": "R",
    },
}  # fmt: skip


@cache
def xsampa_parts(phone: str) -> Parts:
    """The classes of one X-SAMPA phone; () where unknown."""
    if phone in ("_", "#", "_B", "_E", ";"):
        return (("sil", 1.0),)
    phone = phone if phone.startswith("_") else phone.split("_")[0]
    for pair, letter in _XSAMPA_PAIRS.items():
        phone = phone.replace(pair, letter)
    return ipa_parts("".join(_XSAMPA.get(letter, "ː" if letter == ":" else letter) for letter in phone))


@cache
def mbrola_parts(voice: str, phone: str) -> Parts:
    """The classes of one phone of an mbrola voice such as ``de2``; () where unknown."""
    if len(phone) > 1 and phone[-1].isdigit() and phone not in ("i2", "a2", "o2"):
        phone = phone[:-1]
    for start, own in _MBROLA.items():
        if voice.startswith(start) and phone in own:
            return written_parts(own[phone])
    return xsampa_parts(phone)


# Festival's phone sets, by the name of the voice; what is not named here is X-SAMPA by its first letter.
_FESTIVAL: dict[str, dict[str, str]] = {
    "it": {
        "ts": "t s", "dz": "t s", "tS": _AFFRICATE, "dZ": _AFFRICATE, "LL": "l", "L": "l", "JJ": "ng", "J": "ng",
        "nf": "m", "ng": "ng", "SS": "sh", "S": "sh", "v": "f", "f": "f", "E": "E", "O": "O", "w": "w", "j": "j",
        "r": "r", "rr": "r", "g": "k",
    },
    "fi": {"A": "a", "a": "a", "{": "ae", "7": "y", "|": "y", "ng": "ng", "N": "ng", "v": "f", "d": "t", "@": "@"},
    "ca": {
        "ax": "@", "L": "l", "ny": "ng", "J": "ng", "ly": "l", "ll": "l", "rr": "r", "r": "r", "ch": _AFFRICATE,
        "tS": _AFFRICATE, "dZ": _AFFRICATE, "uw": "w", "y": "j", "sh": "sh", "zh": "sh", "B": "p", "D": "th",
        "G": "x", "eh": "E", "oh": "O", "ts": "t s", "dz": "t s",
    },
    "cz": {
        "ch": "x", "c~": _AFFRICATE, "ch~": _AFFRICATE, "s~": "sh", "z~": "sh", "n~": "ng", "d~": "t j", "t~": "t j",
        "r~": "r sh", "r~*": "r sh", "c": "t s", "dz": "t s", "dz~": _AFFRICATE, "g": "k", "h": "h", "n*": "ng",
        "m*": "m", "0": "h", "?": "h", "a:": "a", "e": "E", "e:": "E", "i": "I", "i:": "i", "o": "o", "o:": "o",
        "u": "u", "u:": "u", "ou": "o u", "au": "a u", "eu": "E u", "x": "x", "w": "f",
    },
    "ru": {
        "y": "I", "yy": "I", "j": "j", "ch": _AFFRICATE, "c": "t s", "sh": "sh", "zh": "sh", "sch": "sh", "h": "x",
        "hh": "x", "ae": "@", "ay": "@", "ii": "i", "i": "i", "uu": "u", "u": "u", "ur": "u", "ee": "e", "e": "e",
        "aa": "a", "a": "a", "oo": "o", "o": "o",
    },
    "indic": {
        "ch": _AFFRICATE, "chh": _AFFRICATE, "c": _AFFRICATE, "cc": _AFFRICATE, "ch~": _AFFRICATE, "j": _AFFRICATE,
        "jh": _AFFRICATE, "y": "j", "sh": "sh", "ss": "sh", "shh": "sh", "v": "f", "w": "f", "aa": "a", "a": "@",
        "A": "a", "ii": "i", "i": "I", "I": "i", "uu": "u", "u": "u", "U": "u", "ee": "e", "e": "e", "E": "E",
        "ei": "E", "ai": "E", "oo": "o", "o": "o", "O": "O", "ou": "O", "au": "O", "ng": "ng", "ny": "ng", "nj": "ng",
        "nG": "ng", "ph": "p", "bh": "p", "f": "f", "r": "r", "rr": "r", "h": "h", "hh": "h", "lr": "l", "L": "l",
        "z": "s", "x": "x",
    },
}  # fmt: skip
_FESTIVAL_SET = {
    "it_lp": "it", "it_pc": "it", "fi_mv": "fi", "fi_lj": "fi", "ca_ona": "ca", "cz_dita": "cz", "cz_krb": "cz",
    "cz_machac": "cz", "cz_ph": "cz", "ru_nsh": "ru", "hi": "indic", "mr": "indic", "te": "indic",
}  # fmt: skip


@cache
def festival_parts(voice: str, phone: str) -> Parts:
    """The classes of one phone of a festival voice such as ``it_lp``; () where unknown."""
    if phone.lower() in ("#", "pau", "sil", "_", "##", "h#", "ssil"):
        return (("sil", 1.0),)
    if voice not in _FESTIVAL_SET:
        return ARPABET.get(phone.lower(), ())
    own = _FESTIVAL[_FESTIVAL_SET[voice]]
    plain = phone.replace("1", "").replace("`", "") if voice[:2] in ("it", "ca") else phone
    for name in (plain, plain.lower(), plain.rstrip("~").rstrip("0123456789:"), plain[:2]):
        if name in own:
            return written_parts(own[name])
    doubled = plain[1:] if len(plain) > 2 and plain[0] == plain[1] else plain  # Italian long consonants
    if doubled in own:
        return written_parts(own[doubled])
    return xsampa_parts(plain[:1]) if plain[:1].isalpha() or plain[:1] in "{|7@" else ()


_JAPANESE = {
    "a": "a", "i": "i", "u": "u", "e": "e", "o": "o", "A": "a", "I": "i", "U": "u", "E": "e", "O": "o", "N": "n",
    "cl": "t", "k": "k", "g": "k", "s": "s", "z": "s", "sh": "sh", "j": _AFFRICATE, "t": "t", "d": "t",
    "ch": _AFFRICATE, "ts": "t s", "n": "n", "h": "h", "b": "p", "p": "p", "m": "m", "y": "j", "r": "r", "w": "w",
    "f": "p", "v": "p", "ky": "k j", "gy": "k j", "ny": "ng", "hy": "x", "by": "p j", "py": "p j", "my": "m j",
    "ry": "r j", "ty": "t j", "dy": "t j", "kw": "k w", "gw": "k w", "sil": "sil", "pau": "sil",
}  # fmt: skip


def japanese_parts(phone: str) -> Parts:
    """The classes of one phone of Open JTalk; () where unknown. Its f is spoken with both lips."""
    return written_parts(_JAPANESE[phone]) if phone in _JAPANESE else ()
