"""Colour and gloss of the skin as a texture, and the blurred room behind the person. All linear RGB."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from d3talker.speaker.face_pose import lip_heights, smoothstep
from d3talker.speaker.face_surface import EYE_HEIGHT, EYE_SIDE, MOUTH_HEIGHT, bump
from d3talker.speaker.hair import hair_cover
from d3talker.speaker.head_mesh import EYE_HALF_WIDTH, SkinGrid
from d3talker.speaker.identity import Identity


def skin_texture(skin: SkinGrid, identity: Identity, detail: int = 5) -> np.ndarray:
    """The skin's texture, ``detail`` texels along each side of a cell of the grid.

    Returns:
        (detail * rows, detail * columns, 4) float32: linear RGB and gloss in [0, 1].
    """
    generator = np.random.default_rng([identity.seed, 21])
    size = skin.shape[0] * skin.shape[1]
    rows = np.linspace(0, skin.shape[0] - 1, detail * skin.shape[0])
    columns = np.linspace(0, skin.shape[1] - 1, detail * skin.shape[1])
    where = np.stack(np.meshgrid(rows, columns, indexing="ij"))

    def spread(values: np.ndarray) -> np.ndarray:
        return map_coordinates(values[:size].reshape(skin.shape), where, order=1)

    x, along, angle = spread(skin.across), spread(skin.along), spread(skin.angle)
    height, depth = spread(skin.points[:, 1]), spread(skin.points[:, 2])
    side = np.abs(x)
    points = np.stack([x, height, depth], -1)
    noise = [solid_noise(generator, points, grain) for grain in (0.0005, 0.0016, 0.007)]
    skin_colour, lip_colour, hair_colour = (np.asarray(c) for c in (identity.skin, identity.lip, identity.hair))

    colour = skin_colour * np.exp(0.045 * noise[0] + 0.030 * noise[1] + 0.040 * noise[2])[..., None]
    ruddy = 0.9 * bump(side, along, (0.043, -0.020), (0.017, 0.014)) + 0.7 * bump(
        side, along, (0, -0.027), (0.013, 0.009)
    )
    ruddy += 0.35 * bump(side, along, (0, -0.098), (0.016, 0.010)) + 0.25 * bump(
        side, along, (0.028, 0.012), (0.016, 0.010)
    )
    colour *= 1 + (ruddy * (1 + 0.3 * noise[1]))[..., None] * np.array([0.06, -0.12, -0.11])
    tired = bump(side, along, (0.028, -0.0045), (0.012, 0.0045)) + 0.8 * bump(
        side, along, (0.018, 0.006), (0.005, 0.007)
    )
    lid = bump(side, along, (EYE_SIDE, 0.0145), (0.014, 0.004))
    colour *= 1 - tired[..., None] * np.array([0.10, 0.15, 0.11]) - lid[..., None] * np.array([0.13, 0.19, 0.18])
    crease = np.exp(-(((along - EYE_HEIGHT - 0.0064) / 0.0011) ** 2)) * smoothstep(
        0.017, 0.008, np.abs(side - EYE_SIDE)
    )
    colour *= 1 - crease[..., None] * np.array([0.30, 0.38, 0.38])
    fold_x = np.interp(-along, [0.030, 0.045, 0.062], [0.0165, 0.024, 0.0325])
    fold = np.exp(-0.5 * ((side - fold_x) / 0.0016) ** 2) * bump(0 * x, along, (0, -0.042), (1, 0.008))
    colour *= 1 - 0.14 * fold[..., None]
    colour *= 1 - _freckles(x, along, identity, generator)[..., None] * np.array([0.30, 0.42, 0.50])

    red, rim = _lip_mask(side, along - MOUTH_HEIGHT, identity, noise[0])
    wrinkles = 1 + 0.07 * np.cos(x * 2 * np.pi / 0.0011 + 3 * noise[1]) * np.clip(1 + noise[1], 0, 2) + 0.04 * noise[0]
    colour += red[..., None] * (lip_colour * wrinkles[..., None] - colour)
    colour *= 1 - 0.45 * rim[..., None]
    lash_line = np.exp(-(((along - EYE_HEIGHT) / 0.0007) ** 2)) * (np.abs(side - EYE_SIDE) < EYE_HALF_WIDTH)
    colour *= 1 - lash_line[..., None] * np.where(along > EYE_HEIGHT, 0.75, 0.35)[..., None]
    nostril = bump(
        side, along, (0.0068 * identity.nose_width, -0.0252 * identity.nose_length - 0.0095), (0.0028, 0.0015)
    )
    colour *= 1 - 0.93 * np.clip(1.25 * nostril, 0, 1)[..., None]

    under_brow = _brow_shadow(side, along, identity)
    colour += (0.42 * under_brow * np.clip(1 + 0.35 * noise[0], 0, 2))[..., None] * (hair_colour - colour)
    beard = (
        smoothstep(-0.030, -0.055, along)
        * smoothstep(0.0, 0.012, np.abs(side - 0.0) + 0.012)
        * smoothstep(-0.02, 0.01, depth)
    )
    beard = np.maximum(beard, 0.9 * bump(side, along, (0.010, -0.046), (0.011, 0.0045))) * (1 - red)
    beard *= smoothstep(-0.135, -0.115, along) * np.clip(0.55 + 0.8 * noise[0], 0, 1.5) * identity.stubble
    beard *= smoothstep(0.064, 0.05, side + 0.35 * (along + 0.06)) * (np.cos(angle) > 0)
    colour += 0.42 * np.clip(beard, 0, 1)[..., None] * (0.6 * hair_colour + 0.25 * skin_colour - colour)
    cover = hair_cover(angle, height) + 0.0015 * noise[1] + 0.0015 * noise[2]
    scalp = smoothstep(-0.003, 0.009, cover) * (along > -0.07)
    colour += (0.93 * scalp)[..., None] * (0.8 * hair_colour - colour)

    gloss = (
        0.30
        + 0.25 * bump(side, along, (0, -0.018), (0.012, 0.024))
        + 0.15 * bump(side, along, (0, 0.050), (0.030, 0.015))
    )
    gloss = gloss * (1 + 0.35 * noise[0] + 0.15 * noise[1]) * (1 - 0.7 * scalp)
    gloss += red * (0.55 + 0.12 * noise[0] - gloss)
    return np.clip(np.concatenate([colour, gloss[..., None]], -1), 0.002, 1).astype(np.float32)


def solid_noise(generator: np.random.Generator, points: np.ndarray, grain: float) -> np.ndarray:
    """Smooth noise, deviation 1, with spots of ``grain`` metres, at points (..., 3) of the skin."""
    block = gaussian_filter(generator.normal(0, 1, (48, 48, 48)), 0.8, mode="wrap")
    places = np.moveaxis(points / grain + generator.uniform(0, 48, 3), -1, 0)
    return map_coordinates(block / block.std(), places, order=1, mode="grid-wrap")


def _lip_mask(side: np.ndarray, s: np.ndarray, identity: Identity, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The red of the lips, and the dark line where they meet."""
    u = side / identity.mouth_half_width
    upper, lower = lip_heights(u, identity.lip_fullness)
    height = np.where(s > 0, upper, lower)
    red = smoothstep(1.12, 0.84, np.abs(s) / np.maximum(height, 1e-4) + 0.03 * noise) * (u < 1)
    return red, np.exp(-((s / 0.0006) ** 2)) * smoothstep(1.05, 0.9, u)


