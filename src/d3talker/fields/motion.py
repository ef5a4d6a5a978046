"""Facial motion to one code a frame: the difference encoder and the temporal network (equations 3 and 4).

The input is the difference of two PNCC pictures, the face as the sound moves it less the face at rest: floats in
[-2, 2], 0 on the background and nearly 0 on the cheeks. What moves stands in thin rims around lips, lids and jaw (spec
2, section 2.3), hence a gain before the first layer, strides in place of pooling, and a last map that is flattened, so
that the place of a rim is not averaged away. They may be kept as int8 (:func:`stored`): the rounding, at most 0.008, is
far below the rims.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.fields.encoder import CODE_SIZE, SignalEncoder

PICTURE = 256
"""Rows and columns of a difference."""
REACH = 4
"""Frames that the temporal network looks at before and after the frame itself (160 ms)."""
GAIN = 8.0
"""What the difference is multiplied by, so that the first layer sees a spread of about 1: differences of tracked clips
have a standard deviation of 0.09 to 0.12."""
SLOPE = 0.02
"""Of the leaky rectifiers."""
_STORED = 63.5  # steps of int8 a unit
_AT_ONCE = 8  # pictures, whose first maps a core's cache still holds


class DifferenceEncoder(nn.Module):
    """PNCC differences (B, 3, 256, 256) to features (B, 32): six strided convolutions, two linear layers (equation 3).

    Variant B of spec 2, section 2.4. The biases start at 0, so that an untrained encoder maps the face at rest to 0.
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        sizes = (3, 16, 32, 32, 64, 64, 64)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(sizes[:-1], sizes[1:], strict=True)
        )
        last = PICTURE >> len(self.convolutions)
        self.inner = nn.Linear(sizes[-1] * last * last, 64)
        self.outer = nn.Linear(64, CODE_SIZE)
        _initialise(self, generator)

    def forward(self, differences: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([self._encode(few) for few in differences.split(_AT_ONCE)])

    def _encode(self, differences: Tensor) -> Tensor:
        gain = GAIN / _STORED if differences.dtype == torch.int8 else GAIN
        x = differences.contiguous(memory_format=torch.channels_last).to(self.outer.weight.dtype)
        for place, convolution in enumerate(self.convolutions):
            assert isinstance(convolution, nn.Conv2d)
            weight = convolution.weight * gain if place == 0 else convolution.weight  # the picture is not walked for it
            x = functional.conv2d(x, weight, convolution.bias, stride=2, padding=1)
            x = functional.leaky_relu(x, SLOPE, inplace=True)
        return self.outer(functional.leaky_relu(self.inner(x.flatten(1)), SLOPE))


class MotionTcn(nn.Module):
    """Features of 9 neighbouring frames (B, 9, 32) to the code (B, 32) of the middle one (equation 4).

    Three convolutions over time, dilated by 1, 1 and 2, see just these nine. Each adds to what came before, so that
    the middle frame's own feature also runs straight through (spec 1, section 9.4).
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(CODE_SIZE, CODE_SIZE, 3, dilation=d) for d in (1, 1, 2))
        _initialise(self, generator)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        x = features.transpose(1, 2)
        for convolution in self.convolutions:
            change = functional.leaky_relu(convolution(x), SLOPE)
            border = (x.shape[2] - change.shape[2]) // 2
            x = x[:, :, border:-border] + change
        return x.squeeze(2)


def motion_encoder(generator: torch.Generator) -> SignalEncoder:
    """PNCC differences (T, 3, 256, 256), see :class:`DifferenceEncoder`, to codes."""
    return SignalEncoder(DifferenceEncoder(generator), MotionTcn(generator), REACH, REACH)


def stored(differences: Tensor) -> Tensor:
    """Differences in [-2, 2] as int8, a quarter of the memory."""
    return (_STORED * differences).round().to(torch.int8)


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draws all weights from ``generator`` so that signals keep their size through leaky rectifiers (He et al. 2015).

    Eight layers deep, the smaller weights of the speech encoder would leave a code that does not move.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d):
            bound = math.sqrt(6.0 / ((1.0 + SLOPE**2) * layer.weight[0].numel()))
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
