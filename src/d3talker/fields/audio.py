"""Speech windows to one code a frame: AudioNet and attention over neighbours (spec 1, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.fields.encoder import CODE_SIZE, SignalEncoder

NEIGHBOURS = 8
"""Windows that the attention looks at: those of the frames i - 4 .. i + 3."""


class AudioNet(nn.Module):
    """Speech windows (T, 16, C) to codes (T, 32): four strided convolutions over the rows, two linear layers."""

    def __init__(self, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        width = 32 if channels < 128 else 128
        sizes = (channels, width, width, 64, 64)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(a, b, 3, stride=2, padding=1) for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        )
        self.inner = nn.Linear(64, 64)
        self.outer = nn.Linear(64, CODE_SIZE)
        initialise(self, generator)

    def forward(self, windows: Tensor) -> Tensor:
        """See the class."""
        x = windows.transpose(1, 2)
        for convolution in self.convolutions:
            x = functional.leaky_relu(convolution(x), 0.02)
        return self.outer(functional.leaky_relu(self.inner(x.squeeze(2)), 0.02))


class AudioAttention(nn.Module):
    """Codes of 8 neighbouring windows (B, 8, 32) to their weighted mean (B, 32); place 4 is the frame itself."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        sizes = (CODE_SIZE, 16, 8, 4, 2, 1)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(a, b, 3, padding=1) for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        )
        self.score = nn.Linear(NEIGHBOURS, NEIGHBOURS)
        initialise(self, generator)

    def forward(self, codes: Tensor) -> Tensor:
        """See the class."""
        x = codes.transpose(1, 2)
        for convolution in self.convolutions:
            x = functional.leaky_relu(convolution(x), 0.02)
        weights = torch.softmax(self.score(x.squeeze(1)), dim=1)
        return (weights[:, :, None] * codes).sum(dim=1)


def audio_encoder(channels: int, generator: torch.Generator) -> SignalEncoder:
    """Speech windows (T, 16, C) to codes; the attention looks at the frames i - 4 .. i + 3."""
    before = NEIGHBOURS // 2
    return SignalEncoder(AudioNet(channels, generator), AudioAttention(generator), before, NEIGHBOURS - before - 1)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draws the weights of all linear and convolution layers from ``generator`` (uniform, +-1 / sqrt(inputs))."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d):
            bound = layer.weight[0].numel() ** -0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
