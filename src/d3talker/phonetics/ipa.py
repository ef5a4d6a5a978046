"""Phones written in IPA or X-SAMPA as classes."""

from __future__ import annotations

import unicodedata
from functools import cache

from d3talker.phonetics.classes import IPA, Parts

SILENCE: Parts = (("sil", 1.0),)
VOWELS = frozenset({"i", "I", "e", "E", "ae", "a", "@", "O", "o", "u", "y"})
_LENGTHS = {"ː": 0.6, ":": 0.6, "ˑ": 0.3}  # of a sound, beyond its own share
_ALONE = {"ʲ": "j", "ᵐ": "m", "ⁿ": "n", "ᵑ": "ng"}  # marks that espeak-ng sounds by themselves
_NASAL, _RAISED, _RHOTIC = "\u0303", "\u031d", "˞"


@cache
def ipa_parts(phone: str) -> Parts:
    """The classes of one phone in IPA, be it a diphthong, an affricate, long, nasal, tied or palatalised.

    A nucleus gets 1.2 parts of the time and its glide 1, the stop of an affricate .8 (spec 5), ``ː`` .6 more. Tones,
    stress and other marks do not count, nor a glottal stop in company. ``()`` where no letter is known.
    """
    if phone in _ALONE:
        return ((_ALONE[phone], 1.0),)
    letters = unicodedata.normalize("NFD", phone.replace("ç", "ʝ"))
    parts: list[tuple[str, float]] = []
    for letter in letters.replace("ʔ", "") or letters:
        name, share = parts[-1] if parts else ("", 0.0)
        if letter in _LENGTHS and parts:
            parts[-1] = (name, share + _LENGTHS[letter])
        elif letter == _NASAL and name == "O":
            parts[-1] = ("o", share)  # the vowel of French "bon" is rounder than its letter
        elif letter == _RAISED and name == "r":
            parts.append(("sh", 1.0))  # Czech ř
        elif letter == _RHOTIC and parts:
            parts.append(("R", 0.7))
        elif IPA.get(letter) == name:
            parts[-1] = (name, share + 1.0)
        elif letter in IPA:
            parts.append((IPA[letter], 1.0))
    if len(parts) == 2 and parts[0][0] in VOWELS and parts[1][0] in VOWELS | {"R"}:
        parts[0] = (parts[0][0], 1.2 * parts[0][1])
    elif [name for name, _ in parts] == ["t", "sh"]:
        parts[0] = ("t", 0.8)
    return tuple(parts)


_XSAMPA = dict(
    zip(
        "pbtdkgmnNJfvszSZTDxXhHCGRrlLwjiIeEaAQOouUyY29@6V3{&1M8BFqc?P45W}7",
        "pbtdkɡmnŋɲfvszʃʒθðxχhɥçɣʁrlʎwjiɪeɛaɑɒɔouʊyʏøœəɐʌɜææɨɯɵβɱqcʔʋɾɫʍʉɤ",
        strict=True,
    )
)
_PAIRS = {"r\\": "ɹ", "s\\": "ɕ", "z\\": "ʑ", "h\\": "ɦ", "@:": "ɜ", "3:": "ɜ", "r=": "ɝ", "@`": "ɚ", "@r": "ɚ"}


@cache
def xsampa_parts(phone: str) -> Parts:
    """The classes of one phone in X-SAMPA, as :func:`ipa_parts`; ``_`` and ``#`` are silence."""
    if phone in ("_", "#", ";"):
        return SILENCE
    phone = phone.split("_")[0]  # behind it stand diacritics
    for pair, letter in _PAIRS.items():
        phone = phone.replace(pair, letter)
    return ipa_parts("".join(_XSAMPA.get(letter, letter if letter in ":ɹɕʑɦɜɝɚ" else "") for letter in phone))
