"""Gated convolutions over time (van den Oord et al. 2016) with a condition, as variational speech models stack them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class NormedConv1d(nn.Module):
    """A convolution whose weight is a length times a direction (Salimans and Kingma 2016), of the same length out."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1) -> None:
        super().__init__()
        plain = nn.Conv1d(inputs, outputs, kernel)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.weight_g = nn.Parameter(plain.weight.detach().norm(dim=(1, 2), keepdim=True))
        self.weight_v = plain.weight

    @property
    def weight(self) -> Tensor:
        """(outputs, inputs, kernel)."""
        return self.weight_g * self.weight_v / self.weight_v.norm(dim=(1, 2), keepdim=True)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, T) to (B, outputs, T)."""
        return functional.conv1d(x, self.weight, self.bias, padding=self.weight_v.shape[2] // 2)

    def folded(self) -> nn.Conv1d:
        """The same convolution with a plain weight."""
        outputs, inputs, kernel = self.weight_v.shape
        plain = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
        plain.weight, plain.bias = nn.Parameter(self.weight.detach()), nn.Parameter(self.bias.detach())
        return plain


class WaveNet(nn.Module):
    """Layers of tanh times sigmoid; each adds to its input and to the output, the last one to the output alone."""

    def __init__(self, width: int, kernel: int, layers: int, condition: int) -> None:
        super().__init__()
        self.width = width
        self.in_layers = nn.ModuleList(NormedConv1d(width, 2 * width, kernel) for _ in range(layers))
        self.res_skip_layers = nn.ModuleList(
            NormedConv1d(width, 2 * width if layer < layers - 1 else width) for layer in range(layers)
        )
        self.cond_layer = NormedConv1d(condition, 2 * width * layers)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, width, T) and (B, condition, T) to (B, width, T)."""
        output = torch.zeros_like(x)
        shares = self.cond_layer(condition).chunk(len(self.in_layers), dim=1)
        for into, out, share in zip(self.in_layers, self.res_skip_layers, shares, strict=True):
            signal, gate = (into(x) + share).chunk(2, dim=1)
            found = out(torch.tanh(signal) * torch.sigmoid(gate))
            if found.shape[1] > self.width:
                x = x + found[:, : self.width]
                found = found[:, self.width :]
            output = output + found
        return output


def fold_weight_norm(module: nn.Module) -> None:
    """Replaces every :class:`NormedConv1d` in ``module`` by the plain convolution that it computes."""
    for name, child in module.named_children():
        if isinstance(child, NormedConv1d):
            setattr(module, name, child.folded())
        else:
            fold_weight_norm(child)
