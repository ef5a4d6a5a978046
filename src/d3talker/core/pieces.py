"""Streams cut anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np


def blocks(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Joins pieces (n, ...) and cuts them anew, ``size`` rows each, the last one shorter."""
    held: list[np.ndarray] = []
    count = 0
    for piece in pieces:
        while count + len(piece) >= size:
            yield np.concatenate([*held, piece[: size - count]])
            piece, held, count = piece[size - count :], [], 0
        held.append(piece)
        count += len(piece)
    if count:
        yield np.concatenate(held)
