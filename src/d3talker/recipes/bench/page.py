"""The bench as a page to look at: tables, plots, heads side by side."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from d3talker.core.report import Report
from d3talker.media.audio import read_audio
from d3talker.media.video import VideoWriter, probe, read_frames
from d3talker.recipes.bench.results import LIPS, MORE, PICTURES, Measure, Result
from d3talker.recipes.bench.tables import Table, in_all, means_of_seeds, row_and_seconds
from d3talker.recipes.evaluate_judges import SAVED
from d3talker.signals.speech import RATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_SECONDS = 8
"""Of every clip in the videos and traces."""
_LARGEST_PAGE = 80_000_000  # bytes of videos
_CURVES = (LIPS[1], LIPS[4], PICTURES[4], next(one for one in MORE if one.title == "mouth sharpness"))
_TRUTH = "truth"


def write_page(
    path: Path,
    about: list[str],
    warnings: list[str],
    tables: list[Table],
    results: list[Result],
    methods: Sequence[str],
    scratch: Path,
) -> None:
    """Writes ``report.html``.

    Args:
        path: where.
        about: lines on what was run on which machine.
        warnings: what failed or was left out.
        tables: see :func:`.tables.make_tables`.
        results: of the cells that are done.
        methods: that are compared in plots and videos.
        scratch: folder for the small videos that go into the page; those that are there are used again.
    """
    report = Report("d3talker bench")
    report.text("\n".join(about))
    for warning in warnings:
        report.warning(warning)
    for table in tables:
        report.section(table.title)
        best = {(i, j) for i, line in enumerate(table.lines) for j, cell in enumerate(line) if cell.best}
        report.table([[cell.text for cell in line] for line in table.lines], table.header, best)
        report.text("\n".join(table.notes))
    shown = [result for result in results if result.row in methods and result.view == "all"]
    _plot_lengths(report, shown, methods)
    _plot_losses(report, shown, methods)
    room = _LARGEST_PAGE
    seed = min((result.seed for result in shown), default=0)
    for clip in dict.fromkeys(result.clip for result in shown):
        own = [result for result in shown if (result.clip, result.seed) == (clip, seed)]
        for seconds in sorted({result.seconds for result in own}):
            heads = sorted(
                (result for result in own if result.seconds == seconds), key=lambda result: methods.index(result.row)
            )
            report.section(f"{clip}, {seconds:g} s of training")
            _plot_lips(report, heads)
            room -= _side_by_side(report, heads, scratch, room)
    report.write(path)


def _plot_lengths(report: Report, results: list[Result], methods: Sequence[str]) -> None:
    lengths = sorted({result.seconds for result in results})
    shared, notes = in_all(results, [(method, length) for method in methods for length in lengths], row_and_seconds)
    if len(lengths) < 2 or not shared:
        return
    report.section("Quality and seconds of training")
    report.text(" ".join(notes))
    for measure in _CURVES:
        drawing = _lengths_drawing(measure, methods, lengths, shared)
        report.plot(drawing, measure.title, "seconds of training", size=(6.0, 2.8))


def _lengths_drawing(
    measure: Measure, methods: Sequence[str], lengths: list[float], results: list[Result]
) -> Callable[[Axes], None]:
    def draw(axes: Axes) -> None:
        for method in methods:
            own = [[r for r in results if row_and_seconds(r) == (method, length)] for length in lengths]
            seeds = [means_of_seeds(found, lambda result: result.numbers, measure)[0] or [np.nan] for found in own]
            spreads = [float(np.std(values, ddof=1)) if len(values) > 1 else 0.0 for values in seeds]
            means = [float(np.mean(values)) for values in seeds]
            axes.errorbar(lengths, means, yerr=spreads, label=method, marker="o", capsize=3)
        axes.set_xticks(lengths)
        axes.set_ylabel(measure.title)
        axes.legend(frameon=False)

    return draw


def _plot_losses(report: Report, results: list[Result], methods: Sequence[str]) -> None:
    """Loss curves of the stages, of the first clip at its most seconds."""
    if not results:
        return
    first = results[0]
    longest = max(result.seconds for result in results if result.clip == first.clip)
    heads = [r for r in results if (r.clip, r.seed, r.seconds) == (first.clip, first.seed, longest)]
    curves: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for head in heads:
        notes = head.folder / "work" / "notebook" / "metrics.jsonl"
        if not notes.exists():
            continue
        for line in notes.read_text(encoding="utf-8").splitlines():
            point = json.loads(line)
            steps, losses = curves.setdefault(point["stage"], {}).setdefault(head.row, ([], []))
            steps.append(point["iteration"])
            losses.append(point["loss"])
    if curves:
        report.section(f"Loss curves, {first.clip}, {longest:g} s")
    for stage, lines in curves.items():
        report.plot(lines, f"{stage} stage", "iteration", "loss", size=(6.0, 2.4))


def _plot_lips(report: Report, heads: list[Result]) -> None:
    """Lip openings of the truth and the heads over the sound."""
    traces: dict[str, np.ndarray] = {}
    for head in heads:
        place = head.folder / "frames.csv"
        if not place.exists():
            continue
        with place.open(newline="", encoding="utf-8") as file:
            rows = list(islice(csv.DictReader(file), 25 * SHOWN_SECONDS))
        for name, column in ((_TRUTH, "opening_truth"), (head.row, "opening_predicted")):
            traces.setdefault(name, np.array([float(row[column] or "nan") for row in rows]))
    if not traces:
        return
    video = heads[0].folder / "videos" / SAVED["truth"]
    sound = read_audio(video, RATE)[: SHOWN_SECONDS * RATE] if video.exists() else np.zeros(0, np.float32)

    def draw(axes: Axes) -> None:
        behind = axes.twinx()
        behind.plot(np.arange(len(sound)) / RATE, sound, color="0.75", linewidth=0.3, zorder=0)
        behind.set(ylim=(-1.2, 1.2), yticks=[])
        behind.spines[["top", "right"]].set_visible(False)
        axes.set_zorder(1)
        axes.patch.set_visible(False)
        for name, trace in traces.items():
            style = {"color": "black", "linewidth": 1.6} if name == _TRUTH else {"linewidth": 1.1}
            axes.plot(np.arange(len(trace)) / 25, trace, label=name, **style)  # type: ignore[arg-type]
        axes.legend(frameon=False, ncols=len(traces), loc="upper right")

    caption = "Opening of the lips over the sound, first unseen seconds"
    report.plot(draw, caption, "seconds", "parts of the eye distance", size=(10.0, 2.8))


def _side_by_side(report: Report, heads: list[Result], scratch: Path, room: int) -> int:
    """Adds the videos of truth and heads, if there is room for them; the bytes that they take."""
    videos = []
    for name, head, kind in [(_TRUTH, heads[0], "truth"), *((head.row, head, "predicted") for head in heads)]:
        source = head.folder / "videos" / SAVED[kind]
        if source.exists():
            videos.append((name, _small(source, scratch / f"{head.folder.name}-{kind}.mp4", kind == "truth")))
    size = sum(video.stat().st_size for _, video in videos) * 4 // 3
    if not videos:
        return 0
    if size > room:
        report.text(
            f"The videos would make this page too large; they are in {heads[0].folder.name}/videos and beside it."
        )
        return 0
    report.side_by_side(videos, f"The first {SHOWN_SECONDS} unseen seconds; the sound is the speaker's own")
    return size


def _small(source: Path, target: Path, heard: bool) -> Path:
    if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
        return target
    info = probe(source)
    with VideoWriter(target, info.width, info.height, sound_rate=RATE if heard else None) as video:
        for frame in islice(read_frames(source), 25 * SHOWN_SECONDS):
            video.write(frame)
        if heard:
            video.write_sound(read_audio(source, RATE))
    return target
