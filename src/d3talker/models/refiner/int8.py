"""A refiner's convolutions in numbers of 8 bits: a third of the time where the processor multiplies those at once.

What goes into a convolution is rounded to 256 steps between its least and its largest number of the frame, so nothing
is calibrated and nothing can leave the range; weights are rounded to 255 steps an output channel. Sums are exact, and
all between the convolutions stays as it is. docs/performance.md has what it does to the picture.
"""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

from d3talker.ops.steps import in_steps

_HALF = 127
Network = TypeVar("Network", bound=nn.Module)


def int8_runs_here(device: torch.device) -> bool:
    """Whether 8 bits are faster on this machine: a CPU with VNNI, and a torch with oneDNN's operators for them."""
    return device.type == "cpu" and torch.cpu._is_vnni_supported() and hasattr(torch.ops.onednn, "qconv2d_pointwise")


def in_int8(network: Network) -> Network:
    """A copy of ``network``, for use without gradients, whose convolutions of 3 x 3 and more take 8 bits."""
    twin = copy.deepcopy(network).requires_grad_(False)
    for module in list(twin.modules()):
        for name, part in list(module.named_children()):
            if isinstance(part, nn.Conv2d) and min(part.kernel_size) > 1:
                setattr(module, name, Int8Convolution(part))
    return twin


class Int8Convolution(nn.Module):
    """Float maps (B, C, H, W) in and out, as of the convolution it is made from."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        weight = convolution.weight.detach()
        self._scales = weight.abs().amax(dim=(1, 2, 3)).clamp(min=1e-12) / _HALF
        rounded = (weight / self._scales[:, None, None, None]).round().to(torch.int8)
        self._zeros = torch.zeros(len(weight), dtype=torch.int32)
        self._bias = None if convolution.bias is None else convolution.bias.detach()
        self._layout = [list(pair) for pair in (convolution.stride, convolution.padding, convolution.dilation)]
        self._groups = convolution.groups
        prepack = torch.ops.onednn.qconv_prepack
        self._packed = prepack(rounded, self._scales, 1.0, 0, *self._layout, self._groups)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        steps, size, zero = in_steps(x)
        weights = self._packed, self._scales, self._zeros, self._bias
        told = *self._layout, self._groups, 1.0, 0, torch.float32, "none", [], ""
        return torch.ops.onednn.qconv2d_pointwise(steps, size, zero, *weights, *told)
