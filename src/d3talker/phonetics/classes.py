"""29 broad phone classes, and which of them each phone name of ARPAbet and IPA belongs to.

A diphthong is split into its nucleus (1.2 parts of the time) and its glide (1 part), an affricate into t (.8) and
sh (1). The classes are those of spec 5: what the mouth does counts, not what a language tells apart.
"""

from __future__ import annotations

import numpy as np

CLASSES = (
    "sil", "p", "m", "f", "th", "t", "n", "ng", "s", "sh", "k", "x", "h", "l", "r", "R", "w", "j", "i", "I",
    "e", "E", "ae", "a", "@", "O", "o", "u", "y",
)  # fmt: skip
"""The classes in the order of the channels of the phone encoder; r is a trill or a tap, R the English r."""
CLASS_INDEX = {name: index for index, name in enumerate(CLASSES)}
BILABIALS = (CLASS_INDEX["p"], CLASS_INDEX["m"])
"""The classes on which the lips meet: p, b and m."""

Phone = tuple[str, float, float]
"""Class name, start and end in seconds."""

Parts = tuple[tuple[str, float], ...]
"""The classes that one phone runs through, with their shares of its time."""


def written_parts(written: str) -> Parts:
    """``"a:1.2 I:1"`` as parts; a share that is not written is 1."""
    split = [part.partition(":") for part in written.split()]
    return tuple((name, float(share or 1)) for name, _, share in split)


# ARPAbet, as flite names the phones of its English voices.
ARPABET: dict[str, Parts] = {
    name: written_parts(written)
    for name, written in {
        "pau": "sil", "ssil": "sil", "aa": "a", "ae": "ae", "ah": "a", "ao": "O", "aw": "a:1.2 u", "ax": "@",
        "axr": "R", "ay": "a:1.2 I", "b": "p", "ch": "t:.8 sh", "d": "t", "dh": "th", "dx": "r", "eh": "E",
        "el": "l", "em": "m", "en": "n", "er": "R", "ey": "e:1.2 I", "f": "f", "g": "k", "hh": "h", "hv": "h",
        "ih": "I", "ix": "I", "iy": "i", "jh": "t:.8 sh", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ng",
        "nx": "n", "ow": "o:1.2 u", "oy": "O:1.2 I", "p": "p", "r": "R", "s": "s", "sh": "sh", "t": "t",
        "th": "th", "uh": "u", "uw": "u", "v": "f", "w": "w", "y": "j", "z": "s", "zh": "sh",
    }.items()
}  # fmt: skip

# IPA, letter by letter; see ``ipa`` for what is made of several.
IPA: dict[str, str] = {
    letter: name
    for name, letters in {
        "p": "pbɓɸβ", "m": "mɱ", "f": "fvʋⱱ", "th": "θð", "t": "tdʈɖɗ", "n": "nɳ", "ng": "ŋɲɴ", "s": "sz",
        "sh": "ʃʒɕʑʂʐɧ", "k": "kɡgqɢcɟ", "x": "xχɣçʝħʕɰ", "h": "hɦʔ", "l": "lɫʎɭɬɮʟ", "r": "rɾʀʁɽɺ", "R": "ɹɚɝɻ",
        "w": "wɥʍ", "j": "j", "i": "i", "I": "ɪɨᵻ", "e": "e", "E": "ɛε", "ae": "æ", "a": "aɑɐʌɶA", "@": "əɜɤɵɘɞ",
        "O": "ɔɒ", "o": "o", "u": "uʊʉɯᵿ", "y": "yøœʏ",
    }.items()
    for letter in letters
}  # fmt: skip


def split_phone(parts: Parts, start: float, end: float) -> list[Phone]:
    """Shares the time of one phone among its classes."""
    total, phones = sum(share for _, share in parts), []
    for name, share in parts:
        stop = start + (end - start) * share / total
        phones.append((name, start, stop))
        start, total, end = stop, total - share, end
    return phones


def as_rows(phones: list[Phone]) -> np.ndarray:
    """Phones as (P, 3) float32: class or -1, start s, end s."""
    return np.array([[CLASS_INDEX.get(name, -1), start, end] for name, start, end in phones], np.float32).reshape(-1, 3)
