"""Keeps the threads of other libraries quiet around the pool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

from d3talker.ops.pool import pool_of

Item = TypeVar("Item")


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Runs the block with one torch thread: idle OpenMP threads spin and take the pool's cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def quietly(items: Iterable[Item], workers: int = 1) -> Iterator[Item]:
    """The same items for a thread that works beside others: with one torch thread and a pool of its own."""
    with quiet_torch(), pool_of(workers):
        yield from items


@contextmanager
def quiet_threads(device: torch.device) -> Iterator[None]:
    """Runs a loop on the CPU with one thread for torch and one for numpy's BLAS; does nothing for other devices.

    The idle threads of BLAS spin too: 74 instead of 43 CPU-ms for a training step (docs/performance.md). Entering and
    leaving take milliseconds, so this stands around loops, not in them.
    """
    if device.type != "cpu":
        yield
        return
    with quiet_torch(), threadpool_limits(1, user_api="blas"):
        yield
