"""The whole benchmark, ``make bench``: ``python -m benchmarks [--only PART ...] [--quick] [--out runs/bench]``.

Every part is a process of its own, one after the other, so that none inherits another's memory or threads; a part that
fails is told of and the others go on. What they found is printed as it comes, and at last as one table, beside the
machine's ceilings and the distance of every kernel from them. ``bench.json`` and ``bench.md`` hold the same.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported
os.environ.setdefault("GLOG_minloglevel", "2")  # MediaPipe tells much

from benchmarks.machine import Ceilings, facts, measure_ceilings  # noqa: E402
from benchmarks.results import Report, measured_table  # noqa: E402
from benchmarks.roofline import least_milliseconds, roofline_table  # noqa: E402
from d3talker.core.files import atomic_file, read_json, write_json  # noqa: E402

PARTS = {
    "rasterizer": "rasterizer",
    "training_step": "training_step",
    "refiner": "refiner",
    "preparing": "preparing --studio STUDIO",
    "adapting": "adapting --studio STUDIO --prepare-rate RATE",
    "talking_256": "talking --studio STUDIO --resolution 256",
    "talking_512": "talking --studio STUDIO --resolution 512 --rounds 2 --watched 30",
}
"""The modules and what they are told; STUDIO and RATE are filled in."""
QUICK = ("rasterizer", "training_step", "refiner")
"""The parts of ``--quick``: those that need no person."""
_RATE = 2.0  # seconds of preparing a second of clip, where it was not measured


Seconds = dict[str, float]
"""``wall`` and ``CPU``."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument(
        "--quick", action="store_true", help="few runs of the small parts, without targets that need all"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/bench"), help="for bench.json, bench.md and the studio")
    parser.add_argument("--prototype", type=Path, help="another rasterizer to race, a Python file")
    options = parser.parse_args()
    start = _clocks()
    machine, ceilings = facts(), measure_ceilings(options.quick)
    wanted = options.only or list(QUICK if options.quick else PARTS)
    reports, seconds, failed = run_parts(wanted, options)
    seconds["whole"] = _since(start)
    text = markdown(machine, ceilings, reports, seconds, failed)
    write_json(options.out / "bench.json", plain(machine, ceilings, reports, seconds, failed))
    with atomic_file(options.out / "bench.md") as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    print(f"\n{text}\n\n{options.out / 'bench.json'} and bench.md hold this.")
    return 1 if failed else 0


def run_parts(wanted: list[str], options: Any) -> tuple[dict[str, Report], dict[str, Seconds], list[str]]:
    """Reports and seconds by part, and the parts that failed."""
    studio, rate = options.out / "studio", _RATE
    reports: dict[str, Report] = {}
    seconds: dict[str, Seconds] = {}
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in wanted:
            told = Path(scratch) / f"{name}.json"
            command = [*_command(PARTS[name], studio, rate), "--json", str(told)]
            command += ["--quick"] if options.quick else []
            command += ["--prototype", str(options.prototype)] if options.prototype and name == "rasterizer" else []
            print(f"\n## {name}\n", flush=True)
            start = _clocks()
            subprocess.run(command, check=False)
            seconds[name] = _since(start)
            if not told.exists():
                failed.append(name)
                continue
            reports[name] = Report.read(read_json(told, "Run it again."))
            rate = reports[name].facts.get("seconds a second", rate)
    return reports, seconds, failed


def _clocks() -> Seconds:
    spent = os.times()
    return {"wall": spent.elapsed, "CPU": spent.user + spent.system + spent.children_user + spent.children_system}


def _since(start: Seconds) -> Seconds:
    return {name: now - start[name] for name, now in _clocks().items()}


def _command(part: str, studio: Path, rate: float) -> list[str]:
    filled = {"STUDIO": str(studio), "RATE": f"{rate:.3f}"}
    module, *told = (filled.get(word, word) for word in part.split())
    return [sys.executable, "-m", f"benchmarks.{module}", *told]


def markdown(
    machine: dict[str, str],
    ceilings: Ceilings,
    reports: dict[str, Report],
    seconds: dict[str, Seconds],
    failed: list[str],
) -> str:
    """The final table, the machine, the roofline and what each part has to say besides."""
    measured = [one for report in reports.values() for one in report.measured]
    kernels = [one for report in reports.values() for one in report.kernels]
    judged = [one for one in measured if one.met is not None]
    missed = sum(not one.met for one in judged)

    def told(name: str, spent: Seconds) -> str:
        return f"{name} {spent['wall']:.0f} ({spent['CPU']:.0f} of CPU)"

    lines = ["# Benchmark", "", *(f"- {name}: {value}" for name, value in machine.items())]
    lines += [f"- seconds: {', '.join(told(name, spent) for name, spent in seconds.items())}"]
    lines += [f"- **failed**: {', '.join(failed)}"] if failed else []
    lines += [f"- {len(judged)} targets, {missed} missed", "", "## Results", "", measured_table(measured)]
    lines += ["", "## Roofline", "", ceilings.markdown()]
    lines += ["", roofline_table(kernels, ceilings)] if kernels else []
    for name, report in reports.items():
        lines += ["", f"## Part {name}", "", *report.notes] if report.notes else []
    return "\n".join(lines)


def plain(
    machine: dict[str, str],
    ceilings: Ceilings,
    reports: dict[str, Report],
    seconds: dict[str, Seconds],
    failed: list[str],
) -> dict[str, Any]:
    """The same as JSON takes it."""
    told = {name: report.plain() for name, report in reports.items()}
    for name, report in reports.items():
        for kernel, place in zip(report.kernels, told[name]["kernels"], strict=True):
            least, bound = least_milliseconds(kernel.work, ceilings)
            place |= {"least_milliseconds": least, "bound": bound, "distance": kernel.milliseconds / least}
    limits = {name: seen and vars(seen) for name, seen in vars(ceilings).items()}
    return {"machine": machine, "ceilings": limits, "seconds": seconds, "failed": failed, "parts": told}


if __name__ == "__main__":
    sys.exit(main())
