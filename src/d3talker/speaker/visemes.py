"""What the mouth does in each of 29 phone classes, and which class each phone name belongs to.

The classes are the ones of the speech encoder (sil, p, m, ... y). A diphthong is split into its nucleus (1.2 parts of the
time) and its glide (1 part), an affricate into t (.8) and sh (1).
"""

from __future__ import annotations

from dataclasses import dataclass

Phone = tuple[str, float, float]
"""Class name, start and end in seconds."""


@dataclass(frozen=True)
class Viseme:
    """Target of one class and how strongly it holds against its neighbours.

    Attributes:
        jaw: opening in radians.
        gap: between the lips on the midline, mm.
        spread: change of half the mouth's width, mm.
        protrusion: of the lips, mm.
        tuck: lower lip under the upper teeth, 0..1.
        tongue: 0 low .. 1 behind the upper teeth.
        hold: dominance of the lip targets (a neighbour with a larger one wins).
        closure: whether the lips must meet.
    """

    jaw: float
    gap: float
    spread: float = 0.0
    protrusion: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0
    hold: float = 1.0
    closure: bool = False


VISEMES: dict[str, Viseme] = {
    "sil": Viseme(0.000, 0.0, hold=0.7),
    "p": Viseme(0.020, 0.0, hold=2.2, closure=True),
    "m": Viseme(0.015, 0.0, hold=2.2, closure=True),
    "f": Viseme(0.022, 1.6, 0.4, tuck=1.0, hold=1.8),
    "th": Viseme(0.045, 4.5, tongue=0.75, hold=0.9),
    "t": Viseme(0.035, 3.8, 0.3, tongue=0.85, hold=0.5),
    "n": Viseme(0.035, 3.8, 0.2, tongue=0.85, hold=0.5),
    "ng": Viseme(0.045, 4.6, tongue=0.3, hold=0.4),
    "s": Viseme(0.018, 3.4, 1.0, tongue=0.6, hold=0.9),
    "sh": Viseme(0.020, 4.4, -2.6, 3.2, tongue=0.4, hold=1.3),
    "k": Viseme(0.045, 4.6, tongue=0.2, hold=0.4),
    "x": Viseme(0.050, 5.2, tongue=0.2, hold=0.4),
    "h": Viseme(0.055, 5.6, hold=0.3),
    "l": Viseme(0.055, 5.2, 0.2, tongue=0.9, hold=0.6),
    "r": Viseme(0.045, 4.6, tongue=0.8, hold=0.6),
    "R": Viseme(0.040, 4.4, -2.0, 2.4, tongue=0.4, hold=1.0),
    "w": Viseme(0.022, 2.2, -5.0, 4.6, hold=1.8),
    "j": Viseme(0.030, 3.8, 1.6, tongue=0.5, hold=0.8),
    "i": Viseme(0.034, 4.4, 2.4, tongue=0.4, hold=1.2),
    "I": Viseme(0.052, 5.4, 1.3, tongue=0.3, hold=1.0),
    "e": Viseme(0.062, 6.4, 1.9, tongue=0.25, hold=1.2),
    "E": Viseme(0.080, 8.0, 1.4, tongue=0.15, hold=1.2),
    "ae": Viseme(0.105, 10.4, 1.9, hold=1.4),
    "a": Viseme(0.120, 11.6, 0.4, hold=1.4),
    "@": Viseme(0.062, 6.2, -0.2, hold=0.8),
    "O": Viseme(0.095, 9.2, -2.6, 2.6, hold=1.3),
    "o": Viseme(0.062, 5.8, -4.2, 4.0, hold=1.4),
    "u": Viseme(0.034, 3.0, -5.0, 5.0, hold=1.6),
    "y": Viseme(0.036, 3.2, -4.2, 4.6, hold=1.5),
}

# ARPAbet, as flite names the phones of its English voices: the class, or the parts with their shares of the time.
ARPABET: dict[str, tuple[tuple[str, float], ...]] = {
    name: tuple((part.split(":")[0], float(part.split(":")[1])) if ":" in part else (part, 1.0) for part in parts.split())
    for name, parts in {
        "pau": "sil", "aa": "a", "ae": "ae", "ah": "a", "ao": "O", "aw": "a:1.2 u:1", "ax": "@", "axr": "R",
        "ay": "a:1.2 I:1", "b": "p", "ch": "t:.8 sh:1", "d": "t", "dh": "th", "dx": "r", "eh": "E", "er": "R",
        "ey": "e:1.2 I:1", "f": "f", "g": "k", "hh": "h", "hv": "h", "ih": "I", "ix": "I", "iy": "i", "jh": "t:.8 sh:1",
        "k": "k", "l": "l", "el": "l", "m": "m", "em": "m", "n": "n", "en": "n", "nx": "n", "ng": "ng", "ow": "o:1.2 u:1",
        "oy": "O:1.2 I:1", "p": "p", "r": "R", "s": "s", "sh": "sh", "t": "t", "th": "th", "uh": "u", "uw": "u",
        "v": "f", "w": "w", "y": "j", "z": "s", "zh": "sh", "ssil": "sil",
    }.items()
}  # fmt: skip

# IPA, as espeak-ng writes it, without length and stress marks; longer names are tried first.
IPA: dict[str, tuple[tuple[str, float], ...]] = {
    name: tuple((part, share) for part, share in zip(parts.split(), (1.2, 1.0) if name[0] not in "td" else (0.8, 1.0), strict=False))
    for parts, names in {
        "a I": "aɪ", "a u": "aʊ", "e I": "eɪ", "O I": "ɔɪ", "o u": "oʊ əʊ", "t sh": "tʃ dʒ",
        "p": "p b", "m": "m", "f": "f v ʋ", "th": "θ ð", "t": "t d", "n": "n", "ng": "ŋ ɲ", "s": "s z",
        "sh": "ʃ ʒ ɕ ʑ ʂ ʐ", "k": "k ɡ g q", "x": "x χ ɣ ç ʝ ħ", "h": "h ʔ", "l": "l ɫ ʎ", "r": "r ɾ ʀ ʁ",
        "R": "ɹ ɚ ɝ ɻ", "w": "w ɥ", "j": "j", "i": "i", "I": "ɪ ɨ", "e": "e", "E": "ɛ", "ae": "æ", "a": "a ɑ ɐ ʌ",
        "@": "ə ɜ ɤ ɵ", "O": "ɔ ɒ", "o": "o", "u": "u ʊ ʉ ɯ", "y": "y ø œ",
    }.items() for name in names.split()
}  # fmt: skip


def split_phone(parts: tuple[tuple[str, float], ...], start: float, end: float) -> list[Phone]:
    """Shares the time of one phone among its classes."""
    total, phones = sum(share for _, share in parts), []
    for name, share in parts:
        stop = start + (end - start) * share / total
        phones.append((name, start, stop))
        start, total, end = stop, total - share, end
    return phones
