"""The resting skin as a grid with three slits (mouth and eyes) whose rims continue inwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from d3talker.speaker.face_surface import (
    CHIN_ROW,
    EYE_HEIGHT,
    EYE_SIDE,
    MOUTH_HEIGHT,
    PROFILE,
    profile_for,
    relief,
    sweep,
)
from d3talker.speaker.identity import Identity

EYE_HALF_WIDTH = 0.0142
INNER_LAYERS = 4  # strips behind each rim

# (from, to, step) of the rows' height on the midline, metres: fine where the face moves.
ROW_BANDS = (
    (0.1215, 0.046, 0.0042),
    (0.046, 0.026, 0.002),
    (0.026, -0.006, 0.0008),
    (-0.006, -0.018, 0.0015),
    (-0.018, -0.044, 0.0010),
    (-0.044, -0.072, 0.0007),
    (-0.072, CHIN_ROW, 0.0019),
)


@dataclass(frozen=True)
class SkinGrid:
    """The skin at rest, closed mouth, closed slits.

    Attributes:
        points: (V, 3) metres, head frame.
        across, along: (V,) material coordinates in metres (see ``face_surface``).
        row: (V,) row of the profile table, in fractions; grows downwards.
        angle: (V,) radians round the head.
        side: (V,) +1 above a slit's line, -1 below.
        layer: (V,) 0 on the outside, 1.. on the strips behind a rim.
        slit: (V,) 0 none, 1 mouth, 2 eye at -x, 3 eye at +x: whose rim the vertex belongs to.
        triangles: (F, 3).
        uv: (V, 2) place in the unit texture: column, row.
        shape: rows and columns of the grid; vertex ``row * columns + column`` is its node.
    """

    points: np.ndarray
    across: np.ndarray
    along: np.ndarray
    row: np.ndarray
    angle: np.ndarray
    side: np.ndarray
    layer: np.ndarray
    slit: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    shape: tuple[int, int]


def grid_rows(profile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows as fractions of the profile table, and the heights that name them (PROFILE's own heights, for everyone)."""
    heights = np.concatenate([np.arange(start, end + step / 2, -step) for start, end, step in ROW_BANDS])
    heights = np.unique(np.round(heights, 6))[::-1]
    # Both slits need a row of their own.
    for line in (EYE_HEIGHT, MOUTH_HEIGHT):
        heights[np.argmin(np.abs(heights - line))] = line
    heights = heights[np.concatenate([[True], np.diff(heights) < -2e-4])]
    fine = np.linspace(0, 15, 4000)
    front = sweep(PROFILE, fine, np.zeros(1))[:, 0, 1]
    face_rows = np.interp(-heights, -front, fine)
    below = np.concatenate([np.arange(15.2, 20, 0.25), np.arange(20, 27.01, 0.35)])
    below_heights = sweep(PROFILE, below, np.zeros(1))[:, 0, 1]
    return np.concatenate([face_rows, below]), np.concatenate([heights, np.minimum(below_heights, CHIN_ROW - 1e-3)])


def grid_angles() -> np.ndarray:
    """Angles round the head: dense in front, none at the back, which is never seen."""
    half = np.concatenate([np.arange(0, 0.95, 0.0155), np.arange(0.955, 1.65, 0.036), np.arange(1.68, 2.4, 0.1)])
    return np.concatenate([-half[:0:-1], half])


def build_skin(identity: Identity) -> SkinGrid:
    """Builds the person's skin."""
    profile = profile_for(identity)
    rows, heights = grid_rows(profile)
    angles = grid_angles()
    shape = (len(rows), len(angles))
    points = sweep(profile, rows, angles)
    across, along = points[..., 0].copy(), np.broadcast_to(heights[:, None], shape)
    face = (np.cos(angles) > 0)[None] & (rows < 18)[:, None]
    points[..., 2] += np.where(face, relief(across, along, identity), 0)

    names = np.arange(rows.size * angles.size).reshape(shape)
    columns = {name: _flat(values, shape) for name, values in {
        "points": points, "across": across, "along": along, "row": rows[:, None], "angle": angles[None],
        "side": np.ones(shape), "layer": np.zeros(shape), "slit": np.zeros(shape),
        "u": np.linspace(0, 1, shape[1])[None], "v": np.linspace(0, 1, shape[0])[:, None],
    }.items()}  # fmt: skip
    ceiling = names.copy()  # what the row is to the quads under it
    strips: list[np.ndarray] = []
    for slit, (height, centre, half_width) in enumerate(slit_places(identity), start=1):
        row = int(np.argmin(np.abs(heights - height)))
        inside = np.flatnonzero((np.abs(across[row] - centre) < half_width + 0.001) & (np.cos(angles) > 0))
        first = sum(len(part) for part in columns["across"])
        upper = names[row, inside]
        for side, layers in ((-1, range(INNER_LAYERS + 1)), (1, range(1, INNER_LAYERS + 1))):
            rim = [] if side < 0 else [upper]
            for layer in layers:
                for values in columns.values():
                    values.append(values[0][upper])
                for name, value in (("side", side), ("layer", layer), ("slit", slit)):
                    columns[name][-1] = np.full(len(upper), value, float)
                rim.append(np.arange(first, first + len(upper)))
                first += len(upper)
            strips.append(np.array(rim))
            if side < 0:
                ceiling[row, inside] = rim[0]
        columns["slit"][0][upper] = slit
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    line = np.where((joined["row"] < 9.5), EYE_HEIGHT, MOUTH_HEIGHT)
    below_line = (joined["layer"] == 0) & (joined["along"] < line)
    joined["side"][below_line] = -1
    triangles = [_quads(names[1:], ceiling[:-1])] + [_quads(strip[1:], strip[:-1]) for strip in strips]
    return SkinGrid(
        points=joined["points"],
        across=joined["across"],
        along=joined["along"],
        row=joined["row"],
        angle=joined["angle"],
        side=joined["side"],
        layer=joined["layer"].astype(int),
        slit=joined["slit"].astype(int),
        triangles=np.concatenate(triangles),
        uv=np.column_stack([joined["u"], joined["v"]]),
        shape=shape,
    )


def slit_places(identity: Identity) -> list[tuple[float, float, float]]:
    """Height, centre and half width (metres) of the mouth and the two eyes."""
    return [
        (MOUTH_HEIGHT, 0.0, identity.mouth_half_width),
        (EYE_HEIGHT, -EYE_SIDE, EYE_HALF_WIDTH),
        (EYE_HEIGHT, EYE_SIDE, EYE_HALF_WIDTH),
    ]


class _Column(list):
    """The pieces of one vertex attribute, the grid first."""


def _flat(values: np.ndarray, shape: tuple[int, int]) -> _Column:
    tail = values.shape[2:]
    return _Column([np.broadcast_to(values, (*shape, *tail)).reshape(-1, *tail).astype(float).copy()])


def _quads(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Two triangles for each cell between two stacks of rows of vertex numbers, (R, A) each."""
    a, b = upper[:, :-1].ravel(), upper[:, 1:].ravel()
    c, d = lower[:, :-1].ravel(), lower[:, 1:].ravel()
    return np.concatenate([np.column_stack([a, c, b]), np.column_stack([b, c, d])])
