"""Numbers and findings as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from d3talker.recipes.doctor import Finding


def print_numbers(numbers: dict[str, Any]) -> None:
    """What ``evaluate`` measured: one row a number, the still mouth's beside it where there is one."""
    table = Table("measure", numbers["person"], "still mouth", title=f"{numbers['clip']}, unseen frames")
    still = numbers.get("still_mouth", {})
    for group, values in numbers.items():
        if group in ("still_mouth", "frames") or not isinstance(values, dict):
            continue
        for name, value in values.items():
            beside = still.get(group, {}).get(name) if isinstance(still.get(group), dict) else None
            table.add_row(f"{group} {name}".replace("_", " "), _text(value), "" if beside is None else _text(beside))
    Console().print(table)


def print_checkup(findings: list[Finding]) -> None:
    """What ``doctor`` found."""
    table = Table("part", "state", "what it means, what to do")
    for finding in findings:
        colour = {"ready": "green", "missing": "yellow", "broken": "red"}.get(finding.state, "")
        table.add_row(finding.part, f"[{colour}]{finding.state}[/]" if colour else finding.state, finding.advice)
    Console().print(table)


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
