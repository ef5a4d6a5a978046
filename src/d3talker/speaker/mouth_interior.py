"""Teeth, gums, tongue and the dark behind them."""

from __future__ import annotations

import numpy as np

from d3talker.speaker.face_surface import MOUTH_HEIGHT
from d3talker.speaker.mesh_piece import Label, Material, Piece, ellipsoid, grid_triangles

# Widths of the teeth from the middle outwards, in metres.
UPPER_WIDTHS = np.array([0.0084, 0.0066, 0.0076, 0.0070, 0.0068, 0.0090])
LOWER_WIDTHS = np.array([0.0053, 0.0058, 0.0068, 0.0069, 0.0070, 0.0095])
TEETH_FRONT = 0.0805


def tooth_row(widths: np.ndarray, heights: np.ndarray, front: float, edge: float, towards: float) -> Piece:
    """One row of teeth on its arch.

    Args:
        widths: (6,) metres from the middle outwards.
        heights: (6,) metres.
        front: z of the middle teeth.
        edge: y of the biting edge.
        towards: +1 where the gums are above the edge, -1 below.
    """
    bounds = np.concatenate([[0], np.cumsum(widths)])
    steps, rows = 9, 9
    inner = np.linspace(-1, 1, steps)
    columns = []  # arc length, rounding across the tooth, height
    for tooth in range(6):
        middle, half = (bounds[tooth] + bounds[tooth + 1]) / 2, widths[tooth] / 2
        columns += [(middle + half * t, t, heights[tooth]) for t in inner]
    right = np.array(columns)
    left = right[::-1] * np.array([-1, -1, 1])
    arc, rounding, height = np.concatenate([left, right]).T
    x = 0.0235 * np.sin(arc / 0.0275)
    z = front - 9.0 * x**2 - 3.2e4 * x**4
    up = np.linspace(0, 1, rows)[:, None]
    corner = 0.09 * np.abs(rounding) ** 4 * (1 - up) ** 2  # the rounded corners of the biting edge
    y = edge + towards * height * (up + corner * 1.5)
    bulge = 0.0011 * (1 - np.abs(rounding) ** 3) + 0.0009 * np.sin(np.pi * up**0.8) - 0.0010 * (1 - up) ** 3
    points = np.stack(np.broadcast_arrays(x[None], y, z[None] + bulge), -1).reshape(-1, 3)
    uv = np.stack(np.broadcast_arrays(np.abs(rounding)[None], up), -1).reshape(-1, 2)
    return Piece(points, grid_triangles(rows, len(x)), uv, Material.TOOTH, Label.MOUTH)


def gum(front: float, edge: float, towards: float) -> Piece:
    """The gum above or below a row of teeth: a band that follows the arch a little further back."""
    x = np.linspace(-0.023, 0.023, 40)
    up = np.linspace(0, 1, 6)[:, None]
    scallop = 0.0008 * np.cos(2 * np.pi * x / 0.0078)[None]
    y = edge + towards * (0.009 * up + scallop * (1 - up))
    z = front + 0.0004 + 0.0012 * np.sin(np.pi * up) - 9.0 * x[None] ** 2 - 3.2e4 * x[None] ** 4
    points = np.stack(np.broadcast_arrays(x[None], y, z), -1).reshape(-1, 3)
    uv = np.stack(np.broadcast_arrays(0 * x[None], up), -1).reshape(-1, 2)
    return Piece(points, grid_triangles(6, 40), uv, Material.GUM, Label.MOUTH)


def build_mouth() -> dict[str, Piece]:
    """All of it by name; the lower teeth and gum and the tongue move with the jaw."""
    upper_heights = np.array([0.0098, 0.0086, 0.0096, 0.0084, 0.0078, 0.0070])
    lower_heights = np.array([0.0082, 0.0084, 0.0092, 0.0080, 0.0076, 0.0068])
    upper_edge, lower_edge, lower_front = MOUTH_HEIGHT - 0.0004, MOUTH_HEIGHT - 0.0008, TEETH_FRONT - 0.0030
    return {
        "upper_teeth": tooth_row(UPPER_WIDTHS, upper_heights, TEETH_FRONT, upper_edge, 1.0),
        "upper_gum": gum(TEETH_FRONT, upper_edge + 0.0088, 1.0),
        "lower_teeth": tooth_row(LOWER_WIDTHS, lower_heights, lower_front, lower_edge, -1.0),
        "lower_gum": gum(lower_front, lower_edge - 0.0078, -1.0),
        "tongue": tongue(),
        "cavity": cavity(),
    }


def tongue() -> Piece:
    """The front of the tongue, resting behind the lower teeth."""
    points, triangles, direction = ellipsoid(
        np.array([0, MOUTH_HEIGHT - 0.0095, 0.050]), np.array([0.0165, 0.0070, 0.0225]), 12, 24
    )
    points[:, 1] -= 0.0020 * np.exp(-((points[:, 0] / 0.003) ** 2)) * (direction[:, 1] > 0) * direction[:, 1]
    return Piece(points, triangles, direction[:, :2], Material.GUM, Label.MOUTH)


def cavity() -> Piece:
    """A dark wall behind everything."""
    x, y = np.meshgrid(np.linspace(-0.032, 0.032, 7), np.linspace(-0.030, 0.018, 7))
    z = 0.045 - 12 * x**2
    points = np.stack([x, MOUTH_HEIGHT + y, z], -1).reshape(-1, 3)
    return Piece(points, grid_triangles(7, 7), np.zeros((49, 2)), Material.CAVITY, Label.MOUTH)
