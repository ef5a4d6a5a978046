"""The network of phone29: normalised log-mel energies to logits over 29 phone classes at 50 Hz.

Residual dilated convolutions after spec 5, without padding inside: the caller pads the sound once, so a stream and a
whole file give the same numbers. The widest dilation looks only back, which keeps the look-ahead short.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.phonetics.classes import CLASSES

BANDS = 80
"""Mel bands."""


@dataclass(frozen=True)
class PhoneEncoderShape:
    """Sizes of the network."""

    width: int = 192
    """Channels between the layers."""
    dilations: tuple[int, ...] = (1, 2, 4, 1, 2, 4, 1, 2, 4, 1)
    """Of the residual blocks, in rows of 20 ms; a 4 looks back only."""
    stem: int = 5
    """Rows that the first convolution sees."""

    @property
    def past(self) -> int:
        """Rows before a row that its logits depend on."""
        return self.stem // 2 + sum(2 * d if d > 2 else d for d in self.dilations)

    @property
    def future(self) -> int:
        """Rows after a row that its logits depend on."""
        return self.stem // 2 + sum(0 if d > 2 else d for d in self.dilations)


class PhoneEncoder(nn.Module):
    """Rows of two normalised mel steps (B, past + T + future, 160) to logits (B, T, 29)."""

    def __init__(self, shape: PhoneEncoderShape) -> None:
        super().__init__()
        self.shape = shape
        self.stem = nn.Conv1d(2 * BANDS, shape.width, shape.stem, bias=False)
        self.stem_norm = nn.BatchNorm1d(shape.width)
        self.blocks = nn.ModuleList(_Block(shape.width, dilation) for dilation in shape.dilations)
        self.last_norm = nn.BatchNorm1d(shape.width)
        self.head = nn.Conv1d(shape.width, len(CLASSES), 1)

    def hidden(self, rows: Tensor) -> Tensor:
        """The last layer before the logits, (B, T, width)."""
        x = functional.relu(self.stem_norm(self.stem(rows.transpose(1, 2))))
        for block in self.blocks:
            x = block(x)
        return functional.relu(self.last_norm(x)).transpose(1, 2)

    def forward(self, rows: Tensor) -> Tensor:
        """See the class."""
        return self.head(self.hidden(rows).transpose(1, 2)).transpose(1, 2)


class _Block(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.wide = nn.Conv1d(width, width, 3, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.narrow = nn.Conv1d(width, width, 1)
        self.before, self.after = (2 * dilation, 0) if dilation > 2 else (dilation, dilation)
        nn.init.normal_(self.narrow.weight, 0.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.narrow(functional.relu(self.norm(self.wide(x))))
        kept = x[:, :, self.before : x.shape[2] - self.after]
        return kept + inner


def stack_steps(steps: Tensor) -> Tensor:
    """Mel steps (B, 2 T, 80) at 100 Hz as rows (B, T, 160) at 50 Hz."""
    batch, count, bands = steps.shape
    return steps.reshape(batch, count // 2, 2 * bands)


def parameter_count(module: nn.Module) -> int:
    """Numbers that are learned."""
    return sum(p.numel() for p in module.parameters())


def silent_rows(count: int) -> Tensor:
    """(count, 160): what stands before and after a sound, as quiet as the normalisation allows."""
    return torch.full((count, 2 * BANDS), -5.0)
