"""The same question to many fields at once: what would each person do here?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from d3talker.fields.deformation import DeformationField
from d3talker.ops.grid import encode_triplane


@torch.no_grad()
def positions_together(fields: Sequence[DeformationField], points: Tensor, codes: Tensor, expression: Tensor) -> Tensor:
    """The displacements (K, N, 3) metres of points (N, 3) by K fields of one shape, without gradient.

    Every layer is one batched product over the fields; :class:`DeformationField` says what is computed.

    Args:
        fields: with equal settings, without a hook.
        points: (N, 3) metres.
        codes: (K, 32), one for each field.
        expression: (6,).
    """
    first = fields[0]
    encodings = torch.stack([encode_triplane(points, field.tables, field.shape) for field in fields])

    def stacked(name: str) -> list[Tensor]:
        layers = zip(*(getattr(field, name) for field in fields), strict=True)
        return [torch.stack(list(weights)) for weights in layers]

    signal = codes[:, None].expand(-1, len(points), -1)
    if first.signal_attention is not None:
        signal = signal * _mlp(encodings, stacked("signal_attention"))
    inputs = [encodings, signal]
    if first.expression_attention is not None:
        mixed = _mlp(expression[:-1].expand(len(fields), 1, -1), stacked("expression_mix"))
        mixed = torch.cat([mixed, expression[-1:].expand(len(fields), 1, 1)], dim=2)
        inputs.append(mixed * torch.relu(_mlp(encodings, stacked("expression_attention"))))
    output = _mlp(torch.cat(inputs, dim=2), stacked("decoder"))
    return torch.stack([field.split(field.scale * told).position for field, told in zip(fields, output, strict=True)])


def _mlp(x: Tensor, weights: list[Tensor]) -> Tensor:
    """(K, N, D) through K networks of weights (K, out, in), no biases, ReLU between."""
    for number, weight in enumerate(weights):
        x = torch.bmm(torch.relu(x) if number else x, weight.transpose(1, 2))
    return x
