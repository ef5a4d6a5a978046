"""The evaluation as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from d3talker.core.report import Report
from d3talker.recipes.evaluate_scores import Scorer

NOTHING = {"still_mouth": "a still mouth that follows the true head", "frozen_frame": "one frozen frame"}
"""Ways of doing nothing, by their group in the numbers."""


def write_evaluation_report(path: Path, numbers: dict[str, Any], scorer: Scorer) -> None:
    """Writes the numbers, the lip-opening traces, and unseen frames from closed to open mouth."""
    report = Report(f"{numbers['person']} on unseen frames of {numbers['clip']}")
    reasons = [(name, f"not computed: {why}", "", "") for name, why in numbers["not_computed"].items()]
    report.table([*number_rows(numbers), *reasons], ("measure", numbers["person"], *NOTHING.values()))
    seconds = np.arange(len(scorer.lips["truth"])) / 25
    traces = {name: (seconds, trace) for name, trace in scorer.lips.items()}
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
        if group in ("frames", "not_computed", *NOTHING) or not isinstance(values, dict):
            continue
        for name, value in values.items():
            beside = [numbers[nothing].get(group, {}).get(name) for nothing in NOTHING]
            rows.append((f"{group} {name}".replace("_", " "), *map(_text, (value, *beside))))
    return rows


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
