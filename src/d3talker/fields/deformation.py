"""A deformation field: where a Gaussian goes, given where it rests and what is said (TalkingGaussian, eq. 5-7)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from d3talker.config.method import FieldSettings
from d3talker.fields.audio import CODE_SIZE
from d3talker.ops.grid import GridShape, encode_triplane
from d3talker.ops.mlp import mlp

EXPRESSION_SIZE = 6
"""Numbers of the upper-face expression; the last one is the blink."""
_STEP = 1e-2  # metres a unit of the decoder's output; keeps early displacements small
_WIDTHS = {"position": 3, "rotation": 4, "scale": 3}


@dataclass(frozen=True)
class Resting:
    """What a field knows of N points before anybody speaks; constant while the points stand still."""

    encoding: Tensor  # (N, 3 * levels)
    signal_attention: Tensor | None  # (N, 32)
    expression_attention: Tensor | None  # (N, 6)


@dataclass(frozen=True)
class Displacement:
    """Changes of N Gaussians; None where the field leaves an attribute alone."""

    position: Tensor  # (N, 3) metres
    rotation: Tensor | None  # (N, 4) added to the raw quaternion
    scale: Tensor | None  # (N, 3) added to the raw scale

    def __add__(self, other: Displacement) -> Displacement:
        def total(a: Tensor | None, b: Tensor | None) -> Tensor | None:
            return b if a is None else a if b is None else a + b

        return Displacement(
            self.position + other.position, total(self.rotation, other.rotation), total(self.scale, other.scale)
        )


class DeformationField(nn.Module):
    """Tri-plane features, attention over regions, and a decoder without biases.

    Without biases and with grids that start near zero the displacement starts near zero (below 1e-6 m).
    """

    def __init__(self, settings: FieldSettings, generator: torch.Generator) -> None:
        super().__init__()
        self.settings = settings
        self.shape = GridShape(settings.lowest_resolution, settings.highest_resolution, settings.levels, settings.bound)
        features = 3 * settings.levels
        self.tables = nn.Parameter(torch.empty(3, self.shape.size).uniform_(-1e-4, 1e-4, generator=generator))

        def layers(*sizes: int) -> nn.ParameterList:
            return nn.ParameterList(
                torch.empty(b, a).uniform_(-(a**-0.5), a**-0.5, generator=generator)
                for a, b in zip(sizes[:-1], sizes[1:], strict=True)
            )

        self.signal_attention = layers(features, 32, CODE_SIZE) if settings.region_attention else None
        self.expression_attention = layers(features, 16, EXPRESSION_SIZE) if settings.expression else None
        self.expression_mix = layers(EXPRESSION_SIZE - 1, 16, EXPRESSION_SIZE - 1) if settings.expression else None
        inputs = features + CODE_SIZE + (EXPRESSION_SIZE if settings.expression else 0)
        outputs = sum(_WIDTHS[attribute] for attribute in settings.deforms)
        self.decoder = layers(inputs, settings.hidden, settings.hidden, outputs)
        self.register_buffer("damping", _STEP * torch.tensor(settings.damping), persistent=False)

    def rest(self, points: Tensor) -> Resting:
        """Everything about ``points`` (N, 3) metres that does not depend on the frame."""
        encoding = encode_triplane(points, self.tables, self.shape)
        signal = None if self.signal_attention is None else mlp(encoding, list(self.signal_attention))
        expression = (
            None if self.expression_attention is None else torch.relu(mlp(encoding, list(self.expression_attention)))
        )
        return Resting(encoding, signal, expression)

    def forward(self, resting: Resting, code: Tensor, expression: Tensor) -> Displacement:
        """The displacement for a signal ``code`` (32,) and an ``expression`` (6,)."""
        points = len(resting.encoding)
        signal = code.expand(points, -1) if resting.signal_attention is None else code * resting.signal_attention
        inputs = [resting.encoding, signal]
        if resting.expression_attention is not None:
            inputs.append(self.mix(expression) * resting.expression_attention)
        return self.split(mlp(torch.cat(inputs, dim=1), list(self.decoder)))

    def frozen(self, resting: Resting) -> FrozenField:
        """The same field for points that stand still, with all that is constant computed once."""
        return FrozenField(self, resting)

    def mix(self, expression: Tensor) -> Tensor:
        """The expression (6,) as the decoder takes it: five numbers through a small network, the blink as it is."""
        if self.expression_mix is None:
            return expression
        return torch.cat([mlp(expression[None, :-1], list(self.expression_mix))[0], expression[-1:]])

    def split(self, output: Tensor) -> Displacement:
        """The decoder's output (N, outputs) as a displacement."""
        deforms = self.settings.deforms
        parts = dict(zip(deforms, output.split([_WIDTHS[a] for a in deforms], dim=-1), strict=True))
        return Displacement(parts["position"] * self.damping, parts.get("rotation"), parts.get("scale"))


class FrozenField:
    """A field over resting points: the grid's share of the first layer is a constant, only signals are left."""

    def __init__(self, field: DeformationField, resting: Resting) -> None:
        first, *self._rest = [weight.detach() for weight in field.decoder]
        features = resting.encoding.shape[1]
        self._field, self._resting = field, resting
        self._constant = resting.encoding @ first[:, :features].T
        self._signal = first[:, features : features + CODE_SIZE]
        self._expression = first[:, features + CODE_SIZE :]

    def __call__(self, code: Tensor, expression: Tensor) -> Displacement:
        """As :meth:`DeformationField.forward`."""
        if self._resting.signal_attention is None:
            hidden = self._constant + self._signal @ code
        else:
            hidden = torch.addmm(self._constant, self._resting.signal_attention, (self._signal * code).T)
        if self._resting.expression_attention is not None:
            weight = self._expression * self._field.mix(expression)
            hidden = torch.addmm(hidden, self._resting.expression_attention, weight.T)
        return self._field.split(mlp(hidden.relu_(), self._rest))
