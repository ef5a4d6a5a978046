"""Brows and lashes: short hairs that hang on the moving skin."""

from __future__ import annotations

import numpy as np

from d3talker.speaker.face_surface import EYE_SIDE
from d3talker.speaker.head_mesh import EYE_HALF_WIDTH, SkinGrid
from d3talker.speaker.identity import Identity
from d3talker.speaker.mesh_piece import grid_triangles

STEPS = 3


class FaceHair:
    """Brow hairs and lashes of one person.

    Attributes:
        triangles: (F, 3) of the vertices that ``place`` gives.
        uv: (V, 2) as for hair.
    """

    def __init__(self, skin: SkinGrid, identity: Identity) -> None:
        generator = np.random.default_rng([identity.seed, 12])
        roots, flows, lengths, widths, lash = [], [], [], [], []
        for side in (-1.0, 1.0):
            count = int(340 * identity.brow_weight)
            t, spread = generator.uniform(0, 1, count), generator.uniform(-1, 1, count)
            # From the inner end over the arch to the thin outer end.
            half_height = 0.0036 * identity.brow_weight * np.interp(t, [0, 0.15, 0.6, 1], [0.50, 1.0, 0.75, 0.15])
            x = 0.0125 + 0.037 * t
            rise = np.interp(t, [0, 0.3, 0.62, 1], [0.0, 0.0026, 0.0040, -0.0018]) * identity.brow_arch
            y = 0.0278 + rise + spread * half_height
            roots.append(np.column_stack([side * x, y]))
            up = np.interp(t, [0, 0.2, 0.6, 1], [1.6, 0.7, 0.1, -0.35]) - 0.5 * spread * (t > 0.2)
            flow = np.column_stack([side * np.ones(count), up, 0.10 + 0 * t]) + generator.normal(0, 0.12, (count, 3))
            flows.append(flow / np.linalg.norm(flow, axis=1, keepdims=True))
            lengths.append(0.0062 * generator.uniform(0.7, 1.15, count) * np.interp(t, [0, 1], [0.9, 0.8]))
            widths.append(np.full(count, 0.00034))
            lash.append(np.zeros(count, int))
        root = np.concatenate(roots)
        outside = np.flatnonzero((skin.layer == 0) & (np.abs(skin.angle) < 1.2) & (skin.row < 9))
        distance = (skin.across[outside][None] - root[:, :1]) ** 2 + (skin.along[outside][None] - root[:, 1:]) ** 2
        holders, offsets = [outside[distance.argmin(1)]], []
        offsets.append(root - np.column_stack([skin.across, skin.along])[holders[0]])
        for side, slit in ((-1.0, 2), (1.0, 3)):
            for edge, reach in ((1, 0.0072), (-1, 0.0036)):
                rim = np.flatnonzero((skin.slit == slit) & (skin.side == edge) & (skin.layer == 0))
                rim = rim[np.abs(skin.across[rim] - side * EYE_SIDE) < EYE_HALF_WIDTH * 0.96]
                rim = np.repeat(rim, 4 if edge > 0 else 2)
                outward = side * (skin.across[rim] - side * EYE_SIDE) / EYE_HALF_WIDTH
                flow = np.column_stack([side * (0.75 * outward + 0.1), edge * 0.32 + 0 * outward, 0.9 + 0 * outward])
                flow += generator.normal(0, 0.10, flow.shape)
                flows.append(flow / np.linalg.norm(flow, axis=1, keepdims=True))
                lengths.append(reach * generator.uniform(0.6, 1.0, len(rim)) * (0.75 + 0.3 * outward))
                widths.append(np.full(len(rim), 0.00030 if edge > 0 else 0.00022))
                lash.append(np.full(len(rim), edge))
                holders.append(rim)
                offsets.append(np.column_stack([generator.uniform(-0.0005, 0.0005, len(rim)), 0 * outward]))
        self._holder, self._offset = np.concatenate(holders), np.concatenate(offsets)
        self._flow, self._length = np.concatenate(flows), np.concatenate(lengths)
        self._width, self._lash = np.concatenate(widths), np.concatenate(lash)
        count = len(self._holder)
        one = grid_triangles(STEPS, 2)
        self.triangles = (one[None] + (np.arange(count) * STEPS * 2)[:, None, None]).reshape(-1, 3)
        uv = np.empty((count, STEPS, 2, 2))
        uv[..., 0], uv[..., 1] = np.array([0.0, 1.0]), np.arange(count)[:, None, None]
        self.uv = uv.reshape(-1, 2)

    def place(self, points: np.ndarray, normals: np.ndarray, blink: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points, normals and tangents (V, 3) of the hairs on the posed skin."""
        normal = normals[self._holder]
        root = points[self._holder] + 0.0002 * normal
        root[:, :2] += self._offset
        flow = self._flow.copy()
        brow = self._lash == 0
        flow[brow] -= (flow[brow] * normal[brow]).sum(1, keepdims=True) * normal[brow]
        flow[brow] += 0.12 * normal[brow]
        upper = self._lash > 0
        flow[upper, 1] -= 0.75 * blink
        flow /= np.linalg.norm(flow, axis=1, keepdims=True)
        along = np.linspace(0, 1, STEPS)[None, :, None]
        lift = np.where(self._lash != 0, self._lash * 0.35 * (1 - 0.8 * blink), 0.0)[:, None, None]
        path = root[:, None] + self._length[:, None, None] * (
            along * flow[:, None] + lift * along**2 * np.array([0, 1, 0])
        )
        across = np.cross(flow, np.array([0.0, 0.0, 1.0]))
        across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
        half = (0.5 * self._width[:, None] * np.linspace(1, 0.25, STEPS))[..., None] * across[:, None]
        placed = np.stack([path - half, path + half], axis=2).reshape(-1, 3)
        repeat = STEPS * 2
        return placed, np.repeat(normal, repeat, axis=0), np.repeat(flow, repeat, axis=0)
