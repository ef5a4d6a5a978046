"""Keeps torch's own threads quiet around the pool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Runs the block with one torch thread: idle OpenMP threads spin and take the pool's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
