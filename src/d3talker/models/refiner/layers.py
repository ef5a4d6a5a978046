"""What both refiner networks are made of: the first weights, the rectifier, the doubling of a map."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2
"""Of the leaky rectifiers."""


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draws the weights of all linear and convolution layers so that signals keep their size (He et al. 2015)."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            draw_weights(layer.weight, generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def draw_weights(weights: Tensor, generator: torch.Generator) -> None:
    """Fills ``weights`` (outputs, inputs, ...) with uniform numbers of the spread that a leaky rectifier wants."""
    bound = math.sqrt(6.0 / ((1.0 + SLOPE**2) * weights[0].numel()))
    nn.init.uniform_(weights, -bound, bound, generator=generator)


def rectify(x: Tensor) -> Tensor:
    """The leaky rectifier; overwrites ``x``, so that big maps are walked once."""
    return functional.leaky_relu(x, SLOPE, inplace=True)


def resize(x: Tensor, factor: float) -> Tensor:
    """Maps (B, C, H, W) with ``factor`` times the rows and columns, bilinear and unfiltered."""
    return functional.interpolate(x, scale_factor=factor, mode="bilinear")
