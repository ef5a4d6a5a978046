"""A deformation field: where a Gaussian goes, given where it rests and what is said (TalkingGaussian, eq. 5-7).

One inside the mouth may be hooked to the face (InsTaG, eq. 10 and 11): it hears how far the face moves up and down, and
how strongly it moves itself depends on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from d3talker.config.method import FieldSettings
from d3talker.fields.encoder import CODE_SIZE
from d3talker.ops.grid import GridShape, encode_triplane
from d3talker.ops.mlp import mlp

EXPRESSION_SIZE = 6
"""Numbers of the upper-face expression; the last one is the blink."""
HOOK_SIZE = 3
"""Numbers of the hook, see :mod:`.hook`."""
_STEP = 1e-2  # metres a unit of the decoder's output; keeps early displacements small
_WIDTHS = {"position": 3, "rotation": 4, "scale": 3, "opacity": 1, "colour": 3}


@dataclass(frozen=True)
class Resting:
    """What a field knows of N points before anybody speaks; constant while the points stand still."""

    encoding: Tensor  # (N, 3 * levels)
    signal_attention: Tensor | None  # (N, 32)
    expression_attention: Tensor | None  # (N, 6)
    size: Tensor | None = None  # (N, 3) factors on the displacement, of a motion aligner

    @property
    def attentions(self) -> list[Tensor]:
        """Those that there are."""
        return [part for part in (self.signal_attention, self.expression_attention) if part is not None]

    def split(self, sizes: list[int]) -> list[Resting]:
        """The same of the first points, of those after them, and so on."""
        names = ("encoding", "signal_attention", "expression_attention", "size")
        return [Resting(**named) for named in _split([getattr(self, name) for name in names], names, sizes)]


@dataclass(frozen=True)
class Displacement:
    """Changes of N Gaussians; None where the field leaves an attribute alone."""

    position: Tensor  # (N, 3) metres
    rotation: Tensor | None  # (N, 4) added to the raw quaternion
    scale: Tensor | None  # (N, 3) added to the raw scale
    opacity: Tensor | None = None  # (N,) added to the raw opacity
    colour: Tensor | None = None  # (N, 3) added to the constant colour

    def __add__(self, other: Displacement) -> Displacement:
        def total(a: Tensor | None, b: Tensor | None) -> Tensor | None:
            return b if a is None else a if b is None else a + b

        return Displacement(
            self.position + other.position,
            total(self.rotation, other.rotation),
            total(self.scale, other.scale),
            total(self.opacity, other.opacity),
            total(self.colour, other.colour),
        )

    def split(self, sizes: list[int]) -> list[Displacement]:
        """Those of the first Gaussians, of the ones after them, and so on."""
        names = ("position", "rotation", "scale", "opacity", "colour")
        return [Displacement(**named) for named in _split([getattr(self, name) for name in names], names, sizes)]

    def times(self, factor: float) -> Displacement:
        """So much of all of it."""

        def some(of: Tensor | None) -> Tensor | None:
            return None if of is None else factor * of

        return Displacement(
            factor * self.position, some(self.rotation), some(self.scale), some(self.opacity), some(self.colour)
        )


def _split(tensors: list[Tensor | None], names: Sequence[str], sizes: list[int]) -> list[dict[str, Any]]:
    """Rows of tensors by name, first those of the first part."""
    pieces = [[None] * len(sizes) if tensor is None else tensor.split(sizes) for tensor in tensors]
    return [dict(zip(names, part, strict=True)) for part in zip(*pieces, strict=True)]


class DeformationField(nn.Module):
    """Tri-plane features, attention over regions, and a decoder without biases.

    Without biases and with grids that start near zero the displacement starts near zero (below 1e-6 m).
    """

    scale: Tensor
    """(outputs,) what the decoder's last layer is multiplied by: metres, damping and the field's share."""

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
        inputs += HOOK_SIZE if settings.hook else 0
        self.scaler = layers(features + HOOK_SIZE, 16, 16, 1) if settings.hook else None
        outputs = sum(_WIDTHS[attribute] for attribute in settings.deforms)
        self.decoder = layers(inputs, settings.hidden, settings.hidden, outputs)
        scale = torch.full((outputs,), settings.share)
        scale[: _WIDTHS["position"]] *= _STEP * torch.tensor(settings.damping)
        self.register_buffer("scale", scale, persistent=False)

    def rest(self, points: Tensor) -> Resting:
        """Everything about ``points`` (N, 3) metres that does not depend on the frame."""
        encoding = encode_triplane(points, self.tables, self.shape)
        signal = None if self.signal_attention is None else mlp(encoding, list(self.signal_attention))
        expression = (
            None if self.expression_attention is None else torch.relu(mlp(encoding, list(self.expression_attention)))
        )
        return Resting(encoding, signal, expression)

    def forward(self, resting: Resting, code: Tensor, expression: Tensor, hook: Tensor | None = None) -> Displacement:
        """The displacement for a signal ``code`` (32,), an ``expression`` (6,) and the face's ``hook`` (3,)."""
        plain, gated, bias = self.first_layer(resting, code, expression, hook)
        first = torch.cat([plain, gated], dim=1)
        rows = [resting.encoding, *resting.attentions]
        return self.split(mlp(rows, [first, *self.later_layers()], bias), self.sizes(resting, hook))

    def first_layer(
        self, resting: Resting, code: Tensor, expression: Tensor, hook: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """The decoder's first layer in one frame: weights (H, F) of the encoding, (H, K) of both attentions, bias (H,).

        What an attention lets through is a factor on weights, what all points hear alike a bias: nothing is written
        down a point.
        """
        gates = [] if resting.signal_attention is None else [code]
        fixed = [] if gates else [code]
        if resting.expression_attention is not None:
            gates.append(self.mix(expression))
        if self.scaler is not None:
            assert hook is not None
            fixed.append(hook)
        sizes = [resting.encoding.shape[1], sum(map(len, gates)), sum(map(len, fixed))]
        plain, gated, constant = self.decoder[0].split(sizes, dim=1)
        if gates:
            gated = gated * torch.cat(gates)
        return plain, gated, constant @ torch.cat(fixed) if fixed else None

    def later_layers(self) -> list[Tensor]:
        """The decoder's other layers; the last one gives metres."""
        *inner, last = self.decoder[1:]
        return [*inner, last * self.scale[:, None]]

    def sizes(self, resting: Resting, hook: Tensor | None) -> Tensor | None:
        """Factors (N, 1) or (N, 3) on the displacement: the aligner's, and how strongly a hooked field moves."""
        if self.scaler is None:
            return resting.size
        assert hook is not None
        first, *others = self.scaler
        plain, constant = first.split([resting.encoding.shape[1], HOOK_SIZE], dim=1)
        strength = 2.0 * torch.sigmoid(mlp(resting.encoding, [plain, *others], constant @ hook))
        return strength if resting.size is None else resting.size * strength

    def frozen(self, resting: Resting) -> FrozenField:
        """The same field for points that stand still, with all that is constant computed once."""
        return FrozenField(self, resting)

    def mix(self, expression: Tensor) -> Tensor:
        """The expression (6,) as the decoder takes it: five numbers through a small network, the blink as it is."""
        if self.expression_mix is None:
            return expression
        mixed = mlp(expression[None, :-1], list(self.expression_mix), backend="reference")[0]  # one row
        return torch.cat([mixed, expression[-1:]])

    def split(self, output: Tensor, size: Tensor | None = None) -> Displacement:
        """The decoder's output (N, outputs) as a displacement, its position times ``size`` (N, 1) or (N, 3)."""
        deforms = self.settings.deforms
        parts = dict(zip(deforms, output.split([_WIDTHS[a] for a in deforms], dim=-1), strict=True))
        position = parts["position"]
        opacity = parts.get("opacity")
        return Displacement(
            position if size is None else position * size,
            parts.get("rotation"),
            parts.get("scale"),
            None if opacity is None else opacity[:, 0],
            parts.get("colour"),
        )


class FrozenField:
    """A field over resting points: what the encoding adds to the first layer is a constant, only signals are left."""

    def __init__(self, field: DeformationField, resting: Resting) -> None:
        self._field, self._resting = field, resting
        self._later = [weight.detach() for weight in field.later_layers()]
        self._attentions = torch.cat(resting.attentions, dim=1) if resting.attentions else None
        self._constant = resting.encoding @ field.decoder[0][:, : resting.encoding.shape[1]].T

    def __call__(self, code: Tensor, expression: Tensor, hook: Tensor | None = None) -> Displacement:
        """As :meth:`DeformationField.forward`."""
        field, resting = self._field, self._resting
        plain, gated, bias = field.first_layer(resting, code, expression, hook)
        if self._attentions is None:
            output = mlp(resting.encoding, [plain, *self._later], bias)
        else:
            constant = self._constant if bias is None else self._constant + bias
            output = mlp(self._attentions, [gated, *self._later], constant)
        return field.split(output, field.sizes(resting, hook))
