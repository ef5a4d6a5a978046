"""How a recipe tells of its progress without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[..., None]
"""``advance(steps=1, note="")``: so many steps more are done; the note stands beside the bar."""


class Progress(Protocol):
    """Shows named stages with a known number of steps (the command line draws bars with time left)."""

    def stage(self, name: str, total: int, done: int = 0) -> AbstractContextManager[Advance]:
        """Opens a stage of ``total`` steps, ``done`` of them done already, and gives its ``advance``."""
        ...

    def say(self, message: str) -> None:
        """Tells the user one line, above the bars."""
        ...


class Silent:
    """The listener of library use and tests: hears everything, shows nothing, keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @contextmanager
    def stage(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """See :class:`Progress`."""
        yield lambda steps=1, note="": None

    def say(self, message: str) -> None:
        """See :class:`Progress`."""
        self.said.append(message)
