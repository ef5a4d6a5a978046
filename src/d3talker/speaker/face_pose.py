"""Moves the skin: jaw, lips, lids and brows, as functions of a few controls in metres and radians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from d3talker.speaker.face_surface import EYE_HEIGHT, EYE_SIDE, MOUTH_HEIGHT, NECK_END, NECK_START, bump
from d3talker.speaker.head_mesh import EYE_HALF_WIDTH, SkinGrid
from d3talker.speaker.identity import Identity

JAW_HINGE = np.array([0.0, -0.004, 0.000])
EYE_CENTRE_DEPTH = 0.0628
EYE_AXES = np.array([0.0172, 0.0142, 0.0124])
EYE_SLANT = 0.20  # the eye's opening faces a little outwards
CORNER_SHARE = 0.4  # of the jaw's motion at the corners of the mouth


@dataclass(frozen=True)
class Controls:
    """The face of one frame.

    Attributes:
        jaw: opening of the jaw in radians, 0 .. 0.2.
        lip_gap: distance between the lips on the midline in metres, 0 = closed.
        lip_spread: change of half the mouth's width in metres, negative when rounded.
        protrusion: of the lips in metres.
        tuck: 0 .. 1, lower lip under the upper teeth (f, v).
        tongue: 0 low .. 1 behind the upper teeth.
        smile: 0 .. 1.
        blink: 0 open .. 1 shut.
        brow: -1 lowered .. 1 raised.
        gaze: right and up in radians.
    """

    jaw: float = 0.0
    lip_gap: float = 0.0
    lip_spread: float = 0.0
    protrusion: float = 0.0
    tuck: float = 0.0
    tongue: float = 0.0
    smile: float = 0.0
    blink: float = 0.0
    brow: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, smooth between (``high`` < ``low`` falls instead)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def lip_heights(u: np.ndarray, fullness: float) -> tuple[np.ndarray, np.ndarray]:
    """Heights in metres of the red of the upper and lower lip at ``u`` = |x| / half width."""
    u = np.clip(u, 0, 1)
    bow = 1 + 0.16 * np.exp(-(((u - 0.27) / 0.15) ** 2)) - 0.16 * np.exp(-((u / 0.11) ** 2))
    return 0.0074 * fullness * (1 - u**2) ** 0.75 * bow, 0.0094 * fullness * (1 - u**2.2) ** 0.75


def eye_shell(outward: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Depth of the surface on which the lids slide, relative to the eye's centre, at an offset from it (metres)."""
    inside = 1 - (outward / EYE_AXES[0]) ** 2 - (up / EYE_AXES[1]) ** 2
    return EYE_AXES[2] * np.sqrt(np.maximum(inside, 0.03)) - EYE_SLANT * outward


@dataclass(frozen=True)
class LidPart:
    """The skin around one eye: vertex numbers, offsets from the eye's middle, and where both rims stand when open.

    Attributes:
        near: (n,) vertices of the skin.
        outward, up: (n,) metres from the middle of the eye, away from the nose and up.
        upper, lower: (n,) height of the open rims above the middle at that offset, metres.
        tilt: (n,) metres by which the outer corner stands higher.
    """

    near: np.ndarray
    outward: np.ndarray
    up: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    tilt: np.ndarray


