"""Progress on the terminal: one bar a stage with time left, or one line a stage where nobody watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from d3talker.core.progress import Advance


class Bars:
    """Draws stages on standard error."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)

    @contextmanager
    def stage(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """See :class:`d3talker.core.progress.Progress`."""
        columns = (
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._console, refresh_per_second=4) as bar:
            task = bar.add_task(name, total=total, completed=done, note="")

            def advance(steps: int = 1, note: str = "") -> None:
                bar.advance(task, steps)
                if note:
                    bar.update(task, note=note)

            yield advance

    def say(self, message: str) -> None:
        """See :class:`d3talker.core.progress.Progress`."""
        self._console.print(message, highlight=False, markup=False)
