"""Which frame to learn from next: index sets, so that nothing ever waits for a blink that does not come."""

from __future__ import annotations

import numpy as np
import torch


def within(values: np.ndarray, low: float, high: float, among: np.ndarray) -> np.ndarray:
    """Those of the indices ``among`` whose ``values`` (T,) are in [low, high]; the nearest eight where none is."""
    distance = np.maximum(np.maximum(low - values[among], values[among] - high), 0.0)
    inside = among[distance == 0.0]
    return inside if len(inside) else among[np.argsort(distance, kind="stable")[:8]]


def opening_mouths(opening: np.ndarray, progress: float, among: np.ndarray) -> np.ndarray:
    """Frames whose lips are about as open as ``progress`` in [0, 1] asks for: shut first, wide open last."""
    least, most = opening[among].min(), opening[among].max()
    low = least + 0.2 * (most - least)
    span = max(float(most - low), 1e-9)
    return within(opening, low + (progress - 0.5) * span, low + (progress + 0.5) * span, among)


def closing_eyes(blink: np.ndarray, progress: float, among: np.ndarray) -> np.ndarray:
    """Frames whose lids are about as closed as ``progress`` in [0, 1] asks for."""
    return within(blink, progress - 0.6, progress + 0.4, among)


def open_mouths(opening: np.ndarray, progress: float, among: np.ndarray) -> np.ndarray:
    """Frames with an open mouth: the widest ones at ``progress`` 0, down to the lower quartile at 1."""
    widest, quartile = np.percentile(opening[among], [95, 25])
    return within(opening, widest - progress * (widest - quartile), np.inf, among)


def draw_frame(candidates: np.ndarray, generator: torch.Generator) -> int:
    """One of ``candidates``, all equally likely."""
    return int(candidates[int(torch.randint(len(candidates), (1,), generator=generator))])
