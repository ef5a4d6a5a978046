"""What a benchmark tells, and how it is written: one vocabulary for every part, as JSON and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Measured:
    """One number, what it stands beside, and what was wanted.

    A target is one of the ratio where there is a ratio, else one of the value.
    """

    name: str
    value: float
    unit: str
    reference: str = ""
    """What the ratio is to, by name and with its own number."""
    ratio: float | None = None
    target: float | None = None
    better: Literal["more", "less"] = "less"
    """Which way the target is held: at least, or at most."""
    note: str = ""
    """What a reader must know beside it, such as that a number is projected."""

    @property
    def met(self) -> bool | None:
        """Whether the target is held; None where there is none."""
        if self.target is None:
            return None
        judged = self.value if self.ratio is None else self.ratio
        return judged >= self.target if self.better == "more" else judged <= self.target


@dataclass(frozen=True)
class Work:
    """What must be done and moved at the very least, whatever the algorithm does besides."""

    float32: float = 0.0
    """Operations on floats; a product that is added counts two."""
    bytes: float = 0.0
    """Read once what goes in, written once what comes out."""
    int8: float = 0.0
    """Operations on bytes, counted alike."""

    def __add__(self, other: Work) -> Work:
        return Work(self.float32 + other.float32, self.bytes + other.bytes, self.int8 + other.int8)

    def times(self, factor: float) -> Work:
        """So much of all of it."""
        return Work(factor * self.float32, factor * self.bytes, factor * self.int8)


@dataclass(frozen=True)
class Kernel:
    """Something whose distance to the ceilings of the machine is told: processor milliseconds on one thread."""

    name: str
    milliseconds: float
    work: Work
    note: str = ""


@dataclass
class Report:
    """Everything that a part of the benchmark found out."""

    measured: list[Measured] = field(default_factory=list)
    kernels: list[Kernel] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Lines of Markdown below the table."""
    facts: dict[str, float] = field(default_factory=dict)
    """Further numbers by name, for other parts."""

    def plain(self) -> dict[str, Any]:
        """As JSON takes it; says of every number whether its target was met."""
        return asdict(self) | {"measured": [asdict(one) | {"met": one.met} for one in self.measured]}

    @classmethod
    def read(cls, told: dict[str, Any]) -> Report:
        """The way back."""
        numbers = [{name: value for name, value in one.items() if name != "met"} for one in told["measured"]]
        kernels = [Kernel(**one | {"work": Work(**one["work"])}) for one in told["kernels"]]
        return cls([Measured(**one) for one in numbers], kernels, told["notes"], told["facts"])

    def markdown(self) -> str:
        """The table of the numbers, then the notes."""
        return "\n".join([measured_table(self.measured), *(["", *self.notes] if self.notes else [])])


def against(
    name: str,
    value: float,
    reference: str,
    reference_value: float,
    target: float | None = None,
    unit: str = "CPU-ms",
    note: str = "",
) -> Measured:
    """A time that shall be so many times less than that of a named reference."""
    told = f"{reference}: {number(reference_value)}"
    return Measured(name, value, unit, told, reference_value / value, target, "more", note)


def number(value: float) -> str:
    """Three digits that count."""
    if value == 0.0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def measured_table(measured: Sequence[Measured]) -> str:
    """What | measured | named reference | ratio | target | met?"""
    rows = []
    for one in measured:
        sign = "at least" if one.better == "more" else "at most"
        what = f"{one.name} ({one.note})" if one.note else one.name
        ratio = "" if one.ratio is None else f"{one.ratio:.4g}" if one.ratio < 10 else number(one.ratio)
        target = "" if one.target is None else f"{sign} {number(one.target)}"
        met = {True: "yes", False: "**no**", None: ""}[one.met]
        rows.append([what, f"{number(one.value)} {one.unit}", one.reference, ratio, target, met])
    return table(["what", "measured", "named reference", "ratio", "target", "met"], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "-|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
