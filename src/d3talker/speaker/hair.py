"""Hair as locks: ribbons that start on the scalp and flow over a smooth body around the skull."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from d3talker.speaker.face_surface import profile_for, sweep
from d3talker.speaker.identity import Identity
from d3talker.speaker.mesh_piece import Label, Material, Piece, ribbons

# Height of the hair's edge round the head: degrees from the front, metres.
HAIRLINE = np.array(
    [[0, 0.0670], [20, 0.0670], [38, 0.061], [50, 0.050], [60, 0.038], [67, 0.022], [74, 0.004], [80, -0.002],
     [86, 0.020], [98, 0.026], [108, 0.004], [118, -0.030], [135, -0.052], [180, -0.060]]
)  # fmt: skip
SKULL_CENTRE = np.array([0.0, 0.024, -0.0075])


@dataclass(frozen=True)
class Style:
    """How the hair of one style grows; lengths in metres.

    Attributes:
        locks: how many.
        steps: points along each.
        length: of a lock.
        width: of a ribbon.
        lift: how far the outermost locks stand off, as a share of the skull's half axes.
        gravity: how fast a lock turns downwards, per step.
        curl: radius of the curls.
        turns: curls along a lock.
    """

    locks: int
    steps: int
    length: float
    width: float
    lift: float
    gravity: float
    curl: float
    turns: float


STYLES = {
    "long": Style(2000, 14, 0.25, 0.0042, 0.115, 0.24, 0.0016, 1.2),
    "short": Style(3600, 6, 0.040, 0.0021, 0.110, 0.06, 0.0006, 0.5),
    "swept": Style(2600, 11, 0.150, 0.0026, 0.030, 0.02, 0.0010, 0.8),
    "curly": Style(2600, 10, 0.062, 0.0025, 0.260, 0.05, 0.0042, 2.6),
}


def hair_cover(angle: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Metres above the edge of the hair (negative on bare skin), by angle round the head and height."""
    return height - np.interp(np.degrees(np.abs(angle)), HAIRLINE[:, 0], HAIRLINE[:, 1])


def build_hair(identity: Identity) -> Piece:
    """Grows the person's hair."""
    style = STYLES[identity.style]
    generator = np.random.default_rng([identity.seed, 11])
    roots = scalp_points(identity, style.locks, generator)
    axes = np.array([0.0765 * identity.face_width, 0.0965, 0.0945])
    lift = style.lift * generator.uniform(0.15, 1.0, len(roots)) ** 1.3
    lengths = style.length * generator.uniform(0.75, 1.1, len(roots))
    if identity.style != "long":  # shorter towards the ears and the nape
        lengths *= np.interp(roots[:, 1], [-0.06, 0.0, 0.06], [0.25, 0.40, 1.0])
    parting = 0.020
    paths = np.empty((len(roots), style.steps, 3))
    paths[:, 0] = point = roots
    heading = first_heading(identity.style, roots, parting, axes, generator)
    step = (lengths / (style.steps - 1))[:, None]
    for number in range(1, style.steps):
        share = number / (style.steps - 1)
        heading = heading + style.gravity * np.array([0, -1.0, 0]) + generator.normal(0, 0.04, heading.shape)
        # Once a lock is as far out as it goes, it keeps to the body.
        radius = fullness(point[:, 1]) * (1.006 + lift * min(1.0, 2.2 * share) ** 0.7)
        outward = surface_normals(point[:, None], axes)[:, 0]
        leaving = np.maximum((heading * outward).sum(1), 0) * (body_radius(point, axes) >= radius - 0.01)
        heading = _unit(heading - leaving[:, None] * outward)
        point = keep_outside(point + heading * step, axes, radius)
        heading = _unit(point - paths[:, number - 1])
        paths[:, number] = point
    over_face = (np.abs(paths[..., 0]) < 0.055) & (paths[..., 1] < 0.035) & (paths[..., 2] > 0.035)
    kept = ~over_face.any(1)
    roots, paths = roots[kept], paths[kept]
    normals = surface_normals(paths, axes)
    paths = paths + curls(paths, normals, style, generator)
    sides = _unit(np.cross(np.gradient(paths, axis=1), normals))
    taper = np.sin(np.pi * np.clip(np.linspace(0.04, 0.97, style.steps), 0, 1)) ** 0.6
    widths = style.width * taper[None] * generator.uniform(0.7, 1.3, (len(roots), 1))
    points, triangles, uv, tangents = ribbons(paths, sides, widths, np.arange(len(roots)).astype(float))
    normals = np.repeat(normals, 2, axis=1).reshape(-1, 3)
    hidden = (normals[:, 2] < -0.45) & ((points[:, 1] > -0.03) | (np.abs(points[:, 0]) < 0.025))
    triangles = triangles[~hidden[triangles].all(1)]
    return Piece(points, triangles, uv, Material.HAIR, Label.HAIR, normals, tangents)


