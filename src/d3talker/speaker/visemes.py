"""What the mouth does in each of the 29 phone classes: the targets of the built-in speaker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Viseme:
    """Target of one class and how strongly it holds against its neighbours.

    Attributes:
        jaw: opening in radians.
        gap: between the lips on the midline, mm.
        spread: change of half the mouth's width, mm.
        protrusion: of the lips, mm.
        tuck: lower lip under the upper teeth, 0..1.
        tongue: 0 low .. 1 behind the upper teeth.
        hold: dominance of the lip targets (a neighbour with a larger one wins).
        closure: whether the lips must meet.
    """

    jaw: float
    gap: float
    spread: float = 0.0
    protrusion: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0
    hold: float = 1.0
    closure: bool = False


VISEMES: dict[str, Viseme] = {
    "sil": Viseme(0.000, 0.0, hold=0.7),
    "p": Viseme(0.020, 0.0, hold=2.2, closure=True),
    "m": Viseme(0.015, 0.0, hold=2.2, closure=True),
    "f": Viseme(0.022, 1.6, 0.4, tuck=1.0, hold=2.8),
    "th": Viseme(0.045, 3.2, tongue=0.75, hold=0.9),
    "t": Viseme(0.035, 2.6, 0.3, tongue=0.85, hold=0.5),
    "n": Viseme(0.035, 2.6, 0.2, tongue=0.85, hold=0.5),
    "ng": Viseme(0.045, 3.4, tongue=0.3, hold=0.4),
    "s": Viseme(0.018, 2.4, 1.0, tongue=0.6, hold=0.9),
    "sh": Viseme(0.020, 3.4, -2.6, 3.2, tongue=0.4, hold=1.3),
    "k": Viseme(0.045, 3.4, tongue=0.2, hold=0.4),
    "x": Viseme(0.050, 4.0, tongue=0.2, hold=0.4),
    "h": Viseme(0.055, 5.4, hold=0.3),
    "l": Viseme(0.055, 4.6, 0.2, tongue=0.9, hold=0.6),
    "r": Viseme(0.045, 3.6, tongue=0.8, hold=0.6),
    "R": Viseme(0.040, 3.6, -2.0, 2.4, tongue=0.4, hold=1.0),
    "w": Viseme(0.022, 1.8, -5.0, 4.6, hold=2.2),
    "j": Viseme(0.030, 3.2, 1.6, tongue=0.5, hold=0.8),
    "i": Viseme(0.034, 4.4, 2.4, tongue=0.4, hold=1.2),
    "I": Viseme(0.052, 5.6, 1.3, tongue=0.3, hold=1.0),
    "e": Viseme(0.062, 7.2, 1.9, tongue=0.25, hold=1.2),
    "E": Viseme(0.080, 9.4, 1.4, tongue=0.15, hold=1.2),
    "ae": Viseme(0.105, 12.6, 1.9, hold=1.4),
    "a": Viseme(0.120, 14.0, 0.4, hold=1.4),
    "@": Viseme(0.062, 6.2, -0.2, hold=0.8),
    "O": Viseme(0.095, 11.0, -2.6, 2.6, hold=1.3),
    "o": Viseme(0.062, 6.6, -4.2, 4.0, hold=1.4),
    "u": Viseme(0.034, 2.8, -5.0, 5.0, hold=1.6),
    "y": Viseme(0.036, 3.0, -4.2, 4.6, hold=1.5),
}
