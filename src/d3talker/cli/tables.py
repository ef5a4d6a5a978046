"""Numbers and findings as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

if TYPE_CHECKING:
    from d3talker.recipes.bench import Bench
    from d3talker.recipes.doctor import Finding
    from d3talker.recipes.licences import Terms
    from d3talker.recipes.motion_compare import Agreement


def print_numbers(numbers: dict[str, Any]) -> None:
    """What ``evaluate`` measured: one row a number, those of doing nothing beside it where there are any."""
    from d3talker.recipes.evaluate_report import number_rows

    table = Table(
        "measure", numbers["person"], "still mouth", "frozen frame", title=f"{numbers['clip']}, unseen frames"
    )
    for row in number_rows(numbers):
        table.add_row(*row)
    Console().print(table)
    for name, why in numbers["not_computed"].items():
        print(f"{name} is not computed: {why}")


def print_bench(bench: Bench) -> None:
    """The first table of a bench, its columns as lines, what failed, and where the page is."""
    first = bench.tables[0]
    table = Table("measure", *(line[0].text for line in first.lines), title=first.title)
    for place, measure in enumerate(first.header[1:], start=1):
        cells = [line[place] for line in first.lines]
        table.add_row(measure, *(f"[bold]{escape(cell.text)}[/]" if cell.best else escape(cell.text) for cell in cells))
    Console().print(table)
    for note in first.notes:
        print(note)
    for why in bench.left_out:
        print(f"left out: {why}")
    for name, reason in bench.failures.items():
        print(f"failed: {name}: {reason}")
    print(f"look at {bench.page}")


def print_agreement(found: Agreement) -> None:
    """How well predicted lips fit tracked ones, and what each number means."""
    table = Table(
        "lips", "correlation", "best", "at lag", "size", title=f"predicted beside tracked, {found.frames} frames"
    )
    for name, together, size in (
        ("opening", found.opening, found.opening_amplitude),
        ("width", found.width, found.width_amplitude),
    ):
        numbers = (f"{together.zero:.3f}", f"{together.best:.3f}", f"{together.lag}", f"{size:.2f}")
        table.add_row(name, *(("none", "", "", together.reason) if together.reason else numbers))
    Console().print(table)
    shut = found.closure
    print("lag: frames that the prediction is late. size: how much it moves, the tracked lips being 1.")
    print(
        f"closure: of {shut.moments} moments with shut lips the prediction shuts in {_percent(shut.recall)};"
        f" of its own, {_percent(shut.precision)} are true (within 2 frames)."
    )


def print_checkup(findings: list[Finding]) -> None:
    """What ``doctor`` found."""
    table = Table("part", "state", "what it means, what to do")
    for finding in findings:
        colour = {"ready": "green", "missing": "yellow", "broken": "red"}.get(finding.state, "")
        table.add_row(finding.part, f"[{colour}]{finding.state}[/]" if colour else finding.state, finding.advice)
    Console().print(table)


def print_terms(terms: list[Terms]) -> None:
    """The licences of weights."""
    table = Table(Column("weights", overflow="fold"), Column("terms", overflow="fold"), show_lines=True)
    for one in terms:
        pinned = ", ".join(part for part in (one.size, one.hash, one.state) if part)
        table.add_row(f"[bold]{one.use}[/]\n{one.file}", f"{one.licence}\n{pinned}")
    Console().print(table)


def _percent(share: float) -> str:
    return "none" if share != share else f"{100 * share:.0f} %"
