"""How long ``prepare`` takes for 20 s of video, by stage, and its memory: ``python -m benchmarks.preparing``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

from benchmarks.memory import peak  # noqa: E402
from benchmarks.part import part_parser, run_part  # noqa: E402
from benchmarks.results import Measured, Report, table  # noqa: E402
from benchmarks.studio import LENGTH, StageClock, aside, film, opened  # noqa: E402
from benchmarks.timing import Spent  # noqa: E402
from d3talker.recipes.prepare import prepare  # noqa: E402

TARGET = 40.0  # seconds for 20 s of video, at most
_QUICK = 4.0  # seconds of video


def measure(options: Any) -> Report:
    """Once: it is long, and every frame of it is a repetition."""
    seconds = _QUICK if options.quick else LENGTH
    with opened(options.studio) as studio:
        aside(studio, "film", seconds)
        video, folder = film(studio, seconds), studio / f"clip-{seconds:g}"
        before = peak()
        shutil.rmtree(folder, ignore_errors=True)
        clock, whole = StageClock(), Spent()
        with whole.run():
            prepare(video, folder, progress=clock)
    wall, cpu = whole.wall[0] / 1e3, whole.cpu[0] / 1e3
    name, note = f"prepare, {seconds:g} s of 512 x 512", f"CPU {cpu:.0f} s, {wall / seconds:.2f} s a second"
    report = Report([Measured(name, wall, "s", target=None if options.quick else TARGET, note=note)])
    report.measured.append(Measured("prepare, peak memory", peak(), "MB", note=f"{before:.0f} before"))
    report.facts = {"seconds a second": wall / seconds}
    stages = [[name, f"{sum(s.wall) / 1e3:.1f}", f"{sum(s.cpu) / 1e3:.1f}"] for name, s in clock.stages.items()]
    report.notes = [table(["stage", "wall s", "CPU s"], stages)]
    return report


def main() -> None:
    parser = part_parser("preparing", __doc__)
    parser.add_argument("--studio", type=Path, help="keeps the film and the clip there")
    run_part(parser.parse_args(), measure)


if __name__ == "__main__":
    main()
