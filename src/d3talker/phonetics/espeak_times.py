"""When the phones of espeak-ng begin, to a few milliseconds, from its events and its sound.

An event stands exactly before the sound of its phone, with three exceptions that ``synthesize.c`` of espeak-ng shows:
the closure of a stop comes before its event, as digital silence; the event of a vowel behind a nasal or a liquid comes
after the vowel's first frames; and some events have no name (pauses, glides between vowels, switches of the language).
"""

from __future__ import annotations

import numpy as np

from d3talker.phonetics.ipa import VOWELS, ipa_parts
from d3talker.phonetics.speech import Interval

Event = tuple[str, int]
"""A phone's IPA name and the number of its first sample."""

_SILENT = 0.003  # of the loudest sample
_ONSET = 0.03  # seconds of a vowel that come before its event, behind a sonorant
_LONGEST_CLOSURE = 0.15
_SHORTEST_PAUSE = 0.03
_SONORANTS = frozenset({"m", "n", "ng", "l", "r", "R", "w", "j"})
_STOPS = frozenset({"p", "t", "k"})


def mended(events: list[Event], samples: np.ndarray, rate: int) -> list[Interval]:
    """Phones with their times, without gaps, over the whole sound.

    Args:
        events: in order; a name may carry stress marks.
        samples: (S,) in [-1, 1].
        rate: samples a second.

    Returns:
        IPA names, ``_`` for silence, with start and end in seconds.
    """
    loud = np.flatnonzero(np.abs(samples) > _SILENT * np.abs(samples).max(initial=0.0))
    starts = [sample for _, sample in events] + [len(samples)]
    spans = [("", 0, starts[0])]
    spans += [(_plain(name), start, end) for (name, _), start, end in zip(events, starts[:-1], starts[1:], strict=True)]
    intervals: list[Interval] = []
    before = ""
    for name, start, end in spans:
        sounding = _last(loud, start, end)
        if name == "ː":
            name = before
        elif not name and sounding - start < (end - start) / 2:
            name, sounding = "_", start
        elif not name:
            name = "j" if before.endswith(("i", "ɪ")) else "ə"
        intervals += [(name, start / rate, sounding / rate), ("_", sounding / rate, end / rate)]
        before = name if end > start else before
    return _early_vowels(_closures(_joined(intervals)))


def _plain(name: str) -> str:
    name = name.strip("ˈˌ'_:;,|%! ")
    return "" if name.startswith("(") else name  # a switch of the language


def _last(loud: np.ndarray, start: int, end: int) -> int:
    """Where the sound of a span ends; its start if there is none."""
    found = int(np.searchsorted(loud, end))
    return max(start, int(loud[found - 1]) + 1) if found else start


def _joined(intervals: list[Interval]) -> list[Interval]:
    """One silence where several follow each other."""
    joined: list[Interval] = []
    for name, start, end in intervals:
        if end <= start:
            continue
        if joined and name == joined[-1][0] == "_":
            joined[-1] = ("_", joined[-1][1], end)
        else:
            joined.append((name, start, end))
    return joined


def _closures(intervals: list[Interval]) -> list[Interval]:
    """Gives the silence before a stop to the stop, and one too short for a pause to the phone before it."""
    told: list[Interval] = []
    for (name, start, end), (after, _, _) in zip(intervals, [*intervals[1:], ("_", 0.0, 0.0)], strict=True):
        if name == "_" and told:
            if end - start <= _LONGEST_CLOSURE and _classes(after)[0] in _STOPS:
                continue
            if end - start < _SHORTEST_PAUSE:
                told[-1] = (told[-1][0], told[-1][1], end)
                continue
        told.append((name, told[-1][2] if told else start, end))
    return told


def _early_vowels(intervals: list[Interval]) -> list[Interval]:
    """Lets vowels behind sonorants begin with their onset."""
    told = intervals[:1]
    for name, start, end in intervals[1:]:
        before, begin, _ = told[-1]
        if _classes(name)[0] in VOWELS and _classes(before)[-1] in _SONORANTS:
            start -= min(_ONSET, (start - begin) / 2)
            told[-1] = (before, begin, start)
        told.append((name, start, end))
    return told


def _classes(name: str) -> list[str]:
    return [part for part, _ in ipa_parts(name)] or [""]
