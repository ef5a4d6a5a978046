"""When the eyes blink, for a face that nobody filmed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLINK_SHAPE = (0.1, 0.5, 0.9, 1.0, 0.7, 0.4, 0.1)
"""How far the lids close in the frames of one blink."""


def blinks(seed: int) -> Iterator[float]:
    """How far the lids are closed, frame after frame for ever: one blink every two to eight seconds."""
    rng = np.random.default_rng(seed)
    while True:
        pause = float(np.clip(rng.lognormal(np.log(3.5), 0.4), 1.5, 8.0))
        yield from np.zeros(round(25 * pause))
        yield from BLINK_SHAPE
