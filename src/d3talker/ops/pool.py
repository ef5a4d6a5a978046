"""A few threads of our own for kernels that release the interpreter lock.

OpenMP layers (numba's ``prange``, torch's own) busy-wait between parallel regions and take each other's cores; this
pool sleeps instead. Work is dealt out statically, so sums are formed in the same order in every run.
"""

from __future__ import annotations

import functools
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_THREAD = threading.local()

Task = Callable[[int, int], None]
"""``task(chunk, worker)``: does one chunk; ``worker`` counts from 0 to ``workers`` - 1."""


class Pool:
    """``workers`` threads, the caller's among them."""

    def __init__(self, workers: int) -> None:
        self.workers = max(1, workers)
        self._lock = threading.Lock()
        self._inbox: list[queue.SimpleQueue] = [queue.SimpleQueue() for _ in range(self.workers - 1)]
        self._done: queue.SimpleQueue = queue.SimpleQueue()
        for number, inbox in enumerate(self._inbox, start=1):
            threading.Thread(target=self._serve, args=(number, inbox), daemon=True).start()

    def _serve(self, worker: int, inbox: queue.SimpleQueue) -> None:
        while True:
            job = inbox.get()
            if job is None:
                return
            try:
                job(worker)
                self._done.put(None)
            except BaseException as error:  # handed to the caller, who raises it
                self._done.put(error)

    def close(self) -> None:
        """Ends the threads."""
        for inbox in self._inbox:
            inbox.put(None)

    def run(self, chunks: int, task: Task) -> None:
        """Runs ``task`` for every chunk and waits; worker ``w`` takes the chunks ``w``, ``w + workers``, and so on."""
        if self.workers == 1 or chunks == 1:
            for chunk in range(chunks):
                task(chunk, 0)
            return

        def share(worker: int) -> None:
            for chunk in range(worker, chunks, self.workers):
                task(chunk, worker)

        with self._lock:
            for inbox in self._inbox:
                inbox.put(share)
            try:
                share(0)
            finally:
                errors = [self._done.get() for _ in self._inbox]
            for error in errors:
                if error is not None:
                    raise error


def shared_pool() -> Pool:
    """The pool of this thread where it has one (:func:`pool_of`), else that of the process, as wide as its cores."""
    return getattr(_THREAD, "pool", None) or _pool_of_process()


@contextmanager
def pool_of(workers: int) -> Iterator[None]:
    """Gives this thread a pool of its own, so that threads which share the cores do not wait for each other."""
    before = getattr(_THREAD, "pool", None)
    _THREAD.pool = own = Pool(workers)
    try:
        yield
    finally:
        _THREAD.pool = before
        own.close()


def cores() -> int:
    """Those that the process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def _pool_of_process() -> Pool:
    return Pool(min(16, cores()))
