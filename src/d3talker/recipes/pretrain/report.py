"""What a run of pre-training shows of itself: losses, and how General and Individual motion share the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from d3talker.core.report import Report

_MONITORS = {
    "cosine": "cosine of General and Individual motion",
    "magnitude_ratio": "size of Individual motion in parts of General motion (0.1 to 0.4 is healthy)",
}


def write_pretrain_report(path: Path, meta: dict[str, Any], history: list[dict[str, Any]]) -> None:
    """Writes ``report.html`` of a prior with ``meta``, from the points that were noted on the way."""
    report = Report(f"d3talker: a prior of {meta['method']['name']}")
    report.table(
        [
            ("people", ", ".join(meta["people"])),
            ("of these, pictures only", ", ".join(meta["of_these_pictures_only"]) or "nobody"),
            ("left out on the way", ", ".join(meta["left_out"]) or "nobody"),
            ("preset", meta["preset"]["name"]),
            ("training", f"{meta['minutes']} min"),
            ("speech features", meta["ears"]["front_end"]),
        ],
        ("what", "value"),
    )
    for stage in ("listen", "face", "mouth", "refine"):
        points = [point for point in history if point["stage"] == stage]
        for key, label in {"loss": "loss", **_MONITORS}.items():
            told = [point for point in points if key in point]
            if told:
                curve = ([point["iteration"] for point in told], _smooth([point[key] for point in told]))
                report.plot({key: curve}, f"{stage} stage", "iteration", label)
    report.write(path)


def _smooth(values: list[float], memory: float = 0.8) -> list[float]:
    """The exponential mean: people differ, and each point is of two of them."""
    told, mean = [], values[0]
    for value in values:
        mean = memory * mean + (1.0 - memory) * value
        told.append(mean)
    return told
