"""Who the built-in speaker is: proportions, colours and hair, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]
"""Linear RGB in [0, 1]."""

SKINS: tuple[Colour, ...] = ((0.62, 0.38, 0.27), (0.36, 0.19, 0.12), (0.54, 0.33, 0.22), (0.185, 0.104, 0.070))
HAIRS: tuple[Colour, ...] = ((0.085, 0.042, 0.020), (0.016, 0.012, 0.011), (0.31, 0.205, 0.105), (0.022, 0.014, 0.011))
IRISES: tuple[Colour, ...] = ((0.10, 0.17, 0.11), (0.085, 0.045, 0.02), (0.10, 0.20, 0.33), (0.16, 0.12, 0.06))
CLOTHES: tuple[Colour, ...] = ((0.045, 0.10, 0.17), (0.32, 0.30, 0.26), (0.16, 0.035, 0.04), (0.03, 0.09, 0.075))
WALLS: tuple[Colour, ...] = ((0.24, 0.25, 0.26), (0.20, 0.24, 0.22), (0.22, 0.25, 0.30), (0.30, 0.25, 0.20))
STYLES = ("long", "short", "swept", "curly")


@dataclass(frozen=True)
class Identity:
    """One person. Lengths in metres, factors around 1, colours linear RGB.

    Attributes:
        seed: drives the fine random detail (strands, freckles, background).
        style: one of ``STYLES``.
        stubble: 0 none .. 1 a dark two-day beard.
        freckles: 0 none .. 1 many.
    """

    seed: int
    style: str
    skin: Colour
    hair: Colour
    iris: Colour
    cloth: Colour
    wall: Colour
    lip: Colour
    face_width: float
    jaw_width: float
    chin_length: float
    nose_length: float
    nose_width: float
    lip_fullness: float
    mouth_half_width: float
    eye_opening: float
    eye_tilt: float
    brow_weight: float
    brow_arch: float
    neck_width: float
    shoulder_width: float
    stubble: float
    freckles: float


def make_identity(seed: int = 0) -> Identity:
    """Draws a person; the first four seeds take the hand-picked colours in turn, so that neighbours look unalike.

    Raises:
        ValueError: a negative seed.
    """
    generator = np.random.default_rng(seed)
    style = STYLES[seed % 4] if seed < 4 else str(generator.choice(STYLES))
    broad = style in ("short", "curly")  # the heavier face shapes go with the short hair styles
    pick, dress, room = (seed % 4,) * 3 if seed < 4 else (int(number) for number in generator.integers(0, 4, 3))

    def colour(base: Colour, spread: float = 0.12) -> Colour:
        red, green, blue = np.asarray(base) * np.exp(generator.normal(0, spread, 3) * 0.4 + generator.normal(0, spread))
        return float(red), float(green), float(blue)

    def around(centre: float, spread: float) -> float:
        return float(centre * (1 + spread * np.clip(generator.normal(), -2, 2)))

    skin = colour(SKINS[pick], 0.06)
    lip_tint = np.array([0.88, 0.46, 0.50]) if not broad else np.array([0.82, 0.60, 0.60])
    lip = np.asarray(skin) * lip_tint * (0.98 if not broad else 0.95)
    return Identity(
        seed=seed,
        style=style,
        skin=skin,
        hair=colour(HAIRS[pick]),
        iris=colour(IRISES[pick]),
        cloth=colour(CLOTHES[dress]),
        wall=colour(WALLS[room], 0.05),
        lip=(float(lip[0]), float(lip[1]), float(lip[2])),
        face_width=around(1.04 if broad else 1.02, 0.012),
        jaw_width=around(1.05 if broad else 0.95, 0.02),
        chin_length=around(1.0, 0.3) * (-0.001 if broad else -0.006),
        nose_length=around(1.03 if broad else 0.96, 0.04),
        nose_width=around(1.1 if broad else 0.94, 0.05),
        lip_fullness=around(0.92 if broad else 1.1, 0.08),
        mouth_half_width=around(0.0258 if broad else 0.0245, 0.03),
        eye_opening=around(0.95 if broad else 1.03, 0.04),
        eye_tilt=around(0.0010, 0.5),
        brow_weight=around(1.0 if broad else 0.72, 0.08),
        brow_arch=around(0.6 if broad else 1.1, 0.15),
        neck_width=around(1.08 if broad else 0.90, 0.02),
        shoulder_width=around(1.12 if broad else 0.97, 0.02),
        stubble=float(generator.uniform(0.35, 0.8)) if style == "short" else 0.0,
        freckles=float(generator.uniform(0.1, 0.6)) if not broad else 0.05,
    )