class FacePoser:
    """Poses the skin of one person; everything that does not change from frame to frame is computed here once."""

    def __init__(self, skin: SkinGrid, identity: Identity) -> None:
        self.skin, self.identity = skin, identity
        self.half_width = identity.mouth_half_width
        x, s = skin.across, skin.along - MOUTH_HEIGHT
        u = np.clip(np.abs(x) / self.half_width, 0, 1)
        lower = (skin.side < 0) & (skin.row > 9.5)
        upper = (skin.side > 0) & (skin.row > 9.5)
        self.u, self.arch = u, (1 - u**2) ** 0.65
        self.rest = skin.points + self._lip_relief(x, s, u, lower, upper)
        self.head_weight = 1 - smoothstep(NECK_START, NECK_END, skin.row)
        self.jaw_weight = self._jaw_weight(x, s, lower)
        reach = np.exp(-((s / 0.013) ** 2)) * self.arch
        self.upper_lip, self.lower_lip = reach * upper, reach * lower
        scaled = x / self.half_width
        around = np.exp(-((s / 0.022) ** 2)) * self._front()
        self.spread = scaled * np.exp(0.5 * (1 - scaled**2)) * around
        self.forward = np.exp(-((x / 0.021) ** 2) - (s / 0.015) ** 2) * self._front()
        self.corner = bump(np.abs(x), s, (self.half_width + 0.003, 0.002), (0.010, 0.013)) * self._front()
        self.cheek = bump(np.abs(x), skin.along, (0.040, -0.022), (0.014, 0.014)) * self._front()
        self.brow = bump(np.abs(x), skin.along, (0.028, 0.034), (0.020, 0.010)) * self._front()
        self.lid_parts = [self._lid_part(side) for side in (-1.0, 1.0)]

    def _front(self) -> np.ndarray:
        return (np.cos(self.skin.angle) > 0) & (self.skin.row < 18)

    def _lip_relief(
        self, x: np.ndarray, s: np.ndarray, u: np.ndarray, lower: np.ndarray, upper: np.ndarray
    ) -> np.ndarray:
        """The red of the lips: rounded, and curving back towards the line where they meet."""
        height_upper, height_lower = lip_heights(u, self.identity.lip_fullness)
        fade = (1 - u**4) * (np.abs(x) < self.half_width) * self._front()
        z = np.zeros_like(x)
        for part, height, fullness, depth in (
            (upper, height_upper, 0.0028, 0.0032),
            (lower, height_lower, 0.0038, 0.0016),
        ):
            q = np.abs(s) / np.maximum(height, 1e-4)
            roll = -depth * np.clip(1 - q, 0, 1) ** 3
            red = fullness * self.identity.lip_fullness * np.sin(np.pi * np.clip(q, 0, 1.3) ** 0.75) * (q < 1)
            z += part * fade * (roll + red + 0.0006 * np.exp(-(((q - 1.05) / 0.16) ** 2)))
        z -= 0.0022 * bump(np.abs(x), s, (self.half_width + 0.001, 0.0), (0.0035, 0.003)) * self._front()
        line = (0.0003 - 0.0007 * np.exp(-((u / 0.20) ** 2))) * (1 - u**2) * np.exp(-((s / 0.006) ** 2)) * fade
        return np.column_stack([0 * z, line, z])

    def _jaw_weight(self, x: np.ndarray, s: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """1 on the chin, 0 above the mouth; jumps across the lips by ``arch``, so that a gap of G opens as G * arch."""
        skin = self.skin
        fall = np.exp(-((s / (0.014 + 0.5 * np.maximum(np.abs(x) - self.half_width, 0))) ** 2))
        weight = np.where(lower, 1 - (1 - CORNER_SHARE) * (1 - self.arch) * fall, CORNER_SHARE * (1 - self.arch) * fall)
        weight[skin.row < 9.5] = 0
        behind = smoothstep(-0.012, 0.030, skin.points[:, 2]) * smoothstep(1.5, 1.15, np.abs(skin.angle))
        under = smoothstep(18.3, 15.5, skin.row)
        return weight * np.where(skin.row > 15, under, 1) * np.where(skin.row > 15, 1, behind)

    def _lid_part(self, side: float) -> LidPart:
        skin = self.skin
        outward, s = side * (skin.across - side * EYE_SIDE), skin.along - EYE_HEIGHT
        near = np.flatnonzero(
            (np.abs(outward) < 0.026) & (np.abs(s) < 0.024) & (side * skin.across > 0) & self._front()
        )
        outward, s = outward[near], s[near]
        across = np.clip(np.abs(outward) / EYE_HALF_WIDTH, 0, 1)
        # The upper lid peaks a little towards the nose, the lower one a little outwards.
        upper = 0.0047 * (1 - across**2.1) ** 0.80 * (1 - 0.16 * outward / EYE_HALF_WIDTH)
        lower = -0.0050 * (1 - across**2.2) ** 0.9 * (1 + 0.18 * outward / EYE_HALF_WIDTH)
        tilt = self.identity.eye_tilt * outward / EYE_HALF_WIDTH * np.exp(-((outward / 0.022) ** 2) - (s / 0.02) ** 2)
        wide = self.identity.eye_opening
        return LidPart(near, outward, s, upper * wide, lower * wide, tilt)

    def pose(self, controls: Controls) -> np.ndarray:
        """The skin's vertices (V, 3) in metres, head frame, for one frame's face (neck as if it followed the head)."""
        points = self.rest.copy()
        points[:, 0] += controls.lip_spread * self.spread + 0.0032 * controls.smile * self.corner * np.sign(
            self.skin.across
        )
        points[:, 1] += 0.0040 * controls.smile * self.corner + 0.002 * controls.smile * self.cheek
        points[:, 1] += 0.0055 * controls.brow * self.brow
        points[:, 2] += controls.protrusion * self.forward + 0.0025 * controls.smile * (self.cheek - self.corner)
        cosine, sine = np.cos(controls.jaw), np.sin(controls.jaw)
        y, z = points[:, 1] - JAW_HINGE[1], points[:, 2] - JAW_HINGE[2]
        points[:, 1] += self.jaw_weight * ((cosine - 1) * y - sine * z)
        points[:, 2] += self.jaw_weight * (sine * y + (cosine - 1) * z)
        self._part_lips(points, controls)
        for part in self.lid_parts:
            self._close_lids(points, controls, part)
        return points

    def _part_lips(self, points: np.ndarray, controls: Controls) -> None:
        """Moves both lips so that the gap on the midline is what was asked for, whatever the jaw does."""
        skin = self.skin
        mouth = skin.slit == 1
        rim = mouth & (skin.layer == 0)
        top, bottom = (np.flatnonzero(rim & (skin.side == side)) for side in (1, -1))
        middle = np.argmin(np.abs(skin.across[top]))
        jaw_gap = points[top[middle], 1] - points[bottom[middle], 1]
        lift = np.clip(0.30 * controls.lip_gap, 0, 0.003) - 0.0008 * controls.tuck
        drop = controls.lip_gap - lift - jaw_gap
        points[:, 1] += lift * self.upper_lip - drop * self.lower_lip
        # A lip that is held up against a falling jaw rolls inwards; parted lips turn out a little.
        points[:, 2] += -0.0040 * controls.tuck * self.lower_lip + 0.08 * np.minimum(drop, 0) * self.lower_lip
        offsets = np.array([[0, 0], [0.0004, -0.0022], [0.0022, -0.0050], [0.0052, -0.0085], [0.010, -0.013]])
        for side, rim_vertices in ((1, top), (-1, bottom)):
            for layer in range(1, len(offsets)):
                strip = np.flatnonzero(mouth & (skin.layer == layer) & (skin.side == side))
                open_share = np.clip(self.arch[rim_vertices] * 1.3, 0.05, 1)
                points[strip] = points[rim_vertices]
                points[strip, 1] += side * offsets[layer, 0] * open_share
                points[strip, 2] += offsets[layer, 1] * np.maximum(open_share, 0.5)

    def upper_lid_line(self, eye: int, outward: np.ndarray, controls: Controls) -> np.ndarray:
        """Height of the upper lid's rim over the middle of the eye, at offsets away from the nose, in metres."""
        lids = self.lid_parts[eye]
        on_line = np.flatnonzero(np.abs(lids.up) < 1e-6)
        order = on_line[np.argsort(lids.outward[on_line])]
        open_share = 1 - np.clip(controls.blink, 0, 1) + 0.12 * controls.brow
        shut = 0.80 * lids.lower[order]
        return np.interp(outward, lids.outward[order], shut + (lids.upper[order] - shut) * open_share)

    def _close_lids(self, points: np.ndarray, controls: Controls, part: LidPart) -> None:
        """Slides the lids over the eye: first up and down, then onto the shell around the eyeball."""
        skin, near, outward, s = self.skin, part.near, part.outward, part.up
        upper, lower, tilt = part.upper, part.lower, part.tilt
        open_share = 1 - np.clip(controls.blink, 0, 1) + 0.12 * controls.brow
        shut_line = 0.80 * lower
        upper_lift = shut_line + (upper - shut_line) * open_share
        lower_lift = shut_line + (lower * (1 - 0.35 * controls.smile) - shut_line) * np.clip(open_share, 0, 1)
        above = skin.side[near] > 0
        lift = np.where(above, upper_lift * np.exp(-((s / 0.0095) ** 2)), lower_lift * np.exp(-((s / 0.011) ** 2)))
        up = s + lift
        distance = np.hypot(outward / 0.0195, up / 0.0150)
        on_shell = smoothstep(1.12, 0.66, distance)
        shell = EYE_CENTRE_DEPTH + eye_shell(outward, up)
        # The fold over the upper lid; it flattens when the eye shuts.
        fold = np.exp(-0.5 * ((s - 0.0062) / 0.0016) ** 2) * smoothstep(0.020, 0.010, np.abs(outward)) * above
        shell = shell - 0.0003 * fold * (0.35 + 0.65 * open_share)
        layer = np.minimum(skin.layer[near], 3)
        points[near, 1] = (
            points[near, 1] - s + up + tilt + np.where(above, 1, -1) * np.array([0, 0.0, 0.0004, 0.002])[layer]
        )
        points[near, 2] += on_shell * (shell - points[near, 2]) - np.array([0, 0.0009, 0.0022, 0.004])[layer]
