"""The most likely pitch over time: the cheapest path through the candidates of all frames (Boersma 1993, section 3).

Strength counts for a candidate; jumps of pitch and changes between voiced and unvoiced count against a path.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from d3talker.signals.pitch_candidates import Candidates

_SILENCE = 0.03  # of the loudest sample: what is softer is unvoiced
_OCTAVE = 0.01  # strength that a candidate loses for every octave below the ceiling
_JUMP = 0.35  # cost of an octave between two frames 10 ms apart
_SWITCH = 0.14  # cost of a change between voiced and unvoiced, likewise
_SETTLE = 64  # frames between two looks at what all paths agree on
_LONGEST = 1024  # frames that may wait for paths to agree


class PitchPath:
    """Finds the path with the usual costs of the method.

    Args:
        step: seconds between frames; the costs of changes are for 10 ms, longer steps make them cheaper.
        ceiling: highest pitch in Hz.
        voicing_threshold: strength of the unvoiced candidate in loud sound.
        loudest: largest absolute value of the whole sound, its mean removed.
    """

    def __init__(self, step: float, ceiling: float, voicing_threshold: float, loudest: float) -> None:
        self._ceiling, self._threshold, self._loudest = ceiling, voicing_threshold, max(loudest, 1e-9)
        self._jump, self._switch = _JUMP * 0.01 / step, _SWITCH * 0.01 / step

    def stream(self, candidates: Iterable[Candidates]) -> Iterator[np.ndarray]:
        """Pieces (n,) of pitch in Hz, 0 where unvoiced.

        A frame is given as soon as the best paths to all later candidates pass through the same one of its own; if
        they do not for 1,024 frames (20 s at 20 ms), the best path of that moment decides.
        """
        pitches: list[np.ndarray] = []  # of frames not given yet; candidate 0 is unvoiced
        origins: list[np.ndarray] = []  # the candidate of the frame before on the best path to each candidate
        score = before = np.zeros(0)
        for block in candidates:
            strengths, octaves = self._strengths(block), np.log2(block.pitch)
            for strength, octave, pitch in zip(strengths, octaves, block.pitch, strict=True):
                if len(score):
                    score, origin = self._advance(score, before, octave, strength)
                else:
                    score, origin = strength, np.zeros(len(strength), int)
                before = octave
                pitches.append(np.concatenate([[0.0], pitch]))
                origins.append(origin)
                if len(pitches) % _SETTLE == 0:
                    yield from _settle(pitches, origins, score)
        if pitches:
            yield _trace(pitches, origins, len(pitches) - 1, int(score.argmax()))

    def _strengths(self, block: Candidates) -> np.ndarray:
        """Of all candidates (n, 1 + K), the unvoiced one first (equations 23 and 24)."""
        softness = 2.0 - block.loudest / self._loudest * (1.0 + self._threshold) / _SILENCE
        voiced = block.strength - _OCTAVE * np.log2(self._ceiling / block.pitch)
        return np.column_stack([self._threshold + np.maximum(0.0, softness), voiced])

    def _advance(
        self, score: np.ndarray, before: np.ndarray, octave: np.ndarray, strength: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        cost = np.full((len(score), len(score)), self._switch)
        cost[0, 0] = 0.0
        cost[1:, 1:] = self._jump * np.abs(before[:, None] - octave)
        total = score[:, None] - cost
        origin = total.argmax(axis=0)
        return total[origin, np.arange(len(origin))] + strength, origin


def _settle(pitches: list[np.ndarray], origins: list[np.ndarray], score: np.ndarray) -> Iterator[np.ndarray]:
    """Gives and forgets the frames whose candidate no later sound can change."""
    states = np.arange(len(score))
    for frame in range(len(pitches) - 1, 0, -1):
        states = origins[frame][states]
        if (states == states[0]).all():
            yield _trace(pitches, origins, frame - 1, int(states[0]))
            del pitches[:frame], origins[:frame]
            return
    if len(pitches) >= _LONGEST:
        path = _trace(pitches, origins, len(pitches) - 1, int(score.argmax()))
        yield path[: _LONGEST // 2]
        del pitches[: _LONGEST // 2], origins[: _LONGEST // 2]


def _trace(pitches: list[np.ndarray], origins: list[np.ndarray], frame: int, state: int) -> np.ndarray:
    """The pitch of the frames 0 to ``frame`` on the best path to ``state`` of the last of them."""
    path = np.zeros(frame + 1)
    for j in range(frame, -1, -1):
        path[j] = pitches[j][state]
        state = origins[j][state]
    return path
