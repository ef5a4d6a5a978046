"""One cell of a bench, in a process of its own: train, measure, drive; what is done is not done again.

:mod:`.workers` runs it as ``python -m d3talker.recipes.bench.cell ORDER.json``; it ends with the process that started
it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dacite import Config, from_dict

from d3talker.config.evaluate import EvaluateSettings
from d3talker.config.method import as_published
from d3talker.config.presets import PRESETS
from d3talker.core.device import choose_device
from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, write_json
from d3talker.core.progress import Advance, Progress
from d3talker.recipes.adapt import adapt
from d3talker.recipes.bench.matrix import Cell
from d3talker.recipes.cross_drive import drive
from d3talker.recipes.evaluate import evaluate
from d3talker.recipes.evaluate_judges import open_judges
from d3talker.tracking.clip import load_clip


@dataclass(frozen=True)
class Speaker:
    """A prepared clip, and how p, b and m are found in it."""

    name: str
    clip: str
    closures: str


@dataclass(frozen=True)
class Order:
    """What a process is to do; all places are paths."""

    cell: Cell
    folder: str
    """The person's, which holds the cell's numbers too."""
    clip: str
    """Prepared."""
    speakers: tuple[Speaker, ...]
    """Whose words it says."""
    preset: str
    resolution: int
    front_end: str
    closures: str
    driven_frames: int
    device: str


DRIVING = {"speakers", "driven_frames"}
"""What of an order only the other clip's words depend on."""


def numbers_file(folder: Path, view: str) -> Path:
    """Where a cell's numbers are."""
    return folder / f"numbers-{view}.json"


def driven_file(folder: Path, speaker: str) -> Path:
    """Where the numbers of a speaker's words are."""
    return folder / f"driven-{speaker}.json"


def training_file(folder: Path) -> Path:
    """Where the memory of training is."""
    return folder / "training.json"


def run_cell(order: Order, progress: Progress) -> None:
    """Does what is not done yet.

    Raises:
        D3Error: the head cannot be trained or measured.
    """
    folder, cell, device = Path(order.folder), order.cell, choose_device(order.device)
    preset = replace(PRESETS[order.preset], seed=cell.seed, resolution=order.resolution)
    method = cell.row.settings()
    trained = (folder / "person.json").exists()
    person = adapt(
        Path(order.clip),
        folder,
        as_published(method) if order.preset == "paper" else method,
        preset,
        seconds=cell.seconds,
        front_end=order.front_end,
        prior=cell.row.prior,
        device=device,
        progress=progress,
    )
    if not trained:
        write_json(training_file(folder), {"peak_memory_mb": peak_memory()})
    for view in cell.views:
        if numbers_file(folder, view).exists():
            continue
        whole = view == "all"
        settings = EvaluateSettings(
            closures=order.closures,
            json=numbers_file(folder, view),
            frames=folder / "frames.csv" if whole else None,
        )
        video = folder / "videos" if whole else None
        evaluate(person, Path(order.clip), settings, video=video, counted=view, progress=progress)  # type: ignore[arg-type]
    for speaker in order.speakers:
        if driven_file(folder, speaker.name).exists():
            continue
        judges, clip = open_judges(device), load_clip(Path(speaker.clip))
        told = drive(person, clip, judges, heard=speaker.closures, longest=order.driven_frames, progress=progress)
        write_json(driven_file(folder, speaker.name), told | {"not_computed": judges.reasons})


def peak_memory() -> int | None:
    """The most memory that this process has held, in megabytes; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(used / (1e6 if sys.platform == "darwin" else 1e3))


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
