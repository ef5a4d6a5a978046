"""What the cells of a bench measured, as one line a cell and view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from d3talker.core.files import read_json
from d3talker.recipes.bench.cell import Order, driven_file, numbers_file, training_file

_FIX = "Delete it and run the bench again."


@dataclass(frozen=True)
class Measure:
    """A column: where its number is, and whether more or less of it is better."""

    title: str
    place: tuple[str, ...]
    better: int = 0
    """1 more, -1 less, 0 neither."""
    digits: int = 3
    scale: float = 1.0
    needs: str = ""
    """Its name among the reasons why a number is not computed."""

    def of(self, numbers: dict[str, Any]) -> float | None:
        """The number, None where there is none."""
        found: Any = numbers
        for step in self.place:
            found = found.get(step) if isinstance(found, dict) else None
        return None if found is None else self.scale * float(found)


PICTURES = (
    Measure("PSNR", ("whole", "psnr"), 1, 2),
    Measure("SSIM", ("whole", "ssim"), 1),
    Measure("face PSNR", ("face", "psnr"), 1, 2),
    Measure("face SSIM", ("face", "ssim"), 1),
    Measure("head PSNR", ("head", "psnr"), 1, 2),
    Measure("LPIPS", ("whole", "lpips"), -1, needs="lpips"),
)
LIPS = (
    Measure("LMD", ("face", "lmd"), -1, needs="lmd"),
    Measure("LMD-mp", ("face", "lmd_mp"), -1),
    Measure("Sync-C", ("sync", "confidence"), 1, needs="sync"),
    Measure("Sync-D", ("sync", "distance"), -1, needs="sync"),
    Measure("lips r", ("lips", "opening_correlation"), 1, needs="lips opening"),
    Measure("width r", ("lips", "width_correlation"), 1, needs="lips width"),
)
COST = (
    Measure("minutes", ("training_seconds",), -1, 1, 1 / 60),
    Measure("FPS", ("speed", "frames_per_second"), 1, 1),
    Measure("memory GB", ("peak_memory_mb",), -1, 2, 1e-3),
)
MORE = (
    Measure("AUE-mp lower", ("face", "aue_mp_lower"), -1),
    Measure("AUE-mp upper", ("face", "aue_mp_upper"), -1),
    Measure("lag ms", ("lips", "opening_lag_ms"), 0, 0),
    Measure("amplitude", ("lips", "opening_amplitude_ratio")),
    Measure("shut on p b m", ("closures", "shut_on_bilabials")),
    Measure("apart in pauses", ("closures", "opening_in_pauses")),
    Measure("moves in pauses", ("closures", "movement_in_pauses"), 0, 4),
    Measure("mouth PSNR", ("mouth", "psnr"), 1, 2),
    Measure("gain dB", ("gain_over_still_mouth", "psnr_gain"), 1, 2),
    Measure("mouth sharpness", ("mouth", "sharpness"), 0, 2),
    Measure("flicker", ("head", "flicker"), -1, 2),
    Measure("jitter px", ("motion", "jitter_beyond_truth_px"), 0),
)
DRIVEN = (
    Measure("lips r", ("driven", "opening_correlation"), 1),
    Measure("width r", ("driven", "width_correlation"), 1),
    Measure("lag ms", ("driven", "opening_lag_ms"), 0, 0),
    Measure("amplitude", ("driven", "opening_amplitude_ratio")),
    Measure("shut on p b m", ("driven", "shut_on_bilabials")),
    Measure("Sync-C", ("driven", "sync_confidence"), 1, needs="sync"),
    Measure("Sync-D", ("driven", "sync_distance"), -1, needs="sync"),
)
NOTHING = ("still_mouth", "frozen_frame")
_TRUTH_ENDS = "_in_truth", "_of_truth"


@dataclass(frozen=True)
class Result:
    """One cell in one view."""

    clip: str
    row: str
    seconds: float
    seed: int
    view: str
    folder: Path
    numbers: dict[str, Any]
    """Of ``evaluate``, with ``peak_memory_mb``, ``said`` (by speaker) and their mean, ``driven``."""


def read_results(orders: list[Order]) -> list[Result]:
    """What is done of them."""
    results = []
    for order in orders:
        folder, cell = Path(order.folder), order.cell
        if not is_done(order):
            continue
        said = {one.name: read_json(driven_file(folder, one.name), _FIX) for one in order.speakers}
        driven = {"said": said, "driven": _mean_said(list(said.values()))} if said else {}
        training = read_json(training_file(folder), _FIX) if training_file(folder).exists() else {}
        for view in cell.views:
            numbers = read_json(numbers_file(folder, view), _FIX) | training | (driven if view == "all" else {})
            name = cell.row.name if view == "all" else f"{cell.row.name}, {view} field only"
            results.append(Result(cell.clip, name, cell.seconds, cell.seed, view, folder, numbers))
    return results


def is_done(order: Order) -> bool:
    """Whether everything of a cell is measured."""
    folder = Path(order.folder)
    measured = all(numbers_file(folder, view).exists() for view in order.cell.views)
    return measured and all(driven_file(folder, one.name).exists() for one in order.speakers)


def _mean_said(said: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over speakers of the numbers that there are."""
    mean: dict[str, Any] = {"not_computed": {name: why for one in said for name, why in one["not_computed"].items()}}
    for name in said[0]:
        values = [one[name] for one in said if isinstance(one[name], int | float)]
        if values:
            mean[name] = sum(values) / len(values)
    return mean


def doing_nothing(result: Result, how: str) -> dict[str, Any]:
    """The numbers of a still mouth or a frozen frame, in the groups of a head's."""
    return dict(result.numbers.get(how, {}))


def truth_of(result: Result) -> dict[str, Any]:
    """The real speaker's own numbers, in the groups of a head's; other groups are what equality gives."""
    return {
        group: {
            name.removesuffix(end): value
            for name, value in result.numbers.get(group, {}).items()
            for end in _TRUTH_ENDS
            if name.endswith(end)
        }
        for group in ("closures", "sync", "driven")
    }
