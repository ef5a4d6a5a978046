"""Light on every pixel: one compiled kernel from rasterized samples to a picture and its labels."""

from __future__ import annotations

import numba
import numpy as np

from d3talker.speaker.mesh_piece import Material

# Directions in the room (x right, y up, z towards the viewer) and linear colours.
KEY_DIRECTION = np.array([-0.50, 0.52, 0.72])
FILL_DIRECTION = np.array([0.80, 0.10, 0.50])
RIM_DIRECTION = np.array([0.72, 0.40, -0.62])
KEY_COLOUR = np.array([2.55, 2.32, 2.05])
FILL_COLOUR = np.array([0.34, 0.38, 0.46])
RIM_COLOUR = np.array([1.15, 1.15, 1.20])
SKY_COLOUR = np.array([0.60, 0.64, 0.70])
GROUND_COLOUR = np.array([0.30, 0.25, 0.22])
ATTRIBUTES = 10  # normal 3, tangent 3, uv 2, ambient, key light

SKIN, HAIR, EYE, TOOTH = int(Material.SKIN), int(Material.HAIR), int(Material.EYE), int(Material.TOOTH)
GUM, CLOTH, CAVITY = int(Material.GUM), int(Material.CLOTH), int(Material.CAVITY)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


LIGHTS = np.stack([
    _unit(KEY_DIRECTION), _unit(FILL_DIRECTION), _unit(RIM_DIRECTION),
    KEY_COLOUR, FILL_COLOUR, RIM_COLOUR, SKY_COLOUR, GROUND_COLOUR,
])  # fmt: skip


def tone_curve(size: int = 4096, white: float = 4.0) -> np.ndarray:
    """Display values 0..255 for linear light 0..``white``: a filmic shoulder, then the sRGB curve."""
    light = np.linspace(0, white, size) * 0.68
    film = np.clip(light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14), 0, 1)
    display = np.where(film <= 0.0031308, 12.92 * film, 1.055 * np.maximum(film, 1e-9) ** (1 / 2.4) - 0.055)
    return (255 * display).astype(np.float32)


@numba.njit(nogil=True, cache=True, fastmath=True, inline="always")
def _dot(ax, ay, az, b):
    return ax * b[0] + ay * b[1] + az * b[2]


@numba.njit(nogil=True, cache=True, fastmath=True, inline="always")
def _hash(a, b):
    value = np.sin(a * 12.9898 + b * 78.233) * 43758.5453
    return value - np.floor(value)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _texture(texture, u, v, out):
    rows, columns = texture.shape[0], texture.shape[1]
    x = min(max(u * (columns - 1), 0.0), columns - 1.001)
    y = min(max(v * (rows - 1), 0.0), rows - 1.001)
    column, row = int(x), int(y)
    fx, fy = x - column, y - row
    for channel in range(4):
        top = texture[row, column, channel] * (1 - fx) + texture[row, column + 1, channel] * fx
        bottom = texture[row + 1, column, channel] * (1 - fx) + texture[row + 1, column + 1, channel] * fx
        out[channel] = top * (1 - fy) + bottom * fy


