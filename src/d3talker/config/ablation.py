"""The rows of D3-Talker's Table 4: a method with a part of it left out or changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from d3talker.config.method import Attribute, BranchSettings, FieldSettings, MethodSettings
from d3talker.core.errors import D3Error

_EVERYTHING: tuple[Attribute, ...] = ("position", "rotation", "scale", "opacity", "colour")


def _each_field(method: MethodSettings, change: Callable[[FieldSettings], FieldSettings]) -> MethodSettings:
    def changed(branch: BranchSettings) -> BranchSettings:
        return replace(branch, fields=tuple(change(field) for field in branch.fields))

    return replace(method, face=changed(method.face), mouth=changed(method.mouth))


def _deforming(attributes: tuple[Attribute, ...]) -> Callable[[MethodSettings], MethodSettings]:
    """The face deforms ``attributes``; the inside of the mouth only ever moves."""

    def change(method: MethodSettings) -> MethodSettings:
        fields = tuple(replace(field, deforms=attributes) for field in method.face.fields)
        return replace(method, face=replace(method.face, fields=fields))

    return change


ABLATIONS: dict[str, Callable[[MethodSettings], MethodSettings]] = {
    "audio-only": lambda method: _each_field(method, lambda field: replace(field, signal="audio")),
    "motion-only": lambda method: _each_field(method, lambda field: replace(field, signal="motion")),
    "no-similarity": lambda method: replace(method, similarity=False),
    "no-contrast": lambda method: replace(method, contrast=False),
    "no-similarity-no-contrast": lambda method: replace(method, similarity=False, contrast=False),
    "no-refiner": lambda method: replace(method, refiner=None),
    "position": _deforming(("position",)),
    "everything": _deforming(_EVERYTHING),
}
"""By the name that ``--ablation`` takes. ``audio-only`` is the row without facial motion, ``no-contrast`` the one with
the similarity loss alone, ``no-similarity`` the one with InsTaG's loss alone."""


def ablated(method: MethodSettings, name: str | None) -> MethodSettings:
    """The method changed as :data:`ABLATIONS` says, or as it is.

    Raises:
        D3Error: there is no such ablation.
    """
    if name is None:
        return method
    if name not in ABLATIONS:
        raise D3Error(f"there is no ablation {name!r}", ", ".join(ABLATIONS), "Choose one of them.")
    return replace(ABLATIONS[name](method), name=f"{method.name}-{name}")
