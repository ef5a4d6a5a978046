"""The process of one cell: ``python -m d3talker.recipes.bench ORDER.json``, as :mod:`.workers` starts it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dacite import Config, from_dict

from d3talker.core.errors import D3Error
from d3talker.core.files import read_json
from d3talker.core.progress import Advance
from d3talker.recipes.bench.cell import Order, run_cell


class Lines:
    """Progress as lines of a log, one every few seconds."""

    def __init__(self, every: float = 2.0) -> None:
        self._every = every

    @contextmanager
    def stage(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """See :class:`d3talker.core.progress.Progress`."""
        told, at = time.monotonic(), done

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal told, at
            at += steps
            if time.monotonic() - told >= self._every:
                told = time.monotonic()
                self.say(f"{name} {at}/{total} {note}".rstrip())

        yield advance

    def say(self, message: str) -> None:
        """See :class:`d3talker.core.progress.Progress`."""
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()


def _end_with_parent() -> None:
    """The pipe to our input closes when the process that started us ends, however it ends."""

    def wait() -> None:
        while os.read(0, 1024):  # not sys.stdin, whose lock would be held when the interpreter ends
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def main(place: str) -> int:
    """Runs the order in a file; the exit code is 2 for a mistake that the user can mend."""
    _end_with_parent()
    plain: dict[str, Any] = read_json(Path(place), "Run the bench again.")
    try:
        run_cell(from_dict(Order, plain, Config(cast=[tuple])), Lines())
    except D3Error as error:
        sys.stdout.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
