"""Clocks: processor and wall milliseconds, taken in turns so that a busy minute hits everybody alike.

Processor time is user plus system time of all threads of the process: other work on the machine disturbs it least, and
its minimum less still. Wall time says what the user waits for.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Spent:
    """Milliseconds of several runs."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def least(self) -> float:
        """Processor time; 0 where nothing ran."""
        return min(self.cpu, default=0.0)

    @property
    def median(self) -> float:
        """Processor time; 0 where nothing ran."""
        return statistics.median(self.cpu) if self.cpu else 0.0

    @property
    def median_wall(self) -> float:
        """Wall time; 0 where nothing ran."""
        return statistics.median(self.wall) if self.wall else 0.0

    @contextmanager
    def run(self, parts: int = 1) -> Iterator[None]:
        """Notes what the block takes, divided by so many equal ``parts``."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.cpu.append(1e3 * (time.process_time() - cpu) / parts)
        self.wall.append(1e3 * (time.perf_counter() - wall) / parts)


@dataclass
class Piece:
    """Something to time: ``forward``, and the backward pass of what it gives where that needs one."""

    name: str
    forward: Callable[[], Tensor | tuple[Tensor, ...]]
    learns: Sequence[Tensor] = ()
    """Whose gradients are forgotten before every run."""
    runs: int | None = None
    """Fewer runs than the others, and no warm-up, for what is slow."""
    ahead: Spent = field(default_factory=Spent)
    back: Spent = field(default_factory=Spent)
    _incoming: list[Tensor] = field(default_factory=list)

    @property
    def least(self) -> float:
        """Processor milliseconds of both ways."""
        return self.ahead.least + self.back.least

    @property
    def median(self) -> float:
        """Processor milliseconds of both ways."""
        return self.ahead.median + self.back.median

    @property
    def median_wall(self) -> float:
        """Wall milliseconds of both ways."""
        return self.ahead.median_wall + self.back.median_wall

    def run(self) -> None:
        """Once, both ways."""
        for tensor in self.learns:
            tensor.grad = None
        with self.ahead.run():
            given = self.forward()
        outputs = [given] if isinstance(given, Tensor) else list(given)
        if not outputs[0].requires_grad:
            return
        if not self._incoming:
            random = torch.Generator().manual_seed(0)
            self._incoming = [torch.randn(output.shape, generator=random) for output in outputs]
        with self.back.run():
            torch.autograd.backward(outputs, self._incoming)

    def forget(self) -> None:
        """Drops what was noted."""
        self.ahead, self.back = Spent(), Spent()


def race(pieces: Sequence[Piece], rounds: int) -> dict[str, Piece]:
    """Runs the pieces in turns, after one round that compiles and fills the caches."""
    for piece in pieces:
        if piece.runs is None:
            piece.run()
            piece.forget()
    for done in range(rounds):
        for piece in pieces:
            if piece.runs is None or done < piece.runs:
                piece.run()
    return {piece.name: piece for piece in pieces}
