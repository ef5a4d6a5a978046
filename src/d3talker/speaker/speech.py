"""The recordings that ship with the package, with exact phone times."""

from __future__ import annotations

import json
from importlib import resources

import soundfile

from d3talker.core.errors import D3Error
from d3talker.phonetics.speech import Speech

RECORDINGS = ("training", "driving")


def built_in_speech(name: str = "training") -> Speech:
    """Loads a shipped recording: ``training`` (about 14 s) or ``driving`` (about 6 s, other words, another voice).

    Raises:
        D3Error: an unknown name.
    """
    if name not in RECORDINGS:
        raise D3Error(f"no recording called {name!r}", " or ".join(RECORDINGS), "Choose one of these.")
    folder = resources.files("d3talker.assets") / "speech"
    with (folder / f"{name}.flac").open("rb") as file:
        samples, rate = soundfile.read(file, dtype="float32")
    content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Speech(samples, rate, [(str(p), float(start), float(end)) for p, start, end in content["phones"]])
