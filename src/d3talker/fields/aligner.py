"""The motion aligner: a person's face is not where everybody's is (InsTaG, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d3talker.ops.grid import GridShape, encode_triplane
from d3talker.ops.mlp import mlp

_STEP = 1e-2  # metres a unit of the offset
_SPAN = 0.25  # by which a displacement may grow or shrink


class MotionAligner(nn.Module):
    """Points (N, 3) to the places where a shared field is asked, and to factors on what it answers.

    The grid is the coarse one of a person's own fields. It starts near zero, so everything starts where it is.
    """

    def __init__(self, hidden: int, with_size: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.shape = GridShape(16.0, 38.4)
        self.with_size = with_size
        self.tables = nn.Parameter(torch.empty(3, self.shape.size).uniform_(-1e-4, 1e-4, generator=generator))
        sizes = (3 * self.shape.levels, hidden, 6 if with_size else 3)
        self.network = nn.ParameterList(
            torch.empty(b, a).uniform_(-(a**-0.5), a**-0.5, generator=generator)
            for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        )

    def forward(self, points: Tensor) -> tuple[Tensor, Tensor | None]:
        """Offsets (N, 3) metres and, if asked for, factors (N, 3) in (0.75, 1.25)."""
        told = mlp(encode_triplane(points, self.tables, self.shape), list(self.network))
        size = 1.0 + _SPAN * torch.tanh(told[:, 3:] / 5.0) if self.with_size else None
        return _STEP * told[:, :3], size
