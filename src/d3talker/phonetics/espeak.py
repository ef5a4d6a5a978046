"""espeak-ng: about a hundred languages, built from formants, with the times of its phones."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import shutil
import threading
from functools import cache
from typing import Any

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.core.native import silent_native
from d3talker.phonetics.classes import Parts
from d3talker.phonetics.espeak_times import Event, mended
from d3talker.phonetics.ipa import SILENCE, ipa_parts
from d3talker.phonetics.speech import Speech, labelled, levelled, require_words, run

_RETRIEVE, _PHONEMES_IN_IPA, _UTF8, _PHONEME = 1, 3, 1, 7  # constants of speak_lib.h
_SPEED, _PITCH = 1, 3
_WORDS_A_MINUTE, _USUAL_PITCH = 165, 50


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    )


_Listener = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """See :class:`~d3talker.phonetics.speech.Engine`; voices are languages, with a variant behind a plus: ``fr+f2``."""

    name = "espeak-ng"

    def missing(self) -> str | None:
        """See the protocol."""
        found = shutil.which("espeak-ng") and ctypes.util.find_library("espeak-ng")
        return None if found else "apt-get install espeak-ng"

    def voices(self) -> tuple[str, ...]:
        """See the protocol."""
        return ("en-us", *sorted(set(_languages()) - {"en-us"}))

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """See the protocol."""
        require_words(text)
        samples, rate, events = _library().speak(text, voice, speed, pitch)
        return labelled(levelled(samples, rate, self.name), mended(events, samples, rate), _parts)


@cache
def _languages() -> dict[str, str]:
    """The file of each language's voice."""
    lines = run(["espeak-ng", "--voices"], "espeak-ng").splitlines()[1:]
    return {words[1]: words[4] for words in map(str.split, lines) if len(words) > 4}


@cache
def _variants() -> frozenset[str]:
    """Names behind the plus."""
    return frozenset(re.findall(r"!v/(\S+)", run(["espeak-ng", "--voices=variant"], "espeak-ng")))


def _parts(phone: str) -> Parts:
    return SILENCE if phone == "_" else ipa_parts(phone)


@cache
def _library() -> _Library:
    return _Library()


class _Library:
    """libespeak-ng, which can be opened once a process and says one thing at a time."""

    def __init__(self) -> None:
        self._espeak = ctypes.CDLL(ctypes.util.find_library("espeak-ng"))
        self._rate = self._espeak.espeak_Initialize(_RETRIEVE, 0, None, _PHONEMES_IN_IPA)
        self._pieces: list[np.ndarray] = []
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._listener = _Listener(self._listen)  # kept, or the library would call into freed memory
        self._espeak.espeak_SetSynthCallback(self._listener)

    def speak(self, text: str, voice: str, speed: float, pitch: float) -> tuple[np.ndarray, int, list[Event]]:
        """Samples (S,) float32 in [-1, 1], their rate, and each phone's name and first sample."""
        with self._lock:
            self._set_voice(voice)
            self._espeak.espeak_SetParameter(_SPEED, int(_WORDS_A_MINUTE * speed), 0)
            self._espeak.espeak_SetParameter(_PITCH, int(np.clip(_USUAL_PITCH * pitch, 0, 99)), 0)
            self._pieces.clear()
            self._events.clear()
            written = text.encode() + b"\0"
            self._espeak.espeak_Synth(written, len(written), 0, 1, 0, _UTF8, None, None)
            self._espeak.espeak_Synchronize()
            samples = np.concatenate([np.zeros(1, np.int16), *self._pieces]).astype(np.float32) / 32768
            return samples, self._rate, list(self._events)

    def _set_voice(self, voice: str) -> None:
        language, plus, variant = voice.partition("+")
        wrong = D3Error(f"espeak-ng has no voice {voice!r}", "one such as de or fr-fr+f2", "See: espeak-ng --voices")
        if plus and variant not in _variants():
            raise wrong
        with silent_native():  # it tells of small dictionaries
            for name in (language, _languages().get(language, language)):
                if self._espeak.espeak_SetVoiceByName((name + plus + variant).encode()) == 0:
                    return
        raise wrong

    def _listen(self, samples: Any, count: int, events: Any) -> int:
        if count > 0 and samples:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        number = 0
        while events[number].type:
            if events[number].type == _PHONEME:
                address = ctypes.addressof(events[number]) + _Event.id.offset
                name = ctypes.string_at(address, 8).split(b"\0")[0].decode(errors="ignore")
                self._events.append((name, events[number].sample))
            number += 1
        return 0
