"""Tables of a bench as Markdown and LaTeX; every number of every cell as CSV and JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from d3talker.core.files import atomic_file, write_json
from d3talker.recipes.bench.results import Result
from d3talker.recipes.bench.tables import Cell, Table

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
}  # fmt: skip


def write_markdown(path: Path, intro: list[str], tables: list[Table]) -> None:
    """Writes the tables one below the other; the best of a column is bold."""
    parts = ["\n\n".join(intro), *(_markdown(table) for table in tables)]
    with atomic_file(path) as partial:
        partial.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def write_latex(path: Path, tables: list[Table]) -> None:
    """Writes one ``table`` environment each, for ``\\input`` (packages booktabs and graphicx)."""
    with atomic_file(path) as partial:
        partial.write_text("\n\n".join(_latex(table) for table in tables) + "\n", encoding="utf-8")


def write_numbers(folder: Path, about: dict[str, Any], results: list[Result]) -> None:
    """Writes ``results.json`` and ``results.csv``, one line a cell and view."""
    plain: list[dict[str, Any]] = [
        {
            "clip": one.clip,
            "row": one.row,
            "seconds": one.seconds,
            "seed": one.seed,
            "folder": one.folder.name,
            "numbers": one.numbers,
        }
        for one in results
    ]
    write_json(folder / "results.json", {**about, "cells": plain})
    lines = [
        {key: one[key] for key in ("clip", "row", "seconds", "seed")} | dict(_flat(one["numbers"])) for one in plain
    ]
    names = list(dict.fromkeys(name for line in lines for name in line))
    with atomic_file(folder / "results.csv") as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=names)
        table.writeheader()
        table.writerows(lines)


def _flat(numbers: dict[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in numbers.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{start}{name}.")
        else:
            yield f"{start}{name}", value


def _markdown(table: Table) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    body = [line([f"**{cell.text}**" if cell.best else cell.text for cell in cells]) for cells in table.lines]
    head = [f"## {table.title}", "", line(table.header), "|-" * len(table.header) + "|"]
    return "\n".join([*head, *body, "", *(f"{note}  " for note in table.notes)]).rstrip()


def _latex(table: Table) -> str:
    def line(cells: list[str]) -> str:
        return " & ".join(cells) + r" \\"

    def shown(cell: Cell) -> str:
        return rf"\textbf{{{_escaped(cell.text)}}}" if cell.best else _escaped(cell.text)

    columns = "l" + "r" * (len(table.header) - 1)
    return "\n".join(
        [
            r"\begin{table}",
            rf"\caption{{{_escaped(' '.join([f'{table.title}.', *table.notes]))}}}",
            rf"\resizebox{{\linewidth}}{{!}}{{\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            line([_escaped(name) for name in table.header]),
            r"\midrule",
            *(line([shown(cell) for cell in cells]) for cells in table.lines),
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
        ]
    )


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in text)
