"""One cell of a bench: train, measure, drive; what is done is not done again."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from d3talker.config.evaluate import EvaluateSettings
from d3talker.config.method import as_published
from d3talker.config.presets import PRESETS
from d3talker.core.device import choose_device
from d3talker.core.files import write_json
from d3talker.core.progress import Progress
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