def _brow_shadow(side: np.ndarray, along: np.ndarray, identity: Identity) -> np.ndarray:
    t = (side - 0.0125) / 0.037
    rise = np.interp(t, [0, 0.3, 0.62, 1], [0.0, 0.0026, 0.0040, -0.0018]) * identity.brow_arch
    half = 0.0040 * identity.brow_weight * np.interp(t, [0, 0.15, 0.6, 1], [0.65, 1.0, 0.8, 0.25])
    return np.exp(-(((along - 0.0278 - rise) / half) ** 2)) * smoothstep(-0.06, 0.10, t) * smoothstep(1.05, 0.8, t)


def _freckles(x: np.ndarray, along: np.ndarray, identity: Identity, generator: np.random.Generator) -> np.ndarray:
    count = int(120 * identity.freckles)
    at = np.column_stack([generator.normal(0, 0.030, count), generator.normal(-0.014, 0.014, count)])
    radius = generator.uniform(0.0004, 0.0008, count)
    at[:2], radius[:2] = generator.uniform([-0.05, -0.09], [0.05, 0.0], (2, 2)), 0.0009  # a mole or two anywhere
    strength = generator.uniform(0.25, 0.7, count)
    inside = np.flatnonzero((np.abs(x) < 0.08) & (along > -0.10) & (along < 0.04))
    tree = cKDTree(np.column_stack([x.ravel()[inside], along.ravel()[inside]]))
    marks = np.zeros(x.size)
    for spot, near in enumerate(tree.query_ball_point(at, 0.0025)):
        distance = np.linalg.norm(tree.data[near] - at[spot], axis=1)
        marks[inside[near]] += strength[spot] * np.exp(-((distance / radius[spot]) ** 2))
    return np.clip(marks, 0, 1).reshape(x.shape)


def background(identity: Identity, size: int) -> np.ndarray:
    """A room out of focus, (size, size, 3) float32."""
    generator = np.random.default_rng([identity.seed, 22])
    wall = np.asarray(identity.wall)
    n = 192
    y, x = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n), indexing="ij")
    light = 1.10 - 0.55 * np.hypot(x - 0.22, y - 0.15) - 0.15 * y
    room = wall * light[..., None]
    window = (x < 0.17) & (y < 0.62)
    room[window] = np.array([0.80, 0.86, 0.92]) * (0.75 + 0.2 * generator.uniform())
    room[(np.abs(x - 0.085) < 0.007) & (y < 0.62)] = wall * 1.1
    room[(np.abs(y - 0.30) < 0.008) & (x < 0.17)] = wall * 1.1
    for shelf in (0.34, 0.62, 0.90):
        room[(np.abs(y - shelf) < 0.010) & (x > 0.74)] = wall * np.array([0.55, 0.42, 0.32])
        left = 0.76
        while left < 0.99:
            width, tall = generator.uniform(0.015, 0.04), generator.uniform(0.10, 0.2)
            tint = generator.choice(
                [[0.30, 0.10, 0.07], [0.10, 0.16, 0.25], [0.32, 0.26, 0.16], [0.09, 0.15, 0.10], [0.4, 0.38, 0.34]]
            )
            if generator.uniform() < 0.8:
                room[(x > left) & (x < left + width) & (y > shelf - tall) & (y < shelf - 0.01)] = np.asarray(tint) * 0.8
            left += width + 0.004
    for _ in range(5):  # small lamps
        at = generator.uniform([0.2, 0.05], [0.72, 0.45])
        glow = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 0.0004)
        room += 0.35 * glow[..., None] * np.array([1.0, 0.75, 0.45])
    room = gaussian_filter(room, (5.5, 5.5, 0), mode="nearest")
    room *= (1 - 0.35 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))[..., None]
    places = np.linspace(0, n - 1, size)
    grid = np.meshgrid(places, places, indexing="ij")
    return np.stack([map_coordinates(room[..., c], grid, order=1) for c in range(3)], -1).astype(np.float32)
