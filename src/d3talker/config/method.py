"""What a method is made of: the branches of the head and the fields that move them.

Every method (TalkingGaussian now, InsTaG and D3-Talker later) is a value of :class:`MethodSettings`, never a class of
its own. Numbers come from the papers' public code where it differs from the text (spec 1, sections 0, 3 and 11).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Attribute = Literal["position", "rotation", "scale"]


@dataclass(frozen=True)
class FieldSettings:
    """One deformation field: a tri-plane grid, attention over regions, a decoder."""

    signal: Literal["audio"] = "audio"
    """What drives it."""
    lowest_resolution: float = 16.0
    """Cells of the coarsest grid level across the bound."""
    highest_resolution: float = 38.4
    """Cells of the finest level. The papers print 256; their code uses 256 * 0.15, and this coarseness is the prior."""
    levels: int = 12
    """Levels of the grid, one feature each."""
    bound: float = 0.15
    """Half the side of the cube that the grid covers, in metres."""
    hidden: int = 64
    """Width of the decoder's two hidden layers."""
    deforms: tuple[Attribute, ...] = ("position", "rotation", "scale")
    """Which attributes of a Gaussian the field moves."""
    damping: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factors on x, y and z of the displacement."""
    region_attention: bool = True
    """Weigh the signal by where the point is (TalkingGaussian, eq. 7)."""
    expression: bool = True
    """Feed the upper-face expression too."""


@dataclass(frozen=True)
class BranchSettings:
    """One part of the head: its Gaussians at the start and the fields whose displacements are summed."""

    fields: tuple[FieldSettings, ...]
    """The fields that move it."""
    points: int
    """Gaussians at the start."""
    start: Literal["surface", "cube"] = "surface"
    """Where they start: on the tracked surface with its colours, or anywhere in a cube of 20 cm (the papers)."""
    colour_degree: int = 1
    """Degree of the spherical harmonics of the colours."""


@dataclass(frozen=True)
class MethodSettings:
    """A method: a face branch and an inside-mouth branch."""

    name: str
    """As given to ``--method``."""
    face: BranchSettings
    """Skin, hair, lips."""
    mouth: BranchSettings
    """Teeth, tongue, cavity."""


TALKINGGAUSSIAN = MethodSettings(
    name="talkinggaussian",
    face=BranchSettings(fields=(FieldSettings(),), points=8000),
    mouth=BranchSettings(
        fields=(
            FieldSettings(
                lowest_resolution=64.0,
                highest_resolution=57.6,
                hidden=32,
                deforms=("position",),
                damping=(0.2, 1.0, 0.2),
                region_attention=False,
                expression=False,
            ),
        ),
        points=2000,
    ),
)


def as_published(method: MethodSettings) -> MethodSettings:
    """The method with the start of the papers' code: random points in a cube, colours of degree 2."""
    return replace(
        method,
        face=replace(method.face, points=2000, start="cube", colour_degree=2),
        mouth=replace(method.mouth, points=10_000, start="cube", colour_degree=2),
    )


METHODS: dict[str, MethodSettings] = {method.name: method for method in (TALKINGGAUSSIAN,)}
