"""The decoder of StyleGAN2 (Karras et al. 2020): a learned constant grows into a picture as a style code wants it.

Its noise is drawn once and stays: fresh noise in every frame would flicker in a video. The noise is saved with the
weights, since the same seed need not draw the same numbers elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from d3talker.models.refiner.layers import draw_weights, initialise, rectify, resize

STYLE = 512
"""Numbers in the style code."""
DEPTH = 8
"""Linear layers that the code runs through before it is used."""


class StyleDecoder(nn.Module):
    """Style codes (B, 512), scales and shifts of every size above the first, to pictures (B, 3, H, W), unbounded.

    Args:
        channels: of the maps of each size.
        sizes: rows and columns of the maps, each twice the one before.
        generator: draws the weights and the noise.
    """

    def __init__(self, channels: Sequence[int], sizes: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        self.mapping = nn.ModuleList(nn.Linear(STYLE, STYLE) for _ in range(DEPTH))
        initialise(self, generator)
        self.constant = nn.Parameter(torch.randn(1, channels[0], sizes[0], sizes[0], generator=generator))
        self.first = StyledConvolution(channels[0], channels[0], sizes[0], generator)
        self.first_colours = Colours(channels[0], generator)
        levels = list(zip(channels[:-1], channels[1:], sizes[1:], strict=True))
        self.growing = nn.ModuleList(StyledConvolution(a, b, size, generator, grow=True) for a, b, size in levels)
        self.refining = nn.ModuleList(StyledConvolution(b, b, size, generator) for _, b, size in levels)
        self.colours = nn.ModuleList(Colours(b, generator) for _, b, _ in levels)

    def forward(self, style: Tensor, scales: Sequence[Tensor], shifts: Sequence[Tensor]) -> Tensor:
        """See the class; ``scales`` and ``shifts`` (B, C, H, W) come from the smallest to the largest."""
        style = style * (style.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.mapping:
            style = rectify(layer(style))
        x = self.first(self.constant.expand(len(style), -1, -1, -1), style)
        picture = self.first_colours(x, style)
        levels = zip(self.growing, self.refining, self.colours, scales, shifts, strict=True)
        for grow, refine, colours, scale, shift in levels:
            x = refine(grow(x, style) * scale + shift, style)
            picture = resize(picture, 2) + colours(x, style)
        return picture


class ModulatedConvolution(nn.Module):
    """A convolution without bias whose inputs are weighed by a style code (B, 512).

    With ``normalise`` the outputs get back the spread that the weighing took from them. Both are done on the maps in
    place of the weights, which is the same and needs no weights of its own for every picture of a batch.
    """

    def __init__(self, before: int, after: int, side: int, normalise: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.normalise = normalise
        self.weight = nn.Parameter(torch.empty(after, before, side, side))
        self.modulation = nn.Linear(STYLE, before)
        initialise(self, generator)
        draw_weights(self.weight, generator)
        nn.init.ones_(self.modulation.bias)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """See the class."""
        weights = self.modulation(style)
        x = nn.functional.conv2d(x * weights[:, :, None, None], self.weight, padding=self.weight.shape[-1] // 2)
        if not self.normalise:
            return x
        power = weights.square() @ self.weight.square().sum(dim=(2, 3)).T
        return x * (power + 1e-8).rsqrt()[:, :, None, None]


class StyledConvolution(nn.Module):
    """A modulated 3 x 3 convolution, noise, bias and rectifier; ``grow`` doubles the map first."""

    noise: Tensor

    def __init__(self, before: int, after: int, size: int, generator: torch.Generator, grow: bool = False) -> None:
        super().__init__()
        self.grow = grow
        self.convolution = ModulatedConvolution(before, after, 3, True, generator)
        self.strength = nn.Parameter(torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(1, after, 1, 1))
        self.register_buffer("noise", torch.randn(1, 1, size, size, generator=generator))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """See the class."""
        x = self.convolution(resize(x, 2) if self.grow else x, style) * math.sqrt(2.0)
        return rectify(x + self.strength * self.noise + self.bias)


class Colours(nn.Module):
    """The colours (B, 3, H, W) of a map."""

    def __init__(self, before: int, generator: torch.Generator) -> None:
        super().__init__()
        self.convolution = ModulatedConvolution(before, 3, 1, False, generator)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        with torch.no_grad():  # the sum over the sizes starts near grey
            self.convolution.weight.mul_(0.1)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """See the class."""
        return self.convolution(x, style) + self.bias
