"""CPU time of the ``cpu`` rasterizer against torch autograd, in one process: ``python -m benchmarks.rasterizer``.

CPU time is user plus system time of all threads, the least of several interleaved runs: what other work on the machine
disturbs least. The exit status is 1 where the floor of continuous integration is not held.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.part import part_parser, run_part
from benchmarks.results import Kernel, Measured, Report, against, number, table
from benchmarks.scene import head_scene
from benchmarks.timing import Piece, race
from benchmarks.torch_tiles import render_tiles
from benchmarks.work import needed_pairs, rasterizer_work
from d3talker.ops.pool import pool_of, shared_pool
from d3talker.ops.rasterize import rasterize

TARGET, FLOOR = 60.0, 25.0  # times less CPU time than torch: wanted, and needed in continuous integration
BACKWARD, SCALING, PARALLEL, PROTOTYPE = 2.0, 1.6, 0.6, 1.2  # at most
_DIFFERENTIATED = ("means", "quats", "scales", "opacities", "features")
Render = Callable[[dict[str, Tensor], int], tuple[Tensor, ...]]


def render_cpu(scene: dict[str, Tensor], size: int) -> tuple[Tensor, ...]:
    out = rasterize(**scene, width=size, height=size, backend="cpu")
    return out.features, out.alpha, out.depth


def render_torch(scene: dict[str, Tensor], size: int) -> tuple[Tensor, ...]:
    return render_tiles(scene, size, size)


def load_prototype(path: Path) -> Render:
    """Wraps another rasterizer to race: a module with ``Rast`` and ``rasterize``, depth as a fourth channel."""
    sys.path.insert(0, str(path.parent))
    module: Any = importlib.import_module(path.stem)
    state = module.Rast(shared_pool().workers)

    def render(scene: dict[str, Tensor], size: int) -> tuple[Tensor, ...]:
        background = torch.cat([scene["background"], torch.zeros(1)])
        camera = scene["world_to_cam"][0], scene["intrinsics"][0], size, size
        return module.rasterize(state, *(scene[name] for name in _DIFFERENTIATED), *camera, background)

    return render


def piece(name: str, render: Render, scene: dict[str, Tensor], size: int, runs: int | None = None) -> Piece:
    """A rasterizer on a scene."""
    learns = [scene[part].requires_grad_() for part in _DIFFERENTIATED]
    return Piece(name, lambda: render(scene, size), learns, runs)


def contest(count: int, size: int, rounds: int, prototype: Render | None, quick: bool) -> dict[str, Piece]:
    """``cpu``, torch, and whoever else was given, on one scene."""
    scene = head_scene(count, size)
    racers = [piece("cpu", render_cpu, scene, size)]
    if prototype:
        racers.append(piece("prototype", prototype, scene, size))
    return race([*racers, piece("torch", render_torch, scene, size, 1 if quick else 2)], rounds)


def covering(count: int, size: int, rounds: int) -> Piece:
    """``cpu`` on Gaussians that shrink as their number grows."""
    return race([piece("cpu", render_cpu, head_scene(count, size, covering=True), size)], rounds)["cpu"]


def kernels(count: int, size: int, rounds: int) -> list[Kernel]:
    """Both ways on one thread, and the least they must do."""
    scene = head_scene(count, size)
    with pool_of(1):
        alone = race([piece("cpu", render_cpu, scene, size)], rounds)["cpu"]
    pairs = needed_pairs(scene, size)
    forward, backward = rasterizer_work(pairs, count, size)
    where, covered = f"{count:,} at {size}", f"{pairs / size**2:.1f} Gaussians a pixel"
    return [
        Kernel(f"rasterizer forward, {where}", alone.ahead.least, forward, covered),
        Kernel(f"rasterizer backward, {where}", alone.back.least, backward),
    ]


def judged(name: str, raced: dict[str, Piece], full: bool) -> list[Measured]:
    """What is claimed of one contest; targets hold for the ``full`` sizes."""
    ours, tiles = raced["cpu"], raced["torch"]
    wanted = (lambda target: target) if full else (lambda target: None)
    told = [
        against(f"rasterizer F + B, {name}", ours.least, "torch tiles", tiles.least, wanted(TARGET)),
        Measured(
            f"rasterizer B, {name}",
            ours.back.least,
            "CPU-ms",
            f"its F: {number(ours.ahead.least)}",
            ours.back.least / ours.ahead.least,
            wanted(BACKWARD),
        ),
    ]
    if "prototype" in raced:
        other = raced["prototype"].least
        reference = f"prototype: {number(other)}"
        told.append(
            Measured(
                f"rasterizer F + B, {name}", ours.least, "CPU-ms", reference, ours.least / other, wanted(PROTOTYPE)
            )
        )
    return told


def detail_row(name: str, raced: dict[str, Piece]) -> list[str]:
    """Of the table with both ways apart."""
    ours, tiles = raced["cpu"], raced["torch"]
    wall = min(ours.ahead.wall) + min(ours.back.wall)
    row = [
        name,
        f"{ours.ahead.least:.1f} / {ours.back.least:.1f}",
        f"{ours.ahead.median:.1f} / {ours.back.median:.1f}",
        f"{tiles.ahead.least:.0f} / {tiles.back.least:.0f}",
        f"{tiles.least / ours.least:.0f}",
        f"{ours.back.least / ours.ahead.least:.2f}",
        f"{min(ours.ahead.wall):.1f} / {min(ours.back.wall):.1f}",
        f"{wall / ours.least:.2f}",
    ]
    if "prototype" in raced:
        other = raced["prototype"]
        row += [f"{other.ahead.least:.1f} / {other.back.least:.1f}", f"{ours.least / other.least:.2f}"]
    return row


def measure(options: Any) -> Report:
    """All sizes, or one small one that tests can wait for."""
    torch.set_num_threads(1)
    full, rounds = not options.quick, 5 if options.quick else options.runs
    prototype = load_prototype(options.prototype) if options.prototype else None
    sizes = [(n, r) for n in (10_000, 20_000) for r in (256, 512)] if full else [(3_000, 128)]
    raced = {f"{n:,}, {r}": contest(n, r, rounds, prototype, options.quick) for n, r in sizes}
    report = Report()
    for name, pieces in raced.items():
        report.measured += judged(name, pieces, full)
        report.facts[f"torch : cpu, {name}"] = pieces["torch"].least / pieces["cpu"].least
    (few, many), size = ((20_000, 40_000), 512) if full else ((2_000, 4_000), 128)
    small, large = covering(few, size, rounds).least, covering(many, size, rounds).least
    name, reference = f"rasterizer F + B, {many:,} covering, {size}", f"{few:,}: {number(small)}"
    report.measured.append(Measured(name, large, "CPU-ms", reference, large / small, SCALING if full else None))
    walls = [
        (min(pieces["cpu"].ahead.wall) + min(pieces["cpu"].back.wall), pieces["cpu"].least) for pieces in raced.values()
    ]
    wall, cpu = max(walls, key=lambda pair: pair[0] / pair[1])
    target = PARALLEL if full and shared_pool().workers == 2 else None
    told = "rasterizer F + B, largest wall : CPU", wall, "ms", f"CPU: {number(cpu)}", wall / cpu, target
    report.measured.append(Measured(*told, note="holds on an idle machine"))
    report.kernels = [kernel for n, r in sizes[:2] for kernel in kernels(n, r, rounds)]
    head = [
        "N, pixels",
        "cpu F / B",
        "medians",
        "torch tiles F / B",
        "torch : cpu",
        "B : F",
        "wall F / B",
        "wall : CPU",
    ]
    head += ["prototype F / B", "cpu : prototype"] if prototype else []
    workers = shared_pool().workers
    report.notes = [
        f"Rasterizer, forward (F) and backward (B), CPU-ms of all threads, the least of {rounds} runs (torch: 2), "
        f"{workers} workers:",
        "",
        table(head, [detail_row(name, pieces) for name, pieces in raced.items()]),
    ]
    return report


def main(arguments: list[str] | None = None) -> int:
    parser = part_parser("rasterizer", __doc__)
    parser.add_argument("--runs", type=int, default=20, help="runs of the fast ones (torch: 2)")
    parser.add_argument("--prototype", type=Path, help="another rasterizer to race, a Python file")
    report = run_part(parser.parse_args(arguments), measure)
    return 0 if min(report.facts.values()) >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
