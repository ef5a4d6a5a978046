"""What a method is made of: the branches of the head and the fields that move them.

Every method is a value of :class:`MethodSettings`, never a class of its own. Numbers come from the papers' public code
where it differs from the text (spec 1, sections 0, 3 and 11).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from d3talker.config.refiner import RefinerSettings

Attribute = Literal["position", "rotation", "scale", "opacity", "colour"]
Signal = Literal["audio", "motion"]
"""Speech features, or facial motion predicted from the sound."""


@dataclass(frozen=True)
class FieldSettings:
    """One deformation field: a tri-plane grid, attention over regions, a decoder."""

    signal: Signal = "audio"
    """What drives it."""
    shared: bool = False
    """Everybody's: learned in pre-training and taken from the prior (InsTaG's universal, D3-Talker's General field and
    the start of its Individual one)."""
    stays: bool = True
    """Lives on in adaptation; people's fields beside shared ones do not."""
    share: float = 1.0
    """Of the motion of its branch: what it says counts so much, and alone it would have to say all of it."""
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
    hook: bool = False
    """Inside the mouth: feed how far the face moves up and down too (InsTaG, eq. 10 and 11)."""


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
    align: Literal["none", "place", "place and size"] = "none"
    """InsTaG's motion aligner: where the shared fields are asked, and by how much their displacements are scaled."""


@dataclass(frozen=True)
class MethodSettings:
    """A method: a face branch and an inside-mouth branch."""

    name: str
    """As given to ``--method``."""
    face: BranchSettings
    """Skin, hair, lips."""
    mouth: BranchSettings
    """Teeth, tongue, cavity."""
    face_shape: bool = False
    """Hold the Gaussians to depth and normals of the fitted face (InsTaG's geometry prior)."""
    contrast: bool = False
    """In pre-training, people's own fields repel each other (InsTaG, negative contrast)."""
    similarity: bool = False
    """In pre-training, the General motion resembles that of the right person's own field (D3-Talker, eq. 10)."""
    refiner: RefinerSettings | None = None
    """The network that repaints the rendered head (D3-Talker, eq. 11)."""

    @property
    def signals(self) -> set[str]:
        """What drives its fields."""
        return {field.signal for branch in (self.face, self.mouth) for field in branch.fields}


_FACE = FieldSettings()
_MOUTH = FieldSettings(
    lowest_resolution=64.0,
    highest_resolution=57.6,
    hidden=32,
    deforms=("position",),
    damping=(0.2, 1.0, 0.2),
    region_attention=False,
    expression=False,
)
_POINTS = {"face": 8000, "mouth": 2000}


def _method(
    name: str, face: tuple[FieldSettings, ...], mouth: tuple[FieldSettings, ...], **parts: Any
) -> MethodSettings:
    return MethodSettings(name, BranchSettings(face, _POINTS["face"]), BranchSettings(mouth, _POINTS["mouth"]), **parts)


def _personal(field: FieldSettings, hidden: int, **changes: Any) -> FieldSettings:
    """A person's own field beside a shared one: a coarse grid, half the width."""
    grid: dict[str, Any] = {"lowest_resolution": 16.0, "highest_resolution": 38.4, "hidden": hidden}
    return replace(field, **{"shared": False, "hook": False, "damping": (1.0, 1.0, 1.0), **grid, **changes})


TALKINGGAUSSIAN = _method("talkinggaussian", (_FACE,), (_MOUTH,))
"""One field a branch, driven by audio, learned from the clip alone."""

_UNIVERSAL = replace(_FACE, shared=True), replace(_MOUTH, shared=True, hook=True)
_ALIGNED = _method(
    "instag",
    (_UNIVERSAL[0], _personal(_UNIVERSAL[0], 32, stays=False)),
    (_UNIVERSAL[1], _personal(_UNIVERSAL[1], 16, stays=False)),
    face_shape=True,
    contrast=True,
)
INSTAG = replace(
    _ALIGNED,
    face=replace(_ALIGNED.face, align="place and size"),
    mouth=replace(_ALIGNED.mouth, align="place"),
)
"""Universal fields out of a prior, fitted to the person by a motion aligner."""

_HALF = replace(_UNIVERSAL[0], share=0.5), replace(_UNIVERSAL[1], share=0.5)
_GENERAL = replace(_HALF[0], signal="motion"), replace(_HALF[1], signal="motion", region_attention=True)
D3TALKER = _method(
    "d3talker",
    (_GENERAL[0], _HALF[0], _personal(_UNIVERSAL[0], 32, stays=False)),
    (_GENERAL[1], _HALF[1], _personal(_UNIVERSAL[1], 16, stays=False)),
    face_shape=True,
    contrast=True,
    similarity=True,
    refiner=RefinerSettings(),
)
"""Out of a prior the General fields, driven by facial motion, and the start of the Individual ones, driven by audio;
their mean moves the head."""


def as_published(method: MethodSettings) -> MethodSettings:
    """The method as the papers have it: random points in a cube, colours of degree 2, an Individual field that begins
    anew and is added to the General one (D3-Talker, eq. 8)."""

    def published(branch: BranchSettings, points: int, hidden: int) -> BranchSettings:
        general, *others = branch.fields
        if general.shared and others and others[0].shared:
            general = replace(general, share=1.0)
            others = [_personal(others[0], hidden, share=1.0, damping=others[0].damping)]
        return replace(branch, fields=(general, *others), points=points, start="cube", colour_degree=2)

    return replace(method, face=published(method.face, 2000, 32), mouth=published(method.mouth, 10_000, 16))


METHODS: dict[str, MethodSettings] = {method.name: method for method in (TALKINGGAUSSIAN, INSTAG, D3TALKER)}


def adapted(method: MethodSettings) -> MethodSettings:
    """The method without the fields that only pre-training has."""

    def staying(branch: BranchSettings) -> BranchSettings:
        return replace(branch, fields=tuple(field for field in branch.fields if field.stays))

    return replace(method, face=staying(method.face), mouth=staying(method.mouth))
