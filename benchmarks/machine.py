"""The machine: what it is, and the ceilings that nothing on it can break, measured here and now.

One thread's ceilings are in processor time, so that work of others takes little from them; those of all threads in wall
time. Bandwidth: ``a = b + s c`` and ``a = b`` over arrays that no cache holds, 12 and 8 bytes an element (what the
processor reads of ``a`` before it writes is not counted, as in STREAM). Floats: a product of large matrices. Bytes: a
convolution with as many channels as fill the units, by oneDNN. The best of several runs is the ceiling.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

import torch  # noqa: E402

from benchmarks.results import number, table  # noqa: E402
from d3talker.models.refiner.int8 import int8_runs_here  # noqa: E402
from d3talker.ops.pool import cores  # noqa: E402
from d3talker.recipes.bench.hardware import hardware  # noqa: E402

_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16")
_LARGEST_ARRAY = 1 << 30


@dataclass(frozen=True)
class Ceiling:
    """The most a second, by one thread and by all of them."""

    one: float
    every: float


@dataclass(frozen=True)
class Ceilings:
    """Of this machine."""

    bandwidth: Ceiling
    """Bytes."""
    float32: Ceiling
    """Operations; a product that is added counts two."""
    int8: Ceiling | None
    """The same on bytes; None where the processor or torch has none."""

    def markdown(self) -> str:
        """A table."""
        told = [("memory, GB/s", self.bandwidth), ("float32, GFLOP/s", self.float32), ("int8, Gop/s", self.int8)]
        rows = [
            [name, number(seen.one / 1e9), number(seen.every / 1e9), f"{seen.every / seen.one:.2f}"]
            for name, seen in told
            if seen is not None
        ]
        return table(["ceiling", "one thread", f"all {cores()}", "all : one"], rows)


def facts() -> dict[str, str]:
    """The machine in words."""
    seen = _flags()
    return {
        "machine": hardware(torch.device("cpu")),
        "instructions": ", ".join(flag for flag in _FLAGS if flag in seen) or "unknown",
        "without": ", ".join(flag for flag in _FLAGS if flag not in seen) or "none",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown",
    }


def measure_ceilings(quick: bool = False) -> Ceilings:
    """Takes some fifteen seconds; ``quick`` one or two, with arrays that a cache may hold."""
    rounds = 2 if quick else 6
    return Ceilings(
        _most(_bandwidth_tasks(quick), rounds),
        _most([_product(512 if quick else 2048)], rounds),
        _most([_convolution(quick)], rounds) if int8_runs_here(torch.device("cpu")) else None,
    )


Task = tuple[float, Callable[[], object]]
"""How much a call does, and the call."""


def _most(tasks: list[Task], rounds: int) -> Ceiling:
    """The most a second that any of the tasks does, by one thread and by all."""
    before, best = torch.get_num_threads(), []
    try:
        for threads, clock in ((1, time.process_time), (cores(), time.perf_counter)):
            torch.set_num_threads(threads)
            rates = []
            for amount, task in tasks:
                task()
                for _ in range(rounds):
                    start = clock()
                    task()
                    rates.append(amount / (clock() - start))
            best.append(max(rates))
    finally:
        torch.set_num_threads(before)
    return Ceiling(*best)


def _bandwidth_tasks(quick: bool) -> list[Task]:
    size = (1 << 24 if quick else min(_LARGEST_ARRAY, max(1 << 28, 2 * _largest_cache()))) // 4
    a, b, c = (torch.ones(size) for _ in range(3))
    return [(12 * size, lambda: torch.add(b, c, alpha=3.0, out=a)), (8 * size, lambda: a.copy_(b))]


def _product(side: int) -> Task:
    a, b, out = (torch.ones(side, side) for _ in range(3))
    return 2 * side**3, lambda: torch.mm(a, b, out=out)


def _convolution(quick: bool) -> Task:
    """Straight to oneDNN: rounding the maps is work of the refiner, not of the ceiling."""
    channels, side, layout = 256, 16 if quick else 64, ([1, 1], [1, 1], [1, 1], 1)
    weights = torch.ones(channels, channels, 3, 3, dtype=torch.int8)
    scales, zeros = torch.full((channels,), 1e-3), torch.zeros(channels, dtype=torch.int32)
    maps = torch.ones(1, channels, side, side, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    packed = torch.ops.onednn.qconv_prepack(weights, scales, 1.0, 0, *layout)
    told: Any = packed, scales, zeros, None, *layout, 1.0, 0, torch.float32, "none", [], ""
    return 2 * 9 * channels**2 * side**2, lambda: torch.ops.onednn.qconv2d_pointwise(maps, 0.01, 0, *told)


def _largest_cache() -> int:
    """Bytes, 32 MB where the system does not tell."""
    sizes = [32 << 20]
    for told in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = told.read_text(encoding="utf-8").strip()
        sizes.append(int(text[:-1]) << {"K": 10, "M": 20}.get(text[-1], 0))
    return max(sizes)


def _flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())