def scalp_points(identity: Identity, count: int, generator: np.random.Generator) -> np.ndarray:
    """Roots (N, 3) spread over the scalp, fewer close to its edge."""
    profile = profile_for(identity)
    kept: list[np.ndarray] = []
    while sum(map(len, kept)) < count:
        # Rows near the crown are short; thin them out so that the roots lie evenly.
        rows, angles = generator.uniform(0.3, 15, 4 * count), generator.uniform(-np.pi, np.pi, 4 * count)
        candidates = _sweep_pairs(profile, rows, angles)
        width = np.hypot(candidates[:, 0], candidates[:, 2] + 0.01)
        above = hair_cover(angles, candidates[:, 1])
        edge = np.clip(above / 0.010 + 0.2, 0, 1)
        take = generator.uniform(0, 1, len(rows)) < edge * width / 0.1 * np.interp(rows, [0, 4, 15], [0.7, 1, 0.8])
        kept.append(candidates[take])
    return np.concatenate(kept)[:count]


def _sweep_pairs(profile: np.ndarray, rows: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """``sweep`` at pairs of row and angle, from a fine table."""
    fine_rows, fine_angles = np.linspace(0, 15, 301), np.linspace(-np.pi, np.pi, 361)
    table = sweep(profile, fine_rows, fine_angles)
    return table[np.round(rows / 15 * 300).astype(int), np.round((angles + np.pi) / (2 * np.pi) * 360).astype(int)]


def first_heading(
    name: str, roots: np.ndarray, parting: float, axes: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Unit directions in which the locks leave the scalp."""
    outward = surface_normals(roots[:, None], axes)[:, 0]
    away = np.where(roots[:, :1] > parting, 1.0, -1.0)
    zero = np.zeros_like(away)
    wild = generator.normal(0, 1, roots.shape)
    if name == "long":
        comb = np.hstack([1.1 * away, zero, -0.75 + zero]) + 0.12 * outward
    elif name == "short":
        front = np.clip((roots[:, 2:] + 0.02) / 0.09, 0, 1)
        comb = np.hstack([-0.55 + zero, 0.25 + zero, 0.2 + 0.5 * front]) + (0.45 + 0.25 * front) * outward + 0.22 * wild
        comb = comb - 0.7 * np.hstack([zero, np.clip((0.075 - roots[:, 1:2]) / 0.05, 0, 1), zero])
    elif name == "swept":
        comb = np.hstack([0.25 * away * (np.abs(roots[:, :1]) < 0.05), 0.15 + zero, -1.2 + zero]) + 0.3 * outward
    else:
        comb = 0.9 * outward + 0.5 * wild
    inward = np.minimum((comb * outward).sum(1, keepdims=True), 0) * outward
    return _unit(comb - inward)


def surface_normals(points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Outward unit vectors of the body that the hair lies on (an ellipsoid, upright below its middle)."""
    scaled = (points - SKULL_CENTRE) / axes**2
    scaled[..., 1] = np.maximum(scaled[..., 1], 0)
    return _unit(scaled)


def body_radius(points: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """1 on the body that the hair lies on, more outside it; (N,)."""
    scaled = (points - SKULL_CENTRE) / axes
    scaled[:, 1] = np.maximum(scaled[:, 1], 0)
    return np.linalg.norm(scaled, axis=1)


def fullness(height: np.ndarray) -> np.ndarray:
    """How much further out than the ellipsoid the skull reaches at a height (metres)."""
    return np.interp(height, [0.02, 0.03, 0.06, 0.09, 0.12], [1.0, 1.01, 1.047, 1.078, 1.065])


def keep_outside(points: np.ndarray, axes: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Pushes points that are inside the body (grown by ``radius``) onto it."""
    scaled = (points - SKULL_CENTRE) / axes
    flat = scaled.copy()
    flat[:, 1] = np.maximum(flat[:, 1], 0)
    push = np.maximum(radius / np.maximum(np.linalg.norm(flat, axis=1), 1e-6), 1)[:, None]
    push = np.column_stack([push, np.where(flat[:, 1:2] > 0, push, 1), push])
    return SKULL_CENTRE + axes * scaled * push


def curls(paths: np.ndarray, normals: np.ndarray, style: Style, generator: np.random.Generator) -> np.ndarray:
    """Offsets of waves and curls."""
    share = np.linspace(0, 1, style.steps)[None, :, None]
    phase = generator.uniform(0, 2 * np.pi, (len(paths), 1, 1)) if style.turns > 2 else paths[:, :1, :1] * 60
    turn = 2 * np.pi * style.turns * share + phase
    sideways = _unit(np.cross(np.gradient(paths, axis=1), normals))
    size = style.curl * np.minimum(1, 3 * share)
    return size * (np.cos(turn) * sideways + (np.sin(turn) if style.turns > 2 else 0) * normals)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-12)
