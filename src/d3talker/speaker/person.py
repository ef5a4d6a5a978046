"""The whole person: all pieces in one mesh, posed and seen by the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from d3talker.ops.mesh import rasterize_mesh
from d3talker.ops.pool import shared_pool
from d3talker.speaker import mouth_interior
from d3talker.speaker.appearance import background, skin_texture
from d3talker.speaker.clothing import build_top
from d3talker.speaker.ears import build_ear
from d3talker.speaker.eyes import Eyes
from d3talker.speaker.face_hair import FaceHair
from d3talker.speaker.face_pose import JAW_HINGE, Controls, FacePoser
from d3talker.speaker.hair import build_hair
from d3talker.speaker.head_mesh import SkinGrid, build_skin
from d3talker.speaker.identity import Identity
from d3talker.speaker.light_bake import cone, sphere, visible_share
from d3talker.speaker.mesh_piece import Label, Material
from d3talker.speaker.normals import vertex_normals
from d3talker.speaker.shading import ATTRIBUTES, KEY_DIRECTION, LIGHTS, shade_rows, tone_curve

SAMPLES = 2  # a pixel's side holds so many samples


@dataclass(frozen=True)
class Shot:
    """One rendered frame: ``picture`` (H, W, 3) uint8, ``labels`` (H, W) uint8, and the true mouth in metres.

    ``lip_points`` (4, 3), head frame: middle of the upper and of the lower rim, corners at -x and +x.
    """

    picture: np.ndarray
    labels: np.ndarray
    lip_opening: float
    lip_width: float
    lip_points: np.ndarray


class Person:
    """One person, ready to be rendered at one size. Building takes about a second, most of it the baked light."""

    def __init__(self, identity: Identity, size: int) -> None:
        self.identity, self.size = identity, size
        self.skin = build_skin(identity)
        self.poser = FacePoser(self.skin, identity)
        self.marks = mouth_marks(self.skin, identity)
        self.face_hair = FaceHair(self.skin, identity)
        self.eyes = Eyes(identity)
        self.head_pieces = [*mouth_interior.upper_teeth(), build_ear(1, identity), build_ear(-1, identity)]
        self.head_pieces += [mouth_interior.cavity(), build_hair(identity)]
        self.jaw_pieces = [*mouth_interior.lower_teeth(), mouth_interior.tongue()]
        self.torso_pieces = [build_top(identity)]
        self._texture, self._backdrop = (
            skin_texture(self.skin, identity, int(np.clip(size // 96, 2, 5))),
            background(identity, size),
        )
        self._palette = np.array([identity.hair, identity.skin, identity.iris, identity.cloth])
        self._tone = tone_curve()
        self._rigid = [*self.head_pieces, *self.jaw_pieces, *self.torso_pieces]
        self._assemble()
        self._bake()

    def _assemble(self) -> None:
        skin, parts = self.skin, []
        face_label = np.where(skin.row[skin.triangles].mean(1) > 17.0, Label.TORSO, Label.FACE)
        inside = (skin.slit[skin.triangles].max(1) == 1) & (skin.layer[skin.triangles].max(1) >= 3)
        face_label[inside] = Label.MOUTH
        parts.append((skin.triangles, np.full(len(skin.triangles), Material.SKIN), face_label, skin.uv))
        count = len(self.face_hair.triangles)
        parts.append(
            (self.face_hair.triangles, np.full(count, Material.HAIR), np.full(count, Label.FACE), self.face_hair.uv)
        )
        for piece in (*self.eyes.pieces, *self._rigid):
            count = len(piece.triangles)
            parts.append((piece.triangles, np.full(count, piece.material), np.full(count, piece.label), piece.uv))
        starts = np.cumsum([0] + [len(uv) for *_, uv in parts])
        self._starts = starts
        self.triangles = np.concatenate([part[0] + start for part, start in zip(parts, starts, strict=False)])
        self._materials = np.concatenate([part[1] for part in parts]).astype(np.uint8)
        self._labels = np.concatenate([part[2] for part in parts]).astype(np.uint8)
        self._attributes = np.zeros((starts[-1], ATTRIBUTES), np.float32)
        self._attributes[:, 6:8] = np.concatenate([part[3] for part in parts])
        for piece, start in zip(self._rigid, starts[2 + len(self.eyes.pieces) :], strict=False):
            rows = slice(start, start + len(piece.points))
            self._attributes[rows, 0:3] = (
                vertex_normals(piece.points, piece.triangles) if piece.normals is None else piece.normals
            )
            if piece.tangents is not None:
                self._attributes[rows, 3:6] = piece.tangents
        self._own_normals = self._attributes[:, 0:3].copy()
        self._own_tangents = self._attributes[:, 3:6].copy()

    def _bake(self) -> None:
        """Sky and key light on the resting person. Inside the mouth it would all be dark, so depth stands in for it."""
        points, normals, _ = self._place(Controls())
        flat = np.concatenate(points)
        normal = np.concatenate(normals)
        open_air = ~np.isin(self._materials, (Material.EYE, Material.TOOTH, Material.GUM, Material.CAVITY))
        lashes = np.zeros(len(self._materials), bool)
        first = len(self.skin.triangles)
        lashes[first : first + len(self.face_hair.triangles)] = True
        casting = self.triangles[open_air & ~lashes]
        directions = sphere(64 if self.size > 300 else 32)
        ambient = visible_share(flat, normal, casting, directions[directions[:, 1] > -0.7])
        key = visible_share(flat, normal, casting, cone(KEY_DIRECTION, 0.13, 10))
        inside = np.unique(self.triangles[~open_air])
        ambient[inside] = key[inside] = np.clip((flat[inside, 2] - 0.045) / 0.035, 0.20, 1) ** 1.5
        hollow = (self._label_of_vertices() == Label.MOUTH) & (np.arange(len(flat)) >= self._starts[2])
        side_shade = 1 - 0.85 * np.clip(np.abs(flat[hollow, 0]) / 0.024, 0, 1) ** 2
        ambient[hollow] *= side_shade
        key[hollow] *= side_shade
        hair = slice(
            self._starts[-1 - len(self.torso_pieces) - len(self.jaw_pieces) - 1],
            self._starts[-1 - len(self.torso_pieces) - len(self.jaw_pieces)],
        )
        ambient[hair] = 0.25 + 0.75 * ambient[hair]
        key[hair] = 0.2 + 0.8 * key[hair]
        strips = np.flatnonzero((self.skin.layer > 0) & (self.skin.slit == 1))
        ambient[strips] = key[strips] = 1.0 / (1.0 + 1.2 * self.skin.layer[strips])
        rims = np.flatnonzero(self.skin.slit >= 2)
        ambient[rims], key[rims] = np.maximum(ambient[rims], 0.45), np.maximum(key[rims], 0.35)
        ambient[self._starts[1] : self._starts[2]], key[self._starts[1] : self._starts[2]] = (
            0.42,
            0.36,
        )  # brows are darker than hair
        self._attributes[:, 8], self._attributes[:, 9] = ambient, key

    def _label_of_vertices(self) -> np.ndarray:
        labels = np.zeros(self._starts[-1], np.uint8)
        labels[self.triangles] = self._labels[:, None]
        return labels

    def _place(self, controls: Controls) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """Points, normals and tangents of all parts, head frame, as if the torso were part of the head."""
        skin = self.poser.pose(controls)
        skin_normals = vertex_normals(skin, self.skin.triangles)
        hairs, hair_normals, hair_tangents = self.face_hair.place(skin, skin_normals, controls.blink)
        eyes = [piece.points for piece in self.eyes.pieces]
        jaw = jaw_motion(controls.jaw)
        points = [skin, hairs, *eyes, *(piece.points for piece in self.head_pieces)]
        for piece in self.jaw_pieces:
            points.append((piece.points - JAW_HINGE) @ jaw.T + JAW_HINGE)
        tongue = points[-1]
        tongue[:, 1] += controls.tongue * 0.011
        tongue[:, 2] += controls.tongue * 0.004
        points += [piece.points for piece in self.torso_pieces]
        rigid = self._own_normals[self._starts[2 + len(eyes)] :]
        eye_normals = [piece.normals for piece in self.eyes.pieces]
        normals = [skin_normals, hair_normals, *eye_normals, rigid]
        tangents = [
            np.zeros_like(skin),
            hair_tangents,
            *(np.zeros_like(e) for e in eyes),
            self._own_tangents[self._starts[2 + len(eyes)] :],
        ]
        return points, normals, tangents

    def render(
        self, controls: Controls, world_to_cam: np.ndarray, torso_to_cam: np.ndarray, intrinsics: np.ndarray
    ) -> Shot:
        """Renders one frame.

        Args:
            controls: the face.
            world_to_cam, torso_to_cam: (4, 4) motion of the head and of the torso; the neck blends the two.
            intrinsics: (3, 3) at ``size``.
        """
        points, normals, tangents = self._place(controls)
        weight = np.ones(self._starts[-1])
        weight[: len(self.skin.points)] = self.poser.head_weight
        weight[self._starts[-1 - len(self.torso_pieces)] :] = 0
        flat = np.concatenate(points)
        moving, still = (flat @ pose[:3, :3].T + pose[:3, 3] for pose in (world_to_cam, torso_to_cam))
        camera = still + weight[:, None] * (moving - still)
        # Light lives in the room: x right, y up, z towards the viewer.
        turn = np.diag([1.0, -1.0, -1.0]) @ world_to_cam[:3, :3]
        attributes = self._attributes
        attributes[:, 0:3] = np.concatenate(normals) @ turn.T
        attributes[:, 3:6] = np.concatenate(tangents) @ turn.T
        self.eyes.fill(attributes, self._starts[2:], controls, self.poser)
        pixel = camera @ intrinsics.T
        place = np.column_stack([SAMPLES * pixel[:, :2] / pixel[:, 2:], camera[:, 2]])
        samples = SAMPLES * self.size
        index, weights, _ = rasterize_mesh(place, self.triangles, samples, samples)
        opening, width = self._mouth(points[0])
        mouth_light = 0.30 + 0.70 * min(opening / 0.012, 1.0)
        picture = np.empty((self.size, self.size, 3), np.uint8)
        mask = np.empty((self.size, self.size), np.uint8)
        grain = np.zeros((self.size, self.size), np.float32)
        edges = np.linspace(0, self.size, 9).astype(int)
        shared_pool().run(8, lambda band, worker: shade_rows(
            edges[band], edges[band + 1], index, weights, self.triangles, attributes, self._materials, self._labels,
            self._texture, self._palette, LIGHTS, mouth_light, float(intrinsics[0, 0]), self._backdrop, self._tone,
            grain, picture, mask,
        ))  # fmt: skip
        return Shot(picture, mask, opening, width, points[0][[*self.marks]])

    def _mouth(self, skin: np.ndarray) -> tuple[float, float]:
        top, bottom, left, right = skin[[*self.marks]]
        return float(top[1] - bottom[1]), float(np.linalg.norm(right - left))


def mouth_marks(skin: SkinGrid, identity: Identity) -> tuple[int, int, int, int]:
    """Skin vertices at the middle of the upper and of the lower lip's rim, and at the corners (-x, +x)."""
    rim = (skin.slit == 1) & (skin.layer == 0)
    upper, lower = (np.flatnonzero(rim & (skin.side == side)) for side in (1, -1))
    x, half = skin.across[upper], identity.mouth_half_width
    middle, left, right = (int(np.argmin(np.abs(x - place))) for place in (0, -half, half))
    return int(upper[middle]), int(lower[middle]), int(upper[left]), int(upper[right])


def jaw_motion(angle: float) -> np.ndarray:
    """The rotation (3, 3) by which the jaw opens."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
