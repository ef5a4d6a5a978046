"""Text to speech with the times of the phones, by whatever synthesiser is installed."""

from __future__ import annotations

from contextlib import suppress

from d3talker.core.errors import D3Error
from d3talker.phonetics.espeak import Espeak
from d3talker.phonetics.festival import Festival
from d3talker.phonetics.flite import Flite
from d3talker.phonetics.mbrola import Mbrola
from d3talker.phonetics.open_jtalk import OpenJTalk
from d3talker.phonetics.plugged import plugged
from d3talker.phonetics.speech import RATE, Engine, Speech, require_words

__all__ = ["ENGINES", "RATE", "Engine", "Speech", "installed_voices", "synthesise"]

ENGINES: dict[str, Engine] = {engine.name: engine for engine in (Flite(), Espeak(), Festival(), Mbrola(), OpenJTalk())}
"""Every synthesiser of the package, by name, the one that ``synthesise`` prefers first."""
_SHOWN = 12  # voices of one engine


def engines() -> dict[str, Engine]:
    """Those of the package, then those that other packages plug in."""
    return ENGINES | {name: engine for name, engine in plugged().items() if name not in ENGINES}


def installed_voices() -> list[str]:
    """What ``synthesise`` takes as a voice and can say: a dozen of each engine at most, the best first."""
    told: list[str] = []
    for engine in engines().values():
        with suppress(D3Error):  # one that fails keeps none of the others away
            if engine.missing() is None:
                told += [f"{engine.name}:{voice}" for voice in engine.voices()[:_SHOWN]]
    return told


def synthesise(text: str, voice: str = "") -> Speech:
    """Says a text.

    Args:
        text: words in the language of the voice.
        voice: ``flite``, ``flite:slt``, ``espeak-ng:fr+f2``, ``mbrola:de2``, or a plugged one's ``name:language``;
            empty takes the first engine that is installed, and its first voice.

    Raises:
        D3Error: no words, no such engine or voice, or none is installed.
    """
    require_words(text)
    name, _, chosen = voice.partition(":")
    known = engines()
    if name and name not in known:
        raise D3Error(f"no synthesiser called {name!r}", ", ".join(known), "Name one, as in flite:slt.")
    wanted = [known[name]] if name else list(known.values())
    engine = next((engine for engine in wanted if engine.missing() is None), None)
    if engine is None:
        seen = f"{name or 'a speech synthesiser'} is not installed"
        raise D3Error(seen, "one that is", f"Run: {wanted[0].missing()}.")
    return engine.speak(text, chosen or engine.voices()[0])
