"""Synthesisers that other packages bring: entry points of the group ``d3talker.speech_synthesis``.

Such a package names a function in its pyproject.toml:

    [project.entry-points."d3talker.speech_synthesis"]
    mytts = "mytts.for_d3talker:speak"

    def speak(text: str, language: str) -> tuple[np.ndarray, int]:
        ...  # (S,) or (S, channels) samples in [-1, 1], and their rate

The voice ``mytts`` then says a text, ``mytts:de`` one in German; ``speak.languages``, if there is one, lists what the
studio offers.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.phonetics.speech import RATE, Speech, levelled, require_words

GROUP = "d3talker.speech_synthesis"
Speak = Callable[[str, str], tuple[np.ndarray, int]]
"""(text, language) to samples and their rate."""


class Plugged:
    """See :class:`~d3talker.phonetics.speech.Engine`; its voices are languages, its phones are not known."""

    def __init__(self, entry: EntryPoint) -> None:
        self.name = entry.name
        self._entry = entry

    def missing(self) -> str | None:
        """See the protocol."""
        try:
            self._entry.load()
        except Exception as error:  # what another package raises cannot be known
            return f"mend the package behind {self.name} ({type(error).__name__}: {error})"
        return None

    def voices(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(getattr(self._entry.load(), "languages", ())) or ("en",)

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: float = 1.0) -> Speech:
        """See the protocol; speed and pitch are the synthesiser's own."""
        require_words(text)
        try:
            samples, rate = self._entry.load()(text, voice)
            samples = np.asarray(samples, np.float32)
            rate = int(rate)
        except D3Error:
            raise
        except Exception as error:  # as above
            seen = f"{self.name} failed: {type(error).__name__}: {str(error)[:200]}"
            raise D3Error(seen, "samples and their rate", "Check the text, the language and that package.") from None
        if samples.ndim not in (1, 2) or rate <= 0:
            seen = f"{self.name} gave an array of shape {samples.shape} at {rate} Hz"
            raise D3Error(seen, "(S,) samples and their rate", "Mend that package.")
        said = levelled(np.nan_to_num(samples), rate, self.name)
        return Speech(said, RATE, [("", 0.0, len(said) / RATE)])


def plugged() -> dict[str, Plugged]:
    """Those that are installed, by name."""
    return {entry.name: Plugged(entry) for entry in entry_points(group=GROUP)}
