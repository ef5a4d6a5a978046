"""What the refiner costs on one thread, in floats, in 8 bits, and in training: ``python -m benchmarks.refiner``.

The head is an ellipse over 60 % of the picture; the refiner sees its box. Times are processor milliseconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from benchmarks.part import part_parser, run_part  # noqa: E402
from benchmarks.results import Kernel, Measured, Report, against  # noqa: E402
from benchmarks.timing import Piece, race  # noqa: E402
from benchmarks.work import network_work  # noqa: E402
from d3talker.config.refiner import RefinerSettings  # noqa: E402
from d3talker.models.refiner import Refiner, build_refiner, fastest_refiner  # noqa: E402
from d3talker.ops.pool import pool_of  # noqa: E402
from d3talker.ops.threads import quiet_threads  # noqa: E402

_AXES = 0.38, 0.5  # half width and half height of the head, in pictures


def composite(size: int) -> tuple[Tensor, Tensor, Tensor]:
    """A picture (1, R, R, 3) and the alphas (1, R, R) of face and mouth."""
    picture = torch.rand(1, size, size, 3, generator=torch.Generator().manual_seed(0))
    place = (torch.arange(size) + 0.5) / size - 0.5
    away = (place[None, :] / _AXES[0]) ** 2 + (place[:, None] / _AXES[1]) ** 2
    return picture, (away < 1.0).float()[None], torch.zeros(1, size, size)


def refiner_work(refiner: Refiner, given: tuple[Tensor, Tensor, Tensor], int8: bool = False) -> tuple[str, Any]:
    """The size of the box, and the work of the network on it."""
    picture, *alphas = given
    rows, columns = refiner.box(*alphas)
    inputs = torch.cat([picture, *(alpha[..., None] for alpha in alphas)], dim=3)[:, rows, columns]
    height, width = inputs.shape[1:3]
    return f"{height} x {width}", network_work(refiner.network, inputs, int8=int8)


def drawing(refiner: Refiner, given: tuple[Tensor, Tensor, Tensor]) -> Callable[[], Tensor]:
    """Without gradients."""

    def draw() -> Tensor:
        with torch.no_grad():
            return refiner(*given)

    return draw


def measure(options: Any) -> Report:
    """At 256 and 512; ``quick`` at 256 alone."""
    rounds, sizes = (2, [256]) if options.quick else (15, [256, 512])
    refiner, report = build_refiner(RefinerSettings(), torch.Generator().manual_seed(0)), Report()
    fast, learns = fastest_refiner(refiner), list(refiner.parameters())
    with quiet_threads(torch.device("cpu")), pool_of(1):
        for size in sizes:
            given = composite(size)
            pieces = [Piece("float32", drawing(refiner, given)), Piece("training", partial(refiner, *given), learns)]
            if fast is not refiner:
                pieces.append(Piece("int8", drawing(fast, given)))
            raced = race(pieces, rounds)
            box, work = refiner_work(refiner, given)
            whole = raced["float32"]
            report.kernels.append(Kernel(f"refiner float32, {size}", whole.least, work, f"box {box}"))
            if "int8" in raced:
                ours = raced["int8"].least
                report.measured.append(against(f"refiner in 8 bits, {size}", ours, "float32", whole.least))
                _, bytes_work = refiner_work(refiner, given, int8=True)
                report.kernels.append(Kernel(f"refiner int8, {size}", ours, bytes_work))
            else:
                report.measured.append(Measured(f"refiner float32, {size}", whole.least, "CPU-ms"))
            learning = raced["training"]
            reference = f"its forward: {learning.ahead.least:.1f}"
            ratio = learning.back.least / learning.ahead.least
            told = f"refiner training B, {size}", learning.back.least, "CPU-ms", reference, ratio
            report.measured.append(Measured(*told))
    report.notes = [f"One thread, the least of {rounds} rounds; the box is the part of the picture that it sees."]
    return report


def main() -> None:
    run_part(part_parser("refiner", __doc__).parse_args(), measure)


if __name__ == "__main__":
    main()
