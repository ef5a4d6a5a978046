"""What a step of every stage of ``adapt`` costs, and how long the preset ``cpu`` would take by that.

    python -m benchmarks.adapting [--studio DIR] [--whole RESOLUTION]

A short training of the built-in speaker's 10 s runs the real stages: the cloud of the face grows to the preset's limit
in 240 steps, then all losses count. Minutes are *projected*: each stage's iterations in the preset times what its last
steps took, with the face's cloud as large as it may get from the first iteration on, plus what the short training took
outside its stages, plus preparing. ``--whole`` runs the preset itself instead, in many minutes.
"""

from __future__ import annotations

import os
import shutil
import statistics
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

from benchmarks.part import part_parser, run_part  # noqa: E402
from benchmarks.results import Measured, Report, table  # noqa: E402
from benchmarks.studio import LEARNED, LENGTH, StageClock, clip, make_person, opened, quick  # noqa: E402
from benchmarks.timing import Spent  # noqa: E402
from d3talker.config.presets import CPU, TINY  # noqa: E402
from d3talker.config.training import AdaptSettings  # noqa: E402
from d3talker.recipes.adapt import with_resolution  # noqa: E402

TARGETS = {256: 6.0, 512: 30.0}
"""Minutes, at most, for a clip of 10 s, preparing included."""
_PREPARE = 2.0  # seconds a second of clip, where nobody measured it
_GROUP, _LAST = 4, 40  # every fourth step of some stages does more than the others; so many steps at the end count
_QUICK = 4.0  # seconds of clip


def iterations(preset: AdaptSettings) -> dict[str, int]:
    """Of every stage by its name."""
    stages = {name: getattr(preset, name) for name in ("listen", "face", "mouth", "fuse", "refine")}
    return {f"train {name}": stage.iterations for name, stage in stages.items()}


def last_steps(spent: Spent) -> tuple[float, float]:
    """Wall and processor milliseconds a step, the median over groups of four, at the end of a stage."""

    def typical(values: list[float]) -> float:
        last = values[-_LAST:]
        groups = [last[i : i + _GROUP] for i in range(len(last) % _GROUP, len(last), _GROUP)] or [last]
        return statistics.median(statistics.mean(group) for group in groups)

    return typical(spent.wall), typical(spent.cpu)


def projected_seconds(steps: dict[str, float], preset: AdaptSettings, besides: float) -> float:
    """Of a whole training, from wall milliseconds a step."""
    return besides + sum(1e-3 * steps.get(name, 0.0) * count for name, count in iterations(preset).items())


def learn(studio: Path, resolution: int, fast: bool, prepare_rate: float, report: Report) -> None:
    """Makes a person and notes what that tells."""
    shutil.rmtree(studio / f"person-{resolution}", ignore_errors=True)
    clock, whole, seconds = StageClock(), Spent(), _QUICK if fast else LEARNED
    length, preset = (_QUICK, lambda _: TINY) if fast else (LENGTH, quick)
    with whole.run():
        person = make_person(studio, resolution, clock, seconds, length, preset)
    trained = {name: spent for name, spent in clock.stages.items() if name in iterations(CPU)}
    besides = (whole.wall[0] - sum(sum(spent.wall) for spent in trained.values())) / 1e3
    besides_cpu = (whole.cpu[0] - sum(sum(spent.cpu) for spent in trained.values())) / 1e3
    steps = {name: last_steps(spent) for name, spent in trained.items()}
    for name, (wall, cpu) in steps.items():
        told = f"adapt, step of {name.removeprefix('train ')}, {resolution}", cpu, "CPU-ms"
        report.measured.append(Measured(*told, note=f"wall {wall:.0f}"))
    walls, cpus = ({name: step[clock] for name, step in steps.items()} for clock in (0, 1))
    full = with_resolution(CPU, resolution)
    prepared = prepare_rate * LEARNED
    minutes = (projected_seconds(walls, full, besides) + prepared) / 60
    cpu_minutes = projected_seconds(cpus, full, besides_cpu) / 60
    target = None if fast else TARGETS.get(resolution)
    name = f"adapt, 10 s clip, {resolution}, preset cpu"
    note = f"**projected**, wall; without preparing {cpu_minutes:.1f} of CPU"
    report.measured.append(Measured(name, minutes, "min", target=target, note=note))
    gaussians = f"{len(person.head.face.gaussians):,} and {len(person.head.mouth.gaussians):,} Gaussians"
    rows = []
    for name, count in iterations(full).items():
        wall, cpu = steps.get(name, (0.0, 0.0))
        rows.append([name, str(count), f"{cpu:.0f}", f"{wall:.0f}", f"{1e-3 * wall * count:.0f}"])
    report.notes += [
        *([""] if report.notes else []),
        f"adapt at {resolution}, {gaussians}; besides the stages {besides:.0f} s ({besides_cpu:.0f} of CPU), preparing "
        f"{prepared:.0f} s; the short training took {whole.wall[0] / 1e3:.0f} s ({whole.cpu[0] / 1e3:.0f} of CPU):",
        "",
        table(["stage", "iterations of the preset", "CPU-ms a step", "wall ms a step", "projected s"], rows),
    ]


def whole_training(studio: Path, resolution: int) -> Report:
    """The preset ``cpu`` itself."""
    clip(studio)
    shutil.rmtree(studio / f"person-{resolution}", ignore_errors=True)
    whole = Spent()
    with whole.run():
        make_person(studio, resolution, preset=lambda size: with_resolution(CPU, size))
    minutes, cpu, target = whole.wall[0] / 6e4, whole.cpu[0] / 6e4, TARGETS.get(resolution)
    told = f"adapt, 10 s clip, {resolution}, preset cpu, without preparing", minutes, "min"
    return Report([Measured(*told, target=target, note=f"CPU {cpu:.1f} min")])


def measure(options: Any) -> Report:
    """At 256 and 512; ``quick`` runs the preset ``tiny``."""
    with opened(options.studio) as studio:
        if options.whole:
            return whole_training(studio, options.whole)
        clip(studio, _QUICK if options.quick else LENGTH)
        report = Report()
        for resolution in [TINY.resolution] if options.quick else TARGETS:
            learn(studio, resolution, options.quick, options.prepare_rate, report)
    return report


def main() -> None:
    parser = part_parser("adapting", __doc__)
    parser.add_argument("--studio", type=Path, help="keeps the clip and the people there")
    parser.add_argument("--whole", type=int, help="runs the whole preset at this resolution instead")
    rate = "seconds that prepare takes a second of clip (benchmarks.preparing)"
    parser.add_argument("--prepare-rate", type=float, default=_PREPARE, help=rate)
    run_part(parser.parse_args(), measure)


if __name__ == "__main__":
    main()
