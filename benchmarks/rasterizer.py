"""CPU time of the ``cpu`` rasterizer against torch autograd, in one process: ``python -m benchmarks.rasterizer``.

CPU time is user plus system time of all threads (getrusage), the least of several interleaved runs: what other work on
the machine disturbs least.
"""

from __future__ import annotations

import argparse
import importlib
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.scene import head_scene
from benchmarks.torch_tiles import render_tiles
from d3talker.ops.pool import shared_pool
from d3talker.ops.rasterize import rasterize

TARGET, FLOOR = 60.0, 25.0  # times less CPU time than torch: wanted, and needed in continuous integration
BACKWARD, SCALING, PARALLEL = 2.0, 1.6, 0.6  # at most
_DIFFERENTIATED = ("means", "quats", "scales", "opacities", "features")
Forward = Callable[[dict[str, Tensor], int], tuple[Tensor, ...]]


@dataclass
class Times:
    """The least milliseconds seen."""

    forward: float = float("inf")
    backward: float = float("inf")
    forward_wall: float = float("inf")
    backward_wall: float = float("inf")

    @property
    def total(self) -> float:
        return self.forward + self.backward


@dataclass
class Contest:
    """One scene and all who render it."""

    count: int
    resolution: int
    covering: bool = False
    times: dict[str, Times] = field(default_factory=dict)


def render_cpu(scene: dict[str, Tensor], resolution: int) -> tuple[Tensor, ...]:
    out = rasterize(**scene, width=resolution, height=resolution, backend="cpu")
    return out.features, out.alpha, out.depth


def render_torch(scene: dict[str, Tensor], resolution: int) -> tuple[Tensor, ...]:
    return render_tiles(scene, resolution, resolution)


def load_prototype(path: Path) -> Forward:
    """Wraps another rasterizer to race: a module with ``Rast`` and ``rasterize``, depth as a fourth channel."""
    sys.path.insert(0, str(path.parent))
    module: Any = importlib.import_module(path.stem)
    state = module.Rast(shared_pool().workers)

    def render(scene: dict[str, Tensor], resolution: int) -> tuple[Tensor, ...]:
        background = torch.cat([scene["background"], torch.zeros(1)])
        camera = scene["world_to_cam"][0], scene["intrinsics"][0], resolution, resolution
        return module.rasterize(state, *(scene[name] for name in _DIFFERENTIATED), *camera, background)

    return render


def measure(contest: Contest, contestants: dict[str, tuple[Forward, int]]) -> None:
    """Runs the contestants in turns, each as often as its number says (and once before, to compile and warm up)."""
    scene = head_scene(contest.count, contest.resolution, contest.covering)
    for name in _DIFFERENTIATED:
        scene[name].requires_grad_()
    random = torch.Generator().manual_seed(0)
    gradients: dict[str, list[Tensor]] = {}
    for run in range(1 + max(runs for _, runs in contestants.values())):
        for name, (render, runs) in contestants.items():
            if run > runs or (run == 0 and runs < 5):
                continue
            for part in _DIFFERENTIATED:
                scene[part].grad = None
            start = _now()
            outputs = render(scene, contest.resolution)
            seen = _now()
            if name not in gradients:
                gradients[name] = [torch.randn(output.shape, generator=random) for output in outputs]
            back = _now()
            torch.autograd.backward(outputs, gradients[name])
            end = _now()
            if run > 0:
                best = contest.times.setdefault(name, Times())
                best.forward = min(best.forward, seen[0] - start[0])
                best.backward = min(best.backward, end[0] - back[0])
                best.forward_wall = min(best.forward_wall, seen[1] - start[1])
                best.backward_wall = min(best.backward_wall, end[1] - back[1])


def _now() -> tuple[float, float]:
    """CPU and wall clock, ms."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return 1e3 * (usage.ru_utime + usage.ru_stime), 1e3 * time.perf_counter()


def report(contests: list[Contest], scaling: tuple[Contest, Contest]) -> tuple[str, bool]:
    """Markdown, and whether the floor was held."""
    raced = any("prototype" in contest.times for contest in contests)
    head = ["N, pixels", "cpu F / B", "torch tiles F / B", "torch : cpu", "B : F", "wall F / B", "wall : CPU"]
    lines = [
        f"Rasterizer, forward (F) and backward (B), CPU-ms of all threads, {platform.machine()}, "
        f"{shared_pool().workers} workers, torch {torch.__version__}:",
        "",
        "| " + " | ".join(head + (["prototype F / B", "cpu : prototype"] if raced else [])) + " |",
        "|" + "-|" * (len(head) + 2 * raced),
    ]
    ratios, backwards, walls = [], [], []
    for contest in contests:
        ours, torch_tiles = contest.times["cpu"], contest.times["torch"]
        ratios.append(torch_tiles.total / ours.total)
        backwards.append(ours.backward / ours.forward)
        walls.append((ours.forward_wall + ours.backward_wall) / ours.total)
        cells = [
            f"{contest.count:,}, {contest.resolution}",
            f"{ours.forward:.1f} / {ours.backward:.1f}",
            f"{torch_tiles.forward:.0f} / {torch_tiles.backward:.0f}",
            f"{ratios[-1]:.0f}",
            f"{backwards[-1]:.2f}",
            f"{ours.forward_wall:.1f} / {ours.backward_wall:.1f}",
            f"{walls[-1]:.2f}",
        ]
        if raced:
            other = contest.times["prototype"]
            cells += [f"{other.forward:.1f} / {other.backward:.1f}", f"{ours.total / other.total:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    small, large = scaling
    growth = large.times["cpu"].total / small.times["cpu"].total
    checks = [
        (f"torch : cpu at least {TARGET:.0f} (floor {FLOOR:.0f})", f"{min(ratios):.0f}", min(ratios) >= TARGET),
        (f"B : F at most {BACKWARD}", f"{max(backwards):.2f}", max(backwards) <= BACKWARD),
        (f"wall : CPU at most {PARALLEL} (idle machine)", f"{max(walls):.2f}", max(walls) <= PARALLEL),
        (
            f"{small.count:,} -> {large.count:,} covering, {small.resolution} px: at most {SCALING} times the time",
            f"{growth:.2f}",
            growth <= SCALING,
        ),
    ]
    lines += ["", "| target | seen | held |", "|-|-|-|"]
    lines += [f"| {target} | {seen} | {'yes' if held else 'no'} |" for target, seen, held in checks]
    return "\n".join(lines), min(ratios) >= FLOOR


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rasterizer", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small scene, a few seconds")
    parser.add_argument("--runs", type=int, default=20, help="runs of the fast ones (torch: 2)")
    parser.add_argument("--prototype", type=Path, help="another rasterizer to race, a Python file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)

    fast: dict[str, tuple[Forward, int]] = {"cpu": (render_cpu, 5 if options.quick else options.runs)}
    if options.prototype:
        fast["prototype"] = (load_prototype(options.prototype), fast["cpu"][1])
    contests = [Contest(3_000, 128)] if options.quick else [Contest(n, r) for n in (10_000, 20_000) for r in (256, 512)]
    for contest in contests:
        measure(contest, {**fast, "torch": (render_torch, 1 if options.quick else 2)})
    counts, resolution = ((2_000, 4_000), 128) if options.quick else ((20_000, 40_000), 512)
    scaling = Contest(counts[0], resolution, covering=True), Contest(counts[1], resolution, covering=True)
    for contest in scaling:
        measure(contest, {"cpu": fast["cpu"]})

    text, held = report(contests, scaling)
    print(text)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