@numba.njit(nogil=True, cache=True, fastmath=True)
def _iris(u, v, palette, out):
    """Colour of the eyeball at an offset (u, v) from the middle of the iris, in units of the iris' radius."""
    radius = np.sqrt(u * u + v * v)
    edge = min(max((radius - 0.96) / 0.10, 0.0), 1.0)
    turn = np.arctan2(v, u)
    fibres = 0.75 + 0.25 * np.sin(turn * 23 + 3 * np.sin(turn * 5)) * np.sin(turn * 41 + radius * 6)
    ring = min(max((radius - 0.34) / 0.10, 0.0), 1.0)  # pupil
    limb = 1.0 - 0.65 * min(max((radius - 0.72) / 0.26, 0.0), 1.0)
    inner = 1.0 + 0.9 * np.exp(-(((radius - 0.46) / 0.14) ** 2)) + 0.7 * max(-v, 0.0) * radius
    veins = min(max(radius - 1.3, 0.0), 1.2)
    for channel in range(3):
        iris = 0.008 + ring * palette[2, channel] * fibres * limb * inner
        white = 0.60 - 0.05 * channel * 0.4 - veins * (0.05 + 0.07 * (channel > 0))
        out[channel] = iris + edge * (white - iris)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _shade(material, a, view, texture, palette, lights, mouth_light, colour, albedo):
    """Writes the light towards the viewer into ``colour``. ``a``: one sample's attributes."""
    length = np.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2]) + 1e-9
    nx, ny, nz = a[0] / length, a[1] / length, a[2] / length
    ambient, key = min(max(a[8], 0.0), 1.0), min(max(a[9], 0.0), 1.0)
    gloss, wrap_red, wrap_blue, dome = 0.25, 0.0, 0.0, 0.0
    if material == HAIR:
        length = np.sqrt(a[3] * a[3] + a[4] * a[4] + a[5] * a[5]) + 1e-9
        tx, ty, tz = a[3] / length, a[4] / length, a[5] / length
        strand = _hash(a[7], np.floor(a[6] * 5.0))
        lock = _hash(np.floor(a[7]), 3.7)
        bright = (0.72 + 0.56 * strand) * (0.65 + 0.7 * lock)
        for channel in range(3):
            colour[channel] = (
                palette[0, channel]
                * bright
                * ambient
                * (lights[6, channel] * (0.5 + 0.5 * ny) + lights[7, channel] * (0.5 - 0.5 * ny))
            )
        for light in range(3):
            direction = lights[light]
            along = _dot(tx, ty, tz, direction)
            facing = min(max(_dot(nx, ny, nz, direction) * 0.8 + 0.35, 0.0), 1.0)
            shadow = key if light == 0 else ambient
            hx, hy, hz = direction[0] + view[0], direction[1] + view[1], direction[2] + view[2]
            half = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
            half_along = (tx * hx + ty * hy + tz * hz) / half
            first = max(1.0 - (half_along + 0.06 + 0.05 * (strand - 0.5)) ** 2, 0.0) ** 60
            second = max(1.0 - (half_along - 0.10 + 0.10 * (strand - 0.5)) ** 2, 0.0) ** 14
            diffuse = np.sqrt(max(1.0 - along * along, 0.0)) * facing
            for channel in range(3):
                tint = palette[0, channel] * bright
                colour[channel] += (
                    shadow
                    * lights[3 + light, channel]
                    * (0.65 * tint * diffuse + facing * (0.055 * first + 0.55 * tint * second))
                )
        return
    if material == EYE:
        _iris(a[6], a[7], palette, albedo)
        dome = max(1.0 - (a[6] * a[6] + a[7] * a[7]) / 1.45, 0.0)  # the cornea bulges over the iris
        nx, ny = nx + 0.30 * a[6] * min(4.0 * dome, 1.0), ny + 0.30 * a[7] * min(4.0 * dome, 1.0)
        length = np.sqrt(nx * nx + ny * ny + nz * nz)
        nx, ny, nz = nx / length, ny / length, nz / length
        gloss = 0.0
        wrap_red, wrap_blue = 0.3, 0.25
    elif material == TOOTH:
        ambient *= mouth_light
        key *= mouth_light
        gap = 1.0 - 0.65 * min(max((a[6] - 0.86) / 0.14, 0.0), 1.0)
        root = min(max((a[7] - 0.55) / 0.45, 0.0), 1.0)
        albedo[0], albedo[1], albedo[2] = 0.56 * gap, (0.52 - 0.05 * root) * gap, (0.44 - 0.09 * root) * gap
        gloss, wrap_red, wrap_blue = 0.5, 0.35, 0.3
    elif material in (GUM, CAVITY):
        ambient *= mouth_light
        key *= mouth_light
        albedo[0], albedo[1], albedo[2] = 0.36, 0.115, 0.105
        if material == CAVITY:
            albedo[0], albedo[1], albedo[2] = 0.16, 0.030, 0.026
        gloss, wrap_red, wrap_blue = 0.45 * (material == GUM), 0.4, 0.2
    elif material == CLOTH:
        weave = 1.0 + 0.07 * (_hash(np.floor(a[6] * 2500.0), np.floor(a[7] * 2000.0)) - 0.5)
        rib = 1.0 - 0.16 * (a[7] < 0.010) * (0.5 + 0.5 * np.sin(a[6] * 1700.0))
        for channel in range(3):
            albedo[channel] = palette[3, channel] * weave * rib
        gloss, wrap_red, wrap_blue = 0.04, 0.1, 0.1
    else:
        if material == SKIN:
            _texture(texture, a[6], a[7], albedo)
            gloss = albedo[3]
        else:  # ears: thin, so redder where the relief is low
            for channel in range(3):
                albedo[channel] = palette[1, channel] * (1.0 - 0.16 * (channel > 0))
            gloss = 0.2
        wrap_red, wrap_blue = 0.40, 0.14
    up = 0.5 + 0.5 * ny
    red_ambient = ambient**0.75  # light bleeds into skin, red the furthest
    for channel in range(3):
        sky = lights[6, channel] * up + lights[7, channel] * (1 - up)
        colour[channel] = albedo[channel] * sky * (red_ambient if channel == 0 and wrap_red > 0.2 else ambient)
    facing_viewer = max(_dot(nx, ny, nz, view), 0.0)
    fresnel = 0.035 + 0.6 * (1.0 - facing_viewer) ** 5
    for light in range(3):
        direction = lights[light]
        cosine = _dot(nx, ny, nz, direction)
        shadow = key if light == 0 else ambient
        for channel in range(3):
            wrap = wrap_red if channel == 0 else (0.5 * (wrap_red + wrap_blue) * 0.75 if channel == 1 else wrap_blue)
            lit = max(cosine + wrap, 0.0) / (1.0 + wrap)
            soft = shadow ** (0.7 if channel == 0 and wrap_red > 0.2 else 1.0)
            colour[channel] += albedo[channel] * lights[3 + light, channel] * lit * soft * 0.62
        if cosine > 0.0 and gloss > 0.0:
            hx, hy, hz = direction[0] + view[0], direction[1] + view[1], direction[2] + view[2]
            half = np.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
            highlight = max((nx * hx + ny * hy + nz * hz) / half, 0.0)
            lobe = 1.5 * highlight**14 + 4.0 * highlight**60
            if material in (TOOTH, GUM):
                lobe = 9.0 * highlight**120
            strength = gloss * fresnel * lobe * shadow * cosine
            for channel in range(3):
                colour[channel] += lights[3 + light, channel] * strength
    if material == EYE:  # the cornea mirrors two windows
        reflect = 2.0 * _dot(nx, ny, nz, view)
        rx, ry, rz = reflect * nx - view[0], reflect * ny - view[1], reflect * nz - view[2]
        first = min(max((_dot(rx, ry, rz, lights[0]) - 0.945) / 0.02, 0.0), 1.0)
        second = min(max((_dot(rx, ry, rz, lights[1]) - 0.965) / 0.02, 0.0), 1.0)
        for channel in range(3):
            colour[channel] += (1.6 * first + 0.25 * second) * min(6.0 * dome, 1.0) * (0.3 + 0.7 * ambient) + 0.01


