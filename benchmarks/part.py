"""The command line that every part of the benchmark shares: prints its table, writes its report for the harness."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.results import Report
from d3talker.core.files import write_json


def part_parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    """With what the harness gives to every part."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=(doc or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few runs of the smallest thing: for looking around")
    parser.add_argument("--json", type=Path, help="writes the numbers there")
    return parser


def run_part(options: Any, measure: Callable[[Any], Report]) -> Report:
    """Measures, prints and writes."""
    report = measure(options)
    print(report.markdown(), flush=True)
    if options.json:
        write_json(options.json, report.plain())
    return report
