"""Ears: a rim that curls round a hollow shell, on both sides of the head."""

from __future__ import annotations

import numpy as np

from d3talker.speaker.identity import Identity
from d3talker.speaker.mesh_piece import Label, Material, Piece, grid_triangles


def build_ear(side: float, identity: Identity) -> Piece:
    """One ear.

    Args:
        side: +1 at +x, -1 at -x.
    """
    rings, columns = 15, 44
    radius, turn = np.meshgrid(np.linspace(0, 1, rings), np.linspace(0, 2 * np.pi, columns), indexing="ij")
    # Outline in the ear's own plane: wide above, a lobe below, flat where it joins the head.
    back = np.cos(turn)  # +1 at the rear edge
    up = np.sin(turn)
    width = 0.0150 * (1 + 0.20 * up - 0.10 * up**2) * np.where(back > 0, 1.0, 0.62)
    height = np.where(up > 0, 0.0270, 0.0285)
    backward, upward = radius * width * back, radius * height * up
    rim = np.where(back > -0.45, 1.0, 0.35)
    outward = 0.0045 * np.exp(-(((radius - 0.88) / 0.09) ** 2)) * rim  # helix
    outward += 0.0036 * np.exp(-(((radius - 0.56) / 0.10) ** 2)) * np.where(up > -0.6, 1, 0.4)  # inner ridge
    outward -= 0.0060 * np.exp(-((backward + 0.001) ** 2 / 0.0055**2 + (upward + 0.003) ** 2 / 0.008**2))  # hollow
    outward += 0.0050 * np.exp(-((backward + 0.0085) ** 2 / 0.003**2 + (upward + 0.004) ** 2 / 0.004**2))  # tragus
    outward += 0.010 * (backward / 0.0165) * (radius**1.5) - 0.0045 * smooth_edge(radius)
    flare = np.radians(18)
    x = np.cos(flare) * outward + np.sin(flare) * backward * 0.9
    z = -backward * np.cos(flare) + np.sin(flare) * outward - 0.16 * upward
    place = np.array([0.0735 * identity.face_width, -0.004, -0.004])
    points = np.stack([x, upward, z], -1).reshape(-1, 3) + place
    points[:, 0] *= side
    uv = np.stack([radius, outward * 100], -1).reshape(-1, 2)
    return Piece(points, grid_triangles(rings, columns), uv, Material.EAR, Label.HAIR)


def smooth_edge(radius: np.ndarray) -> np.ndarray:
    """1 at the outer edge, which bends back towards the head."""
    return np.clip((radius - 0.9) / 0.1, 0, 1) ** 2
