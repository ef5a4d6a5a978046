"""LPIPS: how different two pictures look to AlexNet (Zhang et al. 2018), without torchvision."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.assets.state import read_state
from d3talker.assets.weights import ALEXNET, LPIPS_HEADS, find_weights, weights_state
from d3talker.core.errors import D3Error

_LAYERS = (
    (3, 64, 11, 4, 2, 0),
    (64, 192, 5, 1, 2, 3),
    (192, 384, 3, 1, 1, 6),
    (384, 256, 3, 1, 1, 8),
    (256, 256, 3, 1, 1, 10),
)
"""Channels in and out, kernel, stride, padding, and the layer's number in torchvision's file."""
Judge = Literal["lpips", "detail"]
"""What looks at a refined picture: LPIPS, or :mod:`.detail` in its place."""
SMALLEST = 32
"""Pixels of a side below which AlexNet has nothing left to compare."""


class Perceptual(nn.Module):
    """LPIPS of version 0.1 on AlexNet; the weights are constants."""

    shift: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, k, s, p) for i, o, k, s, p, _ in _LAYERS)
        self.heads = nn.ParameterList(torch.zeros(1, layer[1], 1, 1) for layer in _LAYERS)
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[:, None, None])
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[:, None, None])
        self.requires_grad_(False)

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        """The distances (B,) of pictures (B, H, W, 3) in [0, 1], sides of 32 pixels or more."""
        total = torch.zeros(len(image), device=image.device, dtype=image.dtype)
        for head, a, b in zip(self.heads, self._features(image), self._features(target), strict=True):
            difference = (functional.normalize(a, dim=1, eps=1e-10) - functional.normalize(b, dim=1, eps=1e-10)) ** 2
            total = total + functional.conv2d(difference, head).mean(dim=(1, 2, 3))
        return total

    def _features(self, picture: Tensor) -> list[Tensor]:
        x = (picture.permute(0, 3, 1, 2) * 2.0 - 1.0 - self.shift) / self.scale
        found = []
        for number, convolution in enumerate(self.convolutions):
            x = functional.max_pool2d(x, 3, 2) if number in (1, 2) else x
            x = functional.relu(convolution(x))
            found.append(x)
        return found


def judge_at_hand() -> Judge:
    """LPIPS if both files of its weights are on disk."""
    return "lpips" if all(weights_state(weights) == "ready" for weights in (ALEXNET, LPIPS_HEADS)) else "detail"


def load_perceptual() -> Perceptual:
    """LPIPS with its published weights.

    Raises:
        D3Error: a file of weights is missing, or not what its name says.
    """
    alexnet, heads = (
        read_state(find_weights(weights), f"Get {weights.file} from {weights.address}.")
        for weights in (ALEXNET, LPIPS_HEADS)
    )
    return with_weights(alexnet, heads)


def with_weights(alexnet: dict[str, Tensor], heads: dict[str, Tensor]) -> Perceptual:
    """LPIPS with torchvision's AlexNet (``features.N.weight`` ...) and LPIPS heads (``linN.model.1.weight``).

    Raises:
        D3Error: names or shapes are others.
    """
    net = Perceptual()
    try:
        for (*_, number), convolution in zip(_LAYERS, net.convolutions, strict=True):
            convolution.load_state_dict({kind: alexnet[f"features.{number}.{kind}"] for kind in ("weight", "bias")})
        for number, head in enumerate(net.heads):
            head.copy_(heads[f"lin{number}.model.1.weight"])
    except (KeyError, RuntimeError):
        raise D3Error(
            f"{ALEXNET.file} or {LPIPS_HEADS.file} holds other weights than its name says",
            "the published files",
            f"Get them anew from {ALEXNET.address} and {LPIPS_HEADS.address}.",
        ) from None
    return net


def patches(picture: Tensor, side: int) -> Tensor:
    """Cuts pictures (B, H, W, 3) into squares (P, side, side, 3), dropping what is left over."""
    batch, height, width, channels = picture.shape
    rows, columns = height // side, width // side
    cut = picture[:, : rows * side, : columns * side]
    cut = cut.reshape(batch, rows, side, columns, side, channels).transpose(2, 3)
    return cut.reshape(batch * rows * columns, side, side, channels)
