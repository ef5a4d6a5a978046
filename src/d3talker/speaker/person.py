"""The whole person: built once from an identity, then posed and rendered frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from d3talker.ops.mesh import rasterize_mesh, vertex_normals
from d3talker.ops.pool import shared_pool
from d3talker.speaker import mouth_interior
from d3talker.speaker.appearance import background, skin_texture
from d3talker.speaker.assembly import Assembly, assemble
from d3talker.speaker.clothing import build_top
from d3talker.speaker.ears import build_ear
from d3talker.speaker.eyes import Eyes
from d3talker.speaker.face_hair import FaceHair
from d3talker.speaker.face_pose import JAW_HINGE, Controls, FacePoser
from d3talker.speaker.hair import build_hair
from d3talker.speaker.head_mesh import SkinGrid, build_skin
from d3talker.speaker.identity import Identity
from d3talker.speaker.light_bake import cone, sphere, visible_share
from d3talker.speaker.mesh_piece import Material
from d3talker.speaker.shading import ATTRIBUTES, KEY_DIRECTION, LIGHTS, shade_rows, tone_curve

SAMPLES = 2  # a pixel's side holds so many samples
JAW_PIECES = ("lower_teeth", "lower_gum", "tongue")
BANDS = 8  # rows of the picture are dealt to the threads in so many bands


@dataclass(frozen=True)
class Shot:
    """One rendered frame and its truth.

    Attributes:
        picture: (H, W, 3) uint8.
        labels: (H, W) uint8, see ``Label``.
        lip_points: (4, 3) metres, head frame: middle of the upper and of the lower rim, corners at -x and +x.
    """

    picture: np.ndarray
    labels: np.ndarray
    lip_points: np.ndarray

    @property
    def lip_opening(self) -> float:
        """Metres between the rims of the lips on the midline."""
        return float(self.lip_points[0, 1] - self.lip_points[1, 1])

    @property
    def lip_width(self) -> float:
        """Metres between the corners of the mouth."""
        return float(np.linalg.norm(self.lip_points[3] - self.lip_points[2]))


class Person:
    """One person, ready to be rendered at one size. Building takes seconds, most of it for the baked light."""

    def __init__(self, identity: Identity, size: int) -> None:
        self.size = size
        self.skin = build_skin(identity)
        self.poser = FacePoser(self.skin, identity)
        self.marks = mouth_marks(self.skin, identity)
        self.face_hair = FaceHair(self.skin, identity)
        self.eyes = Eyes()
        self.pieces = {
            "eye_left": self.eyes.pieces[0],
            "eye_right": self.eyes.pieces[1],
            **mouth_interior.build_mouth(),
            "ear_left": build_ear(-1, identity),
            "ear_right": build_ear(1, identity),
            "hair": build_hair(identity),
            "top": build_top(identity),
        }
        self.assembly = assemble(self.skin, self.face_hair, self.pieces)
        self.follows_head = np.ones(len(self.assembly.uv))
        self.follows_head[self.assembly.rows["skin"]] = self.poser.head_weight
        self.follows_head[self.assembly.rows["top"]] = 0
        self._texture = skin_texture(self.skin, identity, detail=int(np.clip(size // 96, 2, 5)))
        self._backdrop, self._tone = background(identity, size), tone_curve()
        self._palette = np.array([identity.hair, identity.skin, identity.iris, identity.cloth])
        self._light = self._bake()

    def _bake(self) -> np.ndarray:
        """Shares of the sky and of the key light that reach each vertex of the resting person, (V, 2)."""
        points, normals, _ = self.place(Controls())
        parts, rows = self.assembly, self.assembly.rows
        sheltered = (Material.EYE, Material.TOOTH, Material.GUM, Material.CAVITY)
        casts = ~np.isin(parts.materials, sheltered)
        hairs_on_face = (parts.triangles >= rows["face_hair"].start) & (parts.triangles < rows["face_hair"].stop)
        casting = parts.triangles[casts & ~hairs_on_face.any(1)]
        directions = sphere(64 if self.size > 300 else 32)
        sky = visible_share(points, normals, casting, directions[directions[:, 1] > -0.7])
        key = visible_share(points, normals, casting, cone(KEY_DIRECTION, 0.13, 10))
        light = np.column_stack([sky, key])
        # With closed lips the mouth would be black: there, depth and distance from the middle stand in for the light.
        mouth = parts.vertices_of(*sheltered[1:])
        depth = np.clip((points[mouth, 2] - 0.045) / 0.035, 0.20, 1) ** 1.5
        light[mouth] = (depth * (1 - 0.85 * np.clip(np.abs(points[mouth, 0]) / 0.024, 0, 1) ** 2))[:, None]
        light[rows["hair"]] = np.array([0.25, 0.20]) + np.array([0.75, 0.80]) * light[rows["hair"]]
        light[rows["face_hair"]] = 0.42, 0.36  # brows and lashes are darker than the hair
        behind_lips = np.flatnonzero((self.skin.layer > 0) & (self.skin.slit == 1))
        light[behind_lips] = 1 / (1 + 1.2 * self.skin.layer[behind_lips, None])
        lids = np.flatnonzero(self.skin.slit >= 2)
        light[lids] = np.maximum(light[lids], [0.45, 0.35])
        return light

    def place(self, controls: Controls) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points, normals and tangents (V, 3) in the head frame, as if the torso were part of the head."""
        rows = self.assembly.rows
        points = np.empty((len(self.assembly.uv), 3))
        normals, tangents = self.assembly.normals.copy(), self.assembly.tangents.copy()
        for name, piece in self.pieces.items():
            points[rows[name]] = piece.points
        opening = jaw_motion(controls.jaw)
        for name in JAW_PIECES:
            points[rows[name]] = (points[rows[name]] - JAW_HINGE) @ opening.T + JAW_HINGE
        points[rows["tongue"]] += controls.tongue * np.array([0, 0.011, 0.004])
        skin = self.poser.pose(controls)
        skin_normals = vertex_normals(skin, self.skin.triangles)
        points[rows["skin"]], normals[rows["skin"]] = skin, skin_normals
        on_face = rows["face_hair"]
        points[on_face], normals[on_face], tangents[on_face] = self.face_hair.place(skin, skin_normals, controls.blink)
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
        points, normals, tangents = self.place(controls)
        moving, still = (points @ pose[:3, :3].T + pose[:3, 3] for pose in (world_to_cam, torso_to_cam))
        camera = still + self.follows_head[:, None] * (moving - still)
        # Light lives in the room: x right, y up, z towards the viewer.
        turn = np.diag([1.0, -1.0, -1.0]) @ world_to_cam[:3, :3]
        attributes = np.empty((len(points), ATTRIBUTES), np.float32)
        attributes[:, 0:3], attributes[:, 3:6] = normals @ turn.T, tangents @ turn.T
        attributes[:, 6:8], attributes[:, 8:10] = self.assembly.uv, self._light
        for eye, name in enumerate(("eye_left", "eye_right")):
            attributes[self.assembly.rows[name], 6:10] = self.eyes.look(eye, controls, self.poser)
        lip_points = points[[*self.marks]]
        picture, labels = self._shade(camera, attributes, intrinsics, lip_points)
        return Shot(picture, labels, lip_points)

    def _shade(
        self, camera: np.ndarray, attributes: np.ndarray, intrinsics: np.ndarray, lip_points: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        parts: Assembly = self.assembly
        pixel = camera @ intrinsics.T
        place = np.column_stack([SAMPLES * pixel[:, :2] / pixel[:, 2:], camera[:, 2]])
        index, weights, _ = rasterize_mesh(place, parts.triangles, SAMPLES * self.size, SAMPLES * self.size)
        mouth_light = 0.30 + 0.70 * min((lip_points[0, 1] - lip_points[1, 1]) / 0.012, 1.0)
        picture = np.empty((self.size, self.size, 3), np.uint8)
        labels = np.empty((self.size, self.size), np.uint8)
        edges = np.linspace(0, self.size, BANDS + 1).astype(int)
        shared_pool().run(BANDS, lambda band, worker: shade_rows(
            edges[band], edges[band + 1], index, weights, parts.triangles, attributes, parts.materials, parts.labels,
            self._texture, self._palette, LIGHTS, mouth_light, float(intrinsics[0, 0]), self._backdrop, self._tone,
            picture, labels,
        ))  # fmt: skip
        return picture, labels


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
