"""Two persons, or two methods of making one, say the same words: a page that plays both in step, with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from d3talker.core.files import read_json
from d3talker.core.progress import Progress, Silent
from d3talker.core.report import Report
from d3talker.models.person import Person
from d3talker.recipes.evaluate_report import number_rows
from d3talker.recipes.talk import TalkSettings, talk

EVALUATION = "evaluation.json"
"""The numbers in a person's folder, where it was measured."""


def compare(
    persons: Sequence[Person],
    audio: Path,
    out: Path,
    settings: TalkSettings | None = None,
    progress: Progress | None = None,
) -> Path:
    """Writes the page ``out`` (.html, all in one file) on which ``persons`` say ``audio`` side by side.

    Raises:
        D3Error: the sound or the settings cannot be used, or ``out`` cannot be written.
    """
    progress = progress or Silent()
    names = [person.path.name for person in persons]
    report = Report(" beside ".join(names))
    with TemporaryDirectory() as folder:
        videos = []
        for number, (name, person) in enumerate(zip(names, persons, strict=True)):
            shown = f"{name} ({person.meta['method']['name']})"
            videos.append((shown, talk(person, audio, Path(folder) / f"{number}.mp4", settings, progress)))
        report.side_by_side(videos, "The same sound drives both; the sound is off until you press its button.")
    report.section("What they are")
    report.table([_what(name, person) for name, person in zip(names, persons, strict=True)], _COLUMNS)
    report.section("Measured on frames that they did not learn from")
    measured = {name: found for name, person in zip(names, persons, strict=True) if (found := _numbers(person))}
    for name in names:
        if name not in measured:
            report.text(f"{name} is not measured.")
    if measured:
        rows = {name: {row[0]: row[1] for row in number_rows(found)} for name, found in measured.items()}
        report.table([(what, *(rows[name].get(what, "") for name in rows)) for what in _all(rows)], ("measure", *rows))
        clips = {found["clip"] for found in measured.values()}
        if len(clips) > 1:
            report.warning(f"They were measured on different clips: {', '.join(sorted(clips))}.")
    report.write(out)
    return out


_COLUMNS = ("person", "method", "preset", "learned from", "training", "pixels")


def _what(name: str, person: Person) -> tuple[str, ...]:
    meta = person.meta
    return (
        name,
        meta["method"]["name"],
        meta["preset"]["name"],
        f"{meta['frames'] / 25:.1f} s",
        f"{meta['training_seconds'] / 60:.1f} min",
        str(meta["resolution"]),
    )


def _numbers(person: Person) -> dict[str, Any]:
    file = person.path / EVALUATION
    return read_json(file, "Measure the person again.") if file.is_file() else {}


def _all(rows: dict[str, dict[str, str]]) -> list[str]:
    """Every measure, in the order of the first that has it."""
    return list(dict.fromkeys(what for found in rows.values() for what in found))
