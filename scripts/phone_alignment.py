"""Forced alignment: where in a sound the phones of a known text are."""

from __future__ import annotations

import numpy as np

SECONDS_A_ROW = 0.02


def align_classes(log_posteriors: np.ndarray, sequence: list[int]) -> tuple[np.ndarray, float]:
    """The most likely times of a sequence of classes, with silence allowed anywhere between them.

    Args:
        log_posteriors: (T, 29) at 50 Hz.
        sequence: classes other than silence (0), in order.

    Returns:
        Phones (P, 3) class, start s, end s, over all of the sound; and the mean log posterior along the path.
    """
    states = np.zeros(2 * len(sequence) + 1, int)
    states[1::2] = sequence
    scores = log_posteriors[:, states]
    count, width = scores.shape
    best = np.full(width, -np.inf)
    best[:2] = scores[0, :2]
    came = np.zeros((count, width), np.int8)
    skippable = np.arange(width) % 2 == 1  # from phone to phone, past the silence between
    silence_cost = np.where(np.arange(width) % 2 == 0, -1.5, 0.0)
    silence_cost[[0, -1]] = 0.0
    for row in range(1, count):
        stay = best
        step = np.concatenate([[-np.inf], best[:-1]]) + silence_cost
        skip = np.where(skippable, np.concatenate([[-np.inf, -np.inf], best[:-2]]), -np.inf)
        choices = np.stack([stay, step, skip])
        came[row] = choices.argmax(0)
        best = choices.max(0) + scores[row]
    state = width - 1 if best[-1] > best[-2] else width - 2
    score = best[state] / count
    path = np.zeros(count, int)
    for row in range(count - 1, -1, -1):
        path[row] = state
        state -= came[row, state]
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    ends = np.append(starts[1:], count)
    phones = np.stack([states[path[starts]], starts * SECONDS_A_ROW, ends * SECONDS_A_ROW], axis=1)
    return phones.astype(np.float32), float(score)


def confident_classes(log_posteriors: np.ndarray, least: float = 0.6) -> np.ndarray:
    """The classes (P, 3) that a network is sure of, from log posteriors (T, 29); -1 where none reaches ``least``."""
    classes = np.where(log_posteriors.max(axis=1) > np.log(least), log_posteriors.argmax(axis=1), -1)
    starts = np.flatnonzero(np.diff(classes, prepend=-2))
    ends = np.append(starts[1:], len(classes))
    return np.stack([classes[starts], starts * SECONDS_A_ROW, ends * SECONDS_A_ROW], axis=1).astype(np.float32)
