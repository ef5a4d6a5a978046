"""The default refiner: a small residual U-Net that adds a bounded change to the composite.

It starts as the identity, so that a few seconds of video cannot make the picture worse before they make it better
(spec 2, section 3.4). The U-Net works at half the resolution and below: the four pixels of a 2 x 2 block are channels,
which loses nothing and keeps a CPU at its best.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.models.refiner.layers import initialise, rectify, resize

CHANNELS = (32, 64, 128, 192)
"""At 1/2, 1/4, 1/8 and 1/16 of the resolution."""
STYLE = 64
"""Numbers in the style code: the light and the person, as the whole picture shows them."""
FOLD = 2
"""Side of the blocks of pixels that become channels."""
STRIDE = FOLD << (len(CHANNELS) - 1)
"""Rows and columns are padded to a multiple of this."""
CHANGE = 0.5
"""Most that a colour may change."""


class LeanUnet(nn.Module):
    """The change (B, H, W, 3) of pictures (B, H, W, 5) of any size: the composite and both alphas, all in [0, 1].

    No layer draws a number or mixes the pictures of a batch.
    """

    stride: int | None = STRIDE

    def __init__(self, width: float, generator: torch.Generator) -> None:
        super().__init__()
        widths = [int(channels * width) for channels in CHANNELS]
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.stem = nn.Conv2d(5 * FOLD**2, widths[0], 3, padding=1)
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.bottom = nn.Sequential(Block(widths[-1]), Block(widths[-1]))
        self.style = nn.Linear(widths[-1], STYLE)
        self.rises = nn.ModuleList(Rise(b, a) for a, b in reversed(pairs))
        self.paint = nn.Conv2d(widths[0], 3 * FOLD**2, 3, padding=1)
        initialise(self, generator)
        _restrain(self)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        rows, columns = pictures.shape[1:3]
        x = _folded(_padded(pictures.mul(2.0).sub_(1.0))).to(self.style.weight.dtype)
        x = rectify(self.stem(x))
        passed = []
        for down in self.downs:
            passed.append(x)
            x = rectify(down(x))
        x = self.bottom(x)
        style = rectify(self.style(x.mean(dim=(2, 3))))
        for rise in self.rises:
            x = rise(x, passed.pop(), style)
        return CHANGE * torch.tanh(_unfolded(self.paint(x).to(pictures.dtype))[:, :rows, :columns])


class Block(nn.Module):
    """Maps (B, C, H, W) with what two convolutions add to them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return rectify(self.second(rectify(self.first(x))).add_(x))


class Rise(nn.Module):
    """Maps (B, ``before``, H, W), scaled and shifted by a style code (B, 64), doubled, and joined with those passed
    over from the way down (B, ``after``, 2 H, 2 W)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.thin = nn.Conv2d(before, after, 1)
        self.modulation = nn.Linear(STYLE, 2 * after)
        self.block = Block(after)

    def forward(self, x: Tensor, passed: Tensor, style: Tensor) -> Tensor:
        """See the class."""
        scales, shifts = self.modulation(style)[:, :, None, None].chunk(2, dim=1)
        return self.block(resize(torch.addcmul(shifts, self.thin(x), 1.0 + scales), 2).add_(passed))


def _restrain(network: LeanUnet) -> None:
    """Starts with sums no larger than their parts, as nothing is normalised, a weak style, and no change at all."""
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, Block):
                part.second.weight.mul_(0.3)
            elif isinstance(part, Rise):
                part.thin.weight.mul_(0.5)
                part.modulation.weight.mul_(0.1)
        network.paint.weight.zero_()


def _padded(pictures: Tensor) -> Tensor:
    """Pictures (B, H, W, C) with their last rows and columns repeated up to a multiple of the stride."""
    below, right = (-length % STRIDE for length in pictures.shape[1:3])
    if below == 0 and right == 0:
        return pictures
    return functional.pad(pictures.permute(0, 3, 1, 2), (0, right, 0, below), mode="replicate").permute(0, 2, 3, 1)


def _folded(pictures: Tensor) -> Tensor:
    """Maps (B, 4 C, H / 2, W / 2) of pictures (B, H, W, C), channels last in memory, as convolutions like them."""
    batch, rows, columns, channels = pictures.shape
    blocks = pictures.reshape(batch, rows // FOLD, FOLD, columns // FOLD, FOLD, channels).transpose(2, 3)
    return blocks.reshape(batch, rows // FOLD, columns // FOLD, FOLD**2 * channels).permute(0, 3, 1, 2)


def _unfolded(maps: Tensor) -> Tensor:
    """The way back: pictures (B, 2 H, 2 W, C) of maps (B, 4 C, H, W)."""
    batch, channels, rows, columns = maps.shape
    blocks = maps.permute(0, 2, 3, 1).reshape(batch, rows, columns, FOLD, FOLD, channels // FOLD**2).transpose(2, 3)
    return blocks.reshape(batch, FOLD * rows, FOLD * columns, channels // FOLD**2)
