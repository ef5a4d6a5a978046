"""The evaluation as files: its numbers, those of every frame, and a page to look at."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from d3talker.config.evaluate import EvaluateSettings
from d3talker.core.files import atomic_file, write_json
from d3talker.core.report import Report
from d3talker.recipes.evaluate_scores import Scorer, lips_apart

NOTHING = {"still_mouth": "a still mouth that follows the true head", "frozen_frame": "one frozen frame"}
"""Ways of doing nothing, by their group in the numbers."""


def write_numbers(settings: EvaluateSettings, numbers: dict[str, Any], scorer: Scorer) -> None:
    """Writes what the settings name: the numbers, and those of every frame."""
    if settings.json is not None:
        write_json(settings.json, numbers)
    if settings.frames is not None:
        rows = [{"frame": numbers["frames"]["first"] + i, **row} for i, row in enumerate(scorer.rows())]
        with atomic_file(settings.frames) as partial, partial.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, fieldnames=list(rows[-1]))
            table.writeheader()
            table.writerows(rows)


def write_evaluation_report(path: Path, numbers: dict[str, Any], scorer: Scorer) -> None:
    """Writes the numbers, the lip-opening traces, and unseen frames from closed to open mouth."""
    report = Report(f"{numbers['person']} on unseen frames of {numbers['clip']}")
    reasons = [(name, f"not computed: {why}", "", "") for name, why in numbers["not_computed"].items()]
    report.table([*number_rows(numbers), *reasons], ("measure", numbers["person"], *NOTHING.values()))
    points = scorer.points()
    seconds = np.arange(len(points["truth"])) / 25
    traces = {kind: (seconds, lips_apart(points[kind])) for kind in ("truth", "predicted")}
    report.plot(traces, "Opening of the lips", "seconds", "parts of the eye distance")
    first, sheet = numbers["frames"]["first"], scorer.sheet()
    report.section("Unseen frames, truth left, head right, from closed to open mouth")
    report.pictures(
        [pair for _, _, pair in sheet],
        [f"frame {first + place}" for place, _, _ in sheet],
        columns=3,
    )
    report.write(path)


def number_rows(numbers: dict[str, Any]) -> list[tuple[str, ...]]:
    """The numbers of an evaluation as rows: measure, the person's, and what doing nothing would score."""
    rows = []
    for group, values in numbers.items():
        if group in ("frames", "not_computed", "notes", *NOTHING) or not isinstance(values, dict):
            continue
        for name, value in values.items():
            beside = [numbers.get(nothing, {}).get(group, {}).get(name) for nothing in NOTHING]
            rows.append((f"{group} {name}".replace("_", " "), *map(_text, (value, *beside))))
    return rows


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
