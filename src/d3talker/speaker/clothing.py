"""A plain knitted top: a shell around the shoulders with a collar."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from d3talker.speaker.face_surface import profile_for, sweep
from d3talker.speaker.identity import Identity
from d3talker.speaker.mesh_piece import Label, Material, Piece, grid_triangles


def build_top(identity: Identity) -> Piece:
    """The top, worn by the torso."""
    profile = profile_for(identity)
    rows, columns = 60, 121
    angles = np.linspace(-2.0, 2.0, columns)
    deep = 24.0 if identity.style in ("long", "swept") else 22.6
    neckline = PchipInterpolator([0, 0.4, 0.9, 1.4, 2.0], [deep, deep - 0.3, 22.3, 22.0, 22.0])(np.abs(angles))
    down = np.linspace(0, 1, rows) ** 1.4
    row = neckline[None] + (27.0 - neckline[None]) * down[:, None]
    fine = np.linspace(20, 27, 281)
    table = sweep(profile, fine, angles)
    exact = (row - 20) / 7 * 280
    low = np.clip(np.floor(exact).astype(int), 0, 279)
    blend = (exact - low)[..., None]
    column = np.arange(columns)[None]
    points = table[low, column] * (1 - blend) + table[low + 1, column] * blend
    outward = np.stack([np.sin(angles), 0 * angles + 0.6, np.cos(angles)], -1)[None]
    outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True)
    thickness = 0.0042 * np.clip(down * 60, 0, 1) ** 0.5 + 0.0022 * np.exp(-(((down - 0.02) / 0.018) ** 2)) - 0.001
    generator = np.random.default_rng([identity.seed, 13])
    folds = np.zeros((rows, columns))
    for _ in range(7):
        slope, pitch, phase = generator.normal(0, 1.4), generator.uniform(60, 170), generator.uniform(0, 6.3)
        folds += np.sin(pitch * (points[..., 0] + slope * 0.4 * points[..., 1]) + phase)
    points = points + outward * (
        thickness[:, None, None] + 0.0006 * folds[..., None] * np.clip(down * 3, 0, 1)[:, None, None]
    )
    uv = np.stack(np.broadcast_arrays(angles[None] * 0.15, down[:, None] * 0.25), -1).reshape(-1, 2)
    return Piece(points.reshape(-1, 3), grid_triangles(rows, columns), uv, Material.CLOTH, Label.TORSO)
