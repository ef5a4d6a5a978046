"""How far a work is: written by the process that does it, read by any page, at any time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import dacite

from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, write_json
from d3talker.core.progress import Advance

_WRITE_EVERY = 0.4  # seconds


@dataclass
class Step:
    """One stage of the work."""

    name: str
    total: int
    done: int
    begun_at: int
    """How many were done when this stage was begun or taken up again."""
    seconds: float = 0.0
    """Since then."""
    note: str = ""

    def seconds_left(self) -> float | None:
        """An estimate, once something is done."""
        fresh = self.done - self.begun_at
        return None if fresh <= 0 else self.seconds / fresh * (self.total - self.done)


@dataclass
class Status:
    """All that a page shows of a work."""

    kind: str
    """``prepare`` or ``adapt``."""
    process: int = field(default_factory=os.getpid)
    steps: list[Step] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    error: str = ""
    ended: bool = False


def read_status(path: Path) -> Status | None:
    """The status in a file, None where there is none that can be read."""
    try:
        return dacite.from_dict(Status, read_json(path, ""), dacite.Config(strict=True))
    except (D3Error, dacite.DaciteError, OSError):
        return None


class StatusWriter:
    """A :class:`~d3talker.core.progress.Progress` that keeps a status file up to date."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path, self.status = path, Status(kind)
        self._written = 0.0
        self.write()

    @contextmanager
    def stage(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """See the protocol."""
        step, started = Step(name, total, done, done), time.monotonic()
        self.status.steps.append(step)
        self.write()

        def advance(steps: int = 1, note: str = "") -> None:
            step.done += steps
            step.note = note or step.note
            step.seconds = time.monotonic() - started
            if time.monotonic() - self._written > _WRITE_EVERY:
                self.write()

        yield advance
        self.write()

    def say(self, message: str) -> None:
        """See the protocol."""
        self.status.said.append(message)
        self.write()

    def end(self, error: str = "") -> None:
        """Writes how it ended."""
        self.status.error, self.status.ended = error, True
        self.write()

    def write(self) -> None:
        """Writes it down now."""
        write_json(self._path, asdict(self.status))
        self._written = time.monotonic()
