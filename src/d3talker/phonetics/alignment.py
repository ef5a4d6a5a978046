"""Phone times of real English, by pocketsphinx, whose wheel carries the model."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.phonetics.classes import ARPABET, Phone, split_phone

if TYPE_CHECKING:
    from pocketsphinx import Decoder

_RMS = 0.06  # level that the recogniser hears
_BEAM = 1e-100  # wide enough that an alignment is always found


def align(samples: np.ndarray, transcript: str | None = None) -> list[Phone]:
    """The phones of English speech and when they are said.

    Args:
        samples: (S,) float32 at 16 kHz.
        transcript: what is said; None lets pocketsphinx recognise it first. Words that are not in its dictionary are
            left out.

    Returns:
        Phones to 10 ms, silence among them; none where nothing was recognised or the words do not fit the sound.

    Raises:
        D3Error: pocketsphinx is not installed.
    """
    if np.abs(samples).max(initial=0.0) < 1e-4:
        return []
    pulses = np.clip(samples * (_RMS / (np.sqrt(np.mean(samples**2)) + 1e-6)), -1, 1)
    sound = (pulses * 32767).astype("<i2").tobytes()
    words = _recognise(sound) if transcript is None else _words(transcript)
    return _align(sound, words)


def unknown_words(transcript: str) -> list[str]:
    """The words that pocketsphinx's English dictionary lacks; raises as :func:`align` does."""
    return [word for word in _words(transcript) if _dictionary().lookup_word(word) is None]


@cache
def _dictionary() -> Decoder:
    return _decoder(lm=None)


def _words(transcript: str) -> list[str]:
    return re.findall(r"[a-z']+", transcript.lower())


def _decoder(**settings: object) -> Decoder:
    try:
        from pocketsphinx import Decoder
    except ImportError:
        raise D3Error("pocketsphinx is not installed", "it, to align speech", "Run: pip install pocketsphinx") from None
    return Decoder(loglevel="FATAL", **settings)


def _recognise(sound: bytes) -> list[str]:
    decoder = _decoder()
    _decode(decoder, sound)
    if decoder.hyp() is None:
        return []
    return [re.sub(r"\(\d+\)", "", found.word) for found in decoder.seg() if found.word[0] not in "<[+"]


def _align(sound: bytes, words: list[str]) -> list[Phone]:
    # without the search for the best path, which makes phones shorter than the second pass allows
    decoder = _decoder(lm=None, bestpath=False, beam=_BEAM, wbeam=_BEAM, pbeam=_BEAM)
    known = [word for word in words if decoder.lookup_word(word) is not None]
    if not known:
        return []
    try:
        decoder.set_align_text(" ".join(known))
        _decode(decoder, sound)
        decoder.set_alignment()
        _decode(decoder, sound)
    except RuntimeError:
        return []
    phones: list[Phone] = []
    for word in decoder.get_alignment():
        for phone in word:
            parts = ARPABET.get(phone.name.lower(), (("sil", 1.0),))
            phones += split_phone(parts, phone.start / 100, (phone.start + phone.duration) / 100)
    return phones


def _decode(decoder: Decoder, sound: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
