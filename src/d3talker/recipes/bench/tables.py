"""The tables of a bench, in the shapes of D3-Talker's Tables 1 to 4: mean over clips, and spread over seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from d3talker.recipes.bench.results import (
    COST,
    DRIVEN,
    LIPS,
    MORE,
    NOTHING,
    PICTURES,
    Measure,
    Result,
    doing_nothing,
    truth_of,
)

NONE = "–"
"""What stands where a number would mean nothing; where one could not be computed stands which note says why."""
Numbers = Callable[[Result], dict[str, Any]]


@dataclass(frozen=True)
class Cell:
    """What a table shows at one place."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A heading, columns, lines, and what is to be known beside them."""

    title: str
    header: list[str]
    lines: list[list[Cell]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    """One line of a table of measures: its name, results, and which numbers of them count."""

    name: str
    results: list[Result]
    numbers: Numbers
    competes: bool = True


def make_tables(results: Sequence[Result], methods: Sequence[str]) -> list[Table]:
    """All tables that the results can fill; 1, 3 and 4 are of 10 s of training where there are, else of the longest.

    Args:
        results: of all cells that are done.
        methods: rows of Tables 1 to 3, in order.
    """
    seconds = sorted({result.seconds for result in results})
    length = 10.0 if 10.0 in seconds else max(seconds)
    whole = [result for result in results if result.row in methods]
    at_length = [result for result in results if result.seconds == length]
    tables = [
        _methods_table(f"Table 1: methods at {length:g} s", at_length, methods, (*PICTURES, *LIPS, *COST)),
        _methods_table(f"Table 1, more: methods at {length:g} s", at_length, methods, MORE),
    ]
    if len(seconds) > 1:
        tables.append(_lengths_table(whole, methods, seconds))
    if any(result.numbers.get("driven") for result in at_length):
        tables.append(_driven_table(length, at_length, methods))
    others = list(dict.fromkeys(result.row for result in at_length if result.row not in methods))
    if others:
        rows = ["d3talker", *others]
        columns = (*PICTURES, *LIPS, *(one for one in MORE if one.title in ("amplitude", "mouth sharpness")))
        tables.append(_methods_table(f"Table 4: ablations at {length:g} s", at_length, rows, columns))
    tables.append(_clips_table(whole, methods, seconds))
    return [table for table in tables if table.lines]


def _methods_table(title: str, results: list[Result], rows: Sequence[str], measures: Sequence[Measure]) -> Table:
    """Methods, below each what its still mouth scores; a frozen frame and the truth in the end."""
    shared, notes = in_all(results, rows)
    lines = []
    for row in rows:
        own = [result for result in shared if result.row == row]
        lines.append(Line(row, own, _own))
        lines.append(Line(f"{row}, still mouth", own, lambda result: doing_nothing(result, NOTHING[0]), False))
    first = [result for result in shared if result.row == shared[0].row]
    lines.append(Line("frozen frame", first, lambda result: doing_nothing(result, NOTHING[1]), False))
    lines.append(Line("the truth", first, truth_of, False))
    return _fill(title, lines, measures, notes)


def _lengths_table(results: list[Result], methods: Sequence[str], seconds: Sequence[float]) -> Table:
    """Measures down, methods and seconds across."""
    kinds = [(method, length) for method in methods for length in seconds]
    shared, notes = in_all(results, kinds, row_and_seconds)
    lines = [
        Line(f"{method} {length:g} s", [r for r in shared if row_and_seconds(r) == (method, length)], _own)
        for method, length in kinds
    ]
    measures = (*PICTURES, *LIPS, *(one for one in MORE if one.title in ("gain dB", "mouth sharpness")), COST[0])
    filled = _fill("Table 2: seconds of training", lines, measures, notes)
    if not filled.lines:
        return filled
    turned = [
        [Cell(name), *cells] for name, *cells in zip(filled.header[1:], *(r[1:] for r in filled.lines), strict=True)
    ]
    return Table(filled.title, ["measure", *(line[0].text for line in filled.lines)], turned, filled.notes)


def _driven_table(length: float, results: list[Result], methods: Sequence[str]) -> Table:
    """Lips beside those of the speaker whose words they say; then each pair."""
    shared, notes = in_all(results, methods)
    pairs = list(dict.fromkeys((r.clip, speaker) for r in shared for speaker in r.numbers.get("said", {})))
    measures = list(DRIVEN)
    title = f"Table 3: other people's words, {length:g} s"
    done = [method for method in methods if any(result.row == method for result in shared)]
    if not done:
        return Table(title, [], [])
    lines = [Line(method, [r for r in shared if r.row == method], _own) for method in done]
    told = _fill(title, lines, measures, notes)
    for head, speaker in pairs:
        told.header.append(f"{head} says {speaker}: lips r")
        pair = Measure("", ("said", speaker, "opening_correlation"))
        texts = []
        for line in lines:
            own = [result for result in line.results if result.clip == head]
            texts.append(_value(own, line.numbers, pair))
        best = max((value for value, _ in texts if value is not None), default=None)
        for cells, (value, text) in zip(told.lines, texts, strict=True):
            cells.append(Cell(text, len(texts) > 1 and value is not None and value == best))
    truth = Line("the truth", [r for r in shared if r.row == done[0]], truth_of, False)
    spoken = [Cell(_value(truth.results, truth.numbers, measure)[1]) for measure in measures]
    told.lines.append([Cell(truth.name), *spoken, *(Cell(NONE) for _ in pairs)])
    return told


def _clips_table(results: list[Result], methods: Sequence[str], seconds: Sequence[float]) -> Table:
    """Every clip, length and method, mean over seeds."""
    lines = []
    for clip in dict.fromkeys(result.clip for result in results):
        for length in seconds:
            for method in methods:
                own = [r for r in results if (r.clip, r.seconds, r.row) == (clip, length, method)]
                if own:
                    lines.append(Line(f"{clip} {length:g} s {method}", own, _own, False))
    measures = (PICTURES[0], PICTURES[4], *LIPS, *MORE[2:], COST[0])
    return _fill("Every clip", lines, measures, [])


def _fill(title: str, lines: list[Line], measures: Sequence[Measure], notes: list[str]) -> Table:
    """A line of numbers for each line of results; the best of those that compete is marked, and why one is missing."""
    columns, legend = [], _Legend()
    for measure in measures:
        values = [_value(line.results, line.numbers, measure) for line in lines]
        racing = [v for line, (v, _) in zip(lines, values, strict=True) if line.competes and v is not None]
        best = (max(racing) if measure.better > 0 else min(racing)) if measure.better and len(racing) > 1 else None
        columns.append(
            [
                Cell(
                    legend.mark(line, measure) if value is None else text,
                    line.competes and value is not None and value == best,
                )
                for line, (value, text) in zip(lines, values, strict=True)
            ]
        )
    arrows = {1: " ↑", -1: " ↓", 0: ""}
    header = ["", *(f"{measure.title}{arrows[measure.better]}" for measure in measures)]
    kept = [
        [Cell(line.name), *(column[place] for column in columns)]
        for place, line in enumerate(lines)
        if line.results and (line.competes or any(column[place].text != NONE for column in columns))
    ]
    return Table(title, header, kept, [*notes, *legend.notes()])


class _Legend:
    """Numbers the reasons why something is not computed, in the order of their coming."""

    def __init__(self) -> None:
        self._reasons: list[str] = []

    def mark(self, line: Line, measure: Measure) -> str:
        """What stands in the place of a number."""
        told = [{**r.numbers, **r.numbers.get("driven", {})}.get("not_computed", {}) for r in line.results]
        why = next((reasons[measure.needs] for reasons in told if measure.needs in reasons), None)
        if why is None or not line.competes:
            return NONE
        if why not in self._reasons:
            self._reasons.append(why)
        return f"none [{self._reasons.index(why) + 1}]"

    def notes(self) -> list[str]:
        """The reasons, numbered."""
        return [f"[{number}] not computed: {why}" for number, why in enumerate(self._reasons, start=1)]


def _value(results: list[Result], numbers: Numbers, measure: Measure) -> tuple[float | None, str]:
    """Mean over clips, then over seeds, and its text: with the spread over seeds, and how many clips have a number."""
    by_seed, counted = means_of_seeds(results, numbers, measure)
    if not by_seed:
        return None, NONE
    mean, clips = float(np.mean(by_seed)), {result.clip for result in results}
    text = f"{mean:.{measure.digits}f}"
    if len(by_seed) > 1:
        text += f" ± {np.std(by_seed, ddof=1):.{measure.digits}f}"
    return mean, text if counted == clips else f"{text} ({len(counted)} of {len(clips)})"


def means_of_seeds(results: list[Result], numbers: Numbers, measure: Measure) -> tuple[list[float], set[str]]:
    """For each seed the mean over clips that have a number, and these clips."""
    means: list[float] = []
    counted: set[str] = set()
    for seed in sorted({result.seed for result in results}):
        told = {result.clip: measure.of(numbers(result)) for result in results if result.seed == seed}
        known = {clip: value for clip, value in told.items() if value is not None}
        counted |= known.keys()
        if known:
            means.append(float(np.mean(list(known.values()))))
    return means, counted


def row_and_seconds(result: Result) -> tuple[str, float]:
    """What Table 2 has a column for."""
    return result.row, result.seconds


def in_all(
    results: list[Result], kinds: Sequence[Any], kind: Callable[[Result], Any] = lambda result: result.row
) -> tuple[list[Result], list[str]]:
    """The results on clips and seeds that every kind has, so that all means are over the same; and what they are."""
    places: dict[Any, set[tuple[str, int]]] = {one: set() for one in kinds}
    for result in results:
        if kind(result) in places:
            places[kind(result)].add((result.clip, result.seed))
    filled = {one: found for one, found in places.items() if found}
    if not filled:
        return [], []
    shared = set.intersection(*filled.values())
    if not shared:
        return [], []
    seeds = sorted({seed for _, seed in shared})
    clips = sorted(clip for clip, seed in shared if seed == seeds[0])
    seeds = [seed for seed in seeds if {(clip, seed) for clip in clips} <= shared]
    kept = [result for result in results if kind(result) in filled and result.clip in clips and result.seed in seeds]
    note = f"Mean over {', '.join(clips)}"
    if len(seeds) > 1:
        note += f"; ± is the standard deviation over seeds {', '.join(map(str, seeds))}"
    missing = sorted({clip for found in filled.values() for clip, _ in found} - set(clips))
    return kept, [f"{note}." + (f" Not done in every row and left out: {', '.join(missing)}." if missing else "")]


def _own(result: Result) -> dict[str, Any]:
    return result.numbers
