"""Pitch over time by autocorrelation, the method of Praat: best path of a whole sound, or row by row without a path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from d3talker.signals.leaky_sum import leaky_sums
from d3talker.signals.pitch_candidates import Candidates, FrameTimes, PitchAnalysis
from d3talker.signals.pitch_path import PitchPath
from d3talker.signals.speech import RATE, SoundSource, frame_count

LOOK_AHEAD = 10
"""Rows of 20 ms that :func:`pitch_frames` knows of the future, besides half a window of 21 ms."""
_FLOOR, _CEILING = 70.0, 600.0  # Hz, of the rows
_QUIET = 1e-3  # amplitude of sound (-60 dB) whose pitch does not count
_OCTAVE = 0.02  # strength that a candidate loses for every octave below the ceiling
_DISTANCE = 0.05  # and for every octave away from the voice's usual pitch
_MEMORY = 500.0  # rows after which a pitch counts 1 / e in the usual one
_PRIOR_ROWS, _PRIOR_PITCH = 10.0, 160.0  # what the usual pitch starts with
_VOICED, _SOFTNESS = 0.6, 0.05  # strength of a row that is half voiced, and how sharp the change is


def pitch(
    samples: np.ndarray,
    step: float = 0.02,
    floor: float = 75.0,
    ceiling: float = 600.0,
    voicing_threshold: float = 0.45,
) -> np.ndarray:
    """The pitch of a whole sound.

    Args:
        samples: (S,) float at 16 kHz.
        step: seconds between frames.
        floor: lowest pitch in Hz; three periods of it make the window.
        ceiling: highest pitch in Hz.
        voicing_threshold: share of the power that must repeat itself for a frame to be voiced.

    Returns:
        (T,) Hz, 0 where unvoiced; frame j is centred at (j + 0.5) step, T = S / (16,000 step) rounded down, at least 1.
    """
    return np.concatenate(list(stream_pitch(lambda: iter([samples]), step, floor, ceiling, voicing_threshold)))


def stream_pitch(
    sound: SoundSource,
    step: float = 0.02,
    floor: float = 75.0,
    ceiling: float = 600.0,
    voicing_threshold: float = 0.45,
    whole_windows: bool = False,
) -> Iterator[np.ndarray]:
    """What :func:`pitch` gives, in pieces (n,), in memory that does not grow; the sound is read twice.

    Args:
        sound: read twice.
        step: see :func:`pitch`, as the next three.
        floor: lowest pitch.
        ceiling: highest pitch.
        voicing_threshold: of a voiced frame.
        whole_windows: take the frames as Praat does: as many windows as fit, in the middle of the sound.
    """
    size, loudest = _extent(sound)
    analysis = PitchAnalysis(floor, ceiling)
    if whole_windows:
        count = max(1, int((size - analysis.window) / RATE / step + 1 + 1e-9))
        first = (size / RATE - (count - 1) * step) / 2
    else:
        count, first = max(1, int(size / RATE / step + 1e-9)), step / 2
    times = FrameTimes(first, step, lambda _: count)
    yield from PitchPath(step, ceiling, voicing_threshold, loudest).stream(analysis.stream(sound, times))


def pitch_frames(sound: SoundSource) -> Iterator[np.ndarray]:
    """Pitch for a network: rows at 50 Hz with a bounded look-ahead, without a path; the sound is read once.

    Args:
        sound: heard from its start.

    Returns:
        pieces (n, 2) float32, two rows a video frame in all. Column 0: octaves above the voice's usual pitch, in
        [-1, 1], drawn to 0 where unvoiced. Column 1: strength of the voicing, 0 (noise, silence) to 1 (periodic).
    """
    times = FrameTimes(0.01, 0.02, lambda samples: 2 * frame_count(samples))
    analysis = PitchAnalysis(_FLOOR, _CEILING, _QUIET)
    for octave, strength, usual in _with_usual(analysis.stream(sound, times)):
        best = (strength - _DISTANCE * np.minimum(np.abs(octave - usual[:, None]), 2.0)).argmax(axis=1)
        rows = np.arange(len(best))
        height = octave[rows, best] - usual
        power = np.maximum(strength[rows, best] + _OCTAVE * (np.log2(_CEILING) - octave[rows, best]), 0.0)
        yield np.column_stack([np.clip(height, -1.0, 1.0) * _voiced(power), power]).astype(np.float32)


def _with_usual(blocks: Iterable[Candidates]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Octaves (n, K), strengths (n, K) less the octave cost, and the usual octave (n,), known LOOK_AHEAD rows ahead."""
    decay = np.exp(-1.0 / _MEMORY)
    counted, summed = np.zeros(()), np.zeros(())
    to_skip, usual = LOOK_AHEAD, np.array([np.log2(_PRIOR_PITCH)])
    octaves, strengths = np.zeros((0, 0)), np.zeros((0, 0))
    for block in blocks:
        octave = np.log2(block.pitch)
        strength = block.strength - _OCTAVE * (np.log2(_CEILING) - octave)
        best = strength.argmax(axis=1)
        rows = np.arange(len(best))
        weight = _voiced(block.strength[rows, best])
        total, counted = leaky_sums(weight, decay, counted)
        sums, summed = leaky_sums(weight * octave[rows, best], decay, summed)
        usual = (sums + _PRIOR_ROWS * np.log2(_PRIOR_PITCH)) / (total + _PRIOR_ROWS)
        octaves = np.concatenate([octaves, octave]) if octaves.size else octave
        strengths = np.concatenate([strengths, strength]) if strengths.size else strength
        skipped = min(to_skip, len(usual))
        to_skip, known = to_skip - skipped, usual[skipped:]
        if len(known):
            yield octaves[: len(known)], strengths[: len(known)], known
            octaves, strengths = octaves[len(known) :], strengths[len(known) :]
    yield octaves, strengths, np.repeat(usual[-1:], len(octaves))


def _voiced(strength: np.ndarray) -> np.ndarray:
    """How voiced a row is, 0 to 1."""
    return 1.0 / (1.0 + np.exp(np.clip((_VOICED - strength) / _SOFTNESS, -30.0, 30.0)))


def _extent(sound: SoundSource) -> tuple[int, float]:
    """Samples of the sound, and the largest distance of one from their mean."""
    size, total, lowest, highest = 0, 0.0, 0.0, 0.0
    for piece in sound():
        if len(piece):
            total += float(piece.sum(dtype=np.float64))
            lowest = float(piece.min()) if size == 0 else min(lowest, float(piece.min()))
            highest = float(piece.max()) if size == 0 else max(highest, float(piece.max()))
            size += len(piece)
    mean = total / max(size, 1)
    return size, max(highest - mean, mean - lowest)