@numba.njit(nogil=True, cache=True, fastmath=True)
def shade_rows(
    first, end, index, weights, triangles, attributes, materials, labels,
    texture, palette, lights, mouth_light, focal, backdrop, tone, picture, mask,
):  # fmt: skip
    """Shades the rows ``first`` .. ``end`` - 1 of the picture from its 2 x 2 samples a pixel.

    Samples of one material that share a pixel are shaded once, with their mean attributes; hair each for itself.
    """
    size = picture.shape[1]
    mean, colour, albedo = np.zeros(10), np.zeros(3), np.zeros(4)
    view, total = np.zeros(3), np.zeros(3)
    votes, used = np.zeros(5, np.int64), np.zeros(4, np.int64)
    top = tone.shape[0] - 1
    for row in range(first, end):
        for column in range(size):
            votes[:] = 0
            total[:] = 0.0
            used[:] = 0
            view[0], view[1], view[2] = -(column + 0.5 - 0.5 * size) / focal, (row + 0.5 - 0.5 * size) / focal, 1.0
            view /= np.sqrt(view[0] ** 2 + view[1] ** 2 + 1.0)
            for sample in range(4):
                face = index[2 * row + sample // 2, 2 * column + sample % 2]
                votes[labels[face] if face >= 0 else 0] += 1
                if used[sample]:
                    continue
                if face < 0:
                    for channel in range(3):
                        total[channel] += backdrop[row, column, channel]
                    continue
                material = materials[face]
                mean[:] = 0.0
                count = 0
                for other in range(sample, sample + 1 if material == HAIR else 4):
                    y, x = 2 * row + other // 2, 2 * column + other % 2
                    triangle = index[y, x]
                    if triangle < 0 or materials[triangle] != material:
                        continue
                    used[other] = 1
                    count += 1
                    for corner in range(3):
                        weight, vertex = weights[y, x, corner], triangles[triangle, corner]
                        for number in range(10):
                            mean[number] += weight * attributes[vertex, number]
                for number in range(10):
                    mean[number] /= count
                _shade(material, mean, view, texture, palette, lights, mouth_light, colour, albedo)
                for channel in range(3):
                    total[channel] += count * colour[channel]
            best = 0
            for label in range(1, 5):
                if votes[label] > votes[best]:
                    best = label
            mask[row, column] = best
            for channel in range(3):
                light = total[channel] * 0.25 * (top / 4.0)
                value = tone[min(int(light), top)]
                picture[row, column, channel] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
