"""Sums that forget: what has been heard so far, the long past the less."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def leaky_sums(values: np.ndarray, decay: float, before: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Adds up the rows of ``values`` (n, ...), the sum so far times ``decay`` at each.

    ``before`` (...) is the sum before the first row. Returns the sum after each row (n, ...) float64, and after all,
    which is ``before`` of a stream's next rows. ``scipy.signal.lfilter`` gives the same bits, but importing it keeps
    every command waiting for a second.
    """
    sums, last = np.empty(values.shape), np.asarray(before, np.float64)
    for row, value in enumerate(values):
        last = decay * last + value
        sums[row] = last
    return sums, last
