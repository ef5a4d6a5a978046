"""How far a kernel is from what the machine can do: its time over that which its work takes at the ceilings.

The time at the ceilings is the larger of operations by the peak of the units and bytes by the bandwidth of memory
(Williams et al. 2009), both of one thread, as the kernels are timed on one. It is a bound that few can reach: peaks are
those of products that are added, sixteen at a time, and bytes are those that must move if nothing is in a cache when it
starts and nothing leaves it before its end.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.machine import Ceilings
from benchmarks.results import Kernel, Work, number, table


def least_milliseconds(work: Work, ceilings: Ceilings) -> tuple[float, str]:
    """Of one thread, and what bounds it: ``operations`` or ``bytes``."""
    int8 = ceilings.float32 if ceilings.int8 is None else ceilings.int8
    operations = 1e3 * (work.float32 / ceilings.float32.one + work.int8 / int8.one)
    moved = 1e3 * work.bytes / ceilings.bandwidth.one
    return (operations, "operations") if operations >= moved else (moved, "bytes")


def roofline_table(kernels: Sequence[Kernel], ceilings: Ceilings) -> str:
    """Kernel | Mop | MB | ms at the ceilings | bound by | measured | distance."""
    rows = []
    for kernel in kernels:
        least, bound = least_milliseconds(kernel.work, ceilings)
        name = f"{kernel.name} ({kernel.note})" if kernel.note else kernel.name
        operations = number(kernel.work.float32 / 1e6)
        if kernel.work.int8:
            operations += f" + {number(kernel.work.int8 / 1e6)} int8"
        moved = number(kernel.work.bytes / 1e6)
        distance = f"{kernel.milliseconds / least:.1f}"
        rows.append([name, operations, moved, number(least), bound, number(kernel.milliseconds), distance])
    head = ["kernel, one thread", "Mop", "MB", "ms at the ceilings", "bound by", "CPU-ms measured", "distance"]
    return table(head, rows)
