"""StyleUNet, the refiner network of the paper: a U-Net tells a StyleGAN2 decoder what to paint and where.

The U-Net brings the picture down to 4 x 4, from which a style code is read, and up again; on the way up every
resolution yields a scale and a shift for the decoder's map of that resolution. The layout is that of GFPGAN (Wang et
al. 2021), counts and widths those of spec 2, section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.models.refiner.layers import initialise, rectify, resize
from d3talker.models.refiner.style_decoder import STYLE, StyleDecoder

SIZE = 512
"""Rows and columns of the picture, in and out."""
SIZES = (4, 8, 16, 32, 64, 128, 256, 512)
"""Of the maps, from the bottom of the U-Net to the picture."""
CHANNELS = (256, 256, 256, 256, 128, 64, 32, 16)
"""Of the U-Net's maps of these sizes; the decoder's maps have twice as many."""


class StyleUnet(nn.Module):
    """Pictures (B, ``inputs``, 512, 512) to pictures (B, 3, 512, 512) in [0, 1].

    Args:
        width: factor on all channels: 1, 1/2 or 1/4.
        generator: draws the weights and the decoder's noise.
        inputs: channels of the pictures that go in: 3 for a composite.
    """

    def __init__(self, width: float, generator: torch.Generator, inputs: int = 3) -> None:
        super().__init__()
        widths = [int(channels * width) for channels in CHANNELS]
        upwards = list(zip(widths[:-1], widths[1:], strict=True))
        self.stem = nn.Conv2d(inputs, widths[-1], 1)
        self.downs = nn.ModuleList(ResidualBlock(b, a, 0.5) for a, b in reversed(upwards))
        self.bottom = nn.Conv2d(widths[0], widths[0], 3, padding=1)
        self.style = nn.Linear(widths[0] * SIZES[0] ** 2, STYLE)
        self.ups = nn.ModuleList(ResidualBlock(a, b, 2.0) for a, b in upwards)
        self.scales = nn.ModuleList(Condition(b) for _, b in upwards)
        self.shifts = nn.ModuleList(Condition(b) for _, b in upwards)
        # In the published weights, read by nothing: kept so that those and their count fit, and never trained.
        self.sides = nn.ModuleList(nn.Conv2d(b, 3, 1) for _, b in upwards).requires_grad_(False)
        initialise(self, generator)
        _restrain(self)
        self.decoder = StyleDecoder([2 * channels for channels in widths], SIZES, generator)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        x = rectify(self.stem(pictures.to(self.stem.weight.dtype)))
        passed = []
        for down in self.downs:
            x = down(x)
            passed.append(x)
        x = rectify(self.bottom(x))
        style = self.style(x.flatten(1))
        scales, shifts = [], []
        for up, scale, shift in zip(self.ups, self.scales, self.shifts, strict=True):
            x = up(x + passed.pop())
            scales.append(scale(x))
            shifts.append(shift(x))
        return torch.sigmoid(self.decoder(style, scales, shifts).to(pictures.dtype))


class StyleUnetChange(nn.Module):
    """The change (B, H, W, 3) that a StyleUNet makes of pictures (B, H, W, 5) of any size, whose alphas it ignores.

    The longer side is brought to 512, the shorter one padded, and of the way back only the change is resampled: what
    the network leaves alone stays as sharp as it came.
    """

    stride: int | None = None

    def __init__(self, network: StyleUnet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        composite = pictures[..., :3].permute(0, 3, 1, 2)
        rows, columns = composite.shape[2:]
        factor = SIZE / max(rows, columns)
        size = max(1, round(rows * factor)), max(1, round(columns * factor))
        fitted = composite if factor == 1.0 else _resample(composite, size)
        above, left = (SIZE - size[0]) // 2, (SIZE - size[1]) // 2
        around = (left, SIZE - size[1] - left, above, SIZE - size[0] - above)
        painted = self.network(functional.pad(fitted, around, mode="replicate"))
        change = painted[:, :, above : above + size[0], left : left + size[1]] - fitted
        if factor != 1.0:
            change = _resample(change, (rows, columns))
        return change.permute(0, 2, 3, 1)


class ResidualBlock(nn.Module):
    """Maps (B, ``before``, H, W) to (B, ``after``, factor H, factor W): two convolutions and a straight way past."""

    def __init__(self, before: int, after: int, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.first = nn.Conv2d(before, before, 3, padding=1)
        self.second = nn.Conv2d(before, after, 3, padding=1)
        self.past = nn.Conv2d(before, after, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        inner = resize(rectify(self.first(x)), self.factor)
        return rectify(self.second(inner)) + self.past(resize(x, self.factor))


class Condition(nn.Module):
    """Reads the decoder's scales or shifts (B, 2 C, H, W) from a map (B, C, H, W) of the U-Net."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return self.second(rectify(self.first(x)))


def _restrain(network: StyleUnet) -> None:
    """Starts with sums that are no larger than their parts and with scales near 1 and shifts near 0.

    Nothing is normalised: without this, signals grow at every resolution and the picture starts black or white, where
    the sigmoid passes no gradient.
    """
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, ResidualBlock):
                part.second.weight.mul_(0.7)
                part.past.weight.mul_(0.5)
            elif isinstance(part, Condition):
                part.second.weight.mul_(0.1)
        for scale in network.scales:
            assert isinstance(scale, Condition)
            assert scale.second.bias is not None
            nn.init.ones_(scale.second.bias)


def _resample(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (B, C, H, W) with ``size`` rows and columns, filtered where they shrink."""
    return functional.interpolate(x, size=size, mode="bilinear", antialias=True)
