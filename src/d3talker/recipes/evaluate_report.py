"""The evaluation as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from d3talker.core.report import Report
from d3talker.recipes.evaluate_scores import Scorer


def write_evaluation_report(path: Path, numbers: dict[str, Any], scorer: Scorer) -> None:
    """Writes the numbers, the lip-opening traces, and unseen frames from closed to open mouth."""
    report = Report(f"{numbers['person']} on unseen frames of {numbers['clip']}")
    still = numbers["still_mouth"]
    rows = [
        (f"{group} {name}".replace("_", " "), _text(value), _text(still.get(group, {}).get(name)))
        for group in ("whole", "head", "mouth", "lips", "closures", "gain_over_still_mouth", "motion", "speed")
        for name, value in numbers[group].items()
    ]
    report.table(rows, ("measure", numbers["person"], "a still mouth that follows the true head"))
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


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
