"""All parts of a person side by side in one list of vertices and triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from d3talker.ops.mesh import vertex_normals
from d3talker.speaker.face_hair import FaceHair
from d3talker.speaker.head_mesh import SkinGrid
from d3talker.speaker.mesh_piece import Label, Material, Piece

NECK_ROW = 17.0  # of the profile table: skin below counts as torso
INNER_LAYER = 3  # strips behind the lips from here on count as the inside of the mouth


@dataclass(frozen=True)
class Assembly:
    """What stays the same in every frame.

    Attributes:
        triangles: (F, 3) of the joint list of vertices.
        materials, labels: (F,) uint8.
        uv: (V, 2).
        normals, tangents: (V, 3) at rest; zero for the skin and for what hangs on it.
        rows: the vertices of each part: ``skin``, ``face_hair`` and the names of the pieces.
    """

    triangles: np.ndarray
    materials: np.ndarray
    labels: np.ndarray
    uv: np.ndarray
    normals: np.ndarray
    tangents: np.ndarray
    rows: dict[str, slice]

    def vertices_of(self, *materials: Material) -> np.ndarray:
        """Numbers of all vertices of some materials."""
        return np.unique(self.triangles[np.isin(self.materials, materials)])


def assemble(skin: SkinGrid, face_hair: FaceHair, pieces: dict[str, Piece]) -> Assembly:
    """Joins the skin, the hairs on it and the rigid pieces, in this order."""
    skin_labels = np.where(skin.row[skin.triangles].mean(1) > NECK_ROW, Label.TORSO, Label.FACE)
    behind_lips = (skin.slit[skin.triangles].max(1) == 1) & (skin.layer[skin.triangles].max(1) >= INNER_LAYER)
    skin_labels[behind_lips] = Label.MOUTH
    hairs = len(face_hair.triangles)
    parts = {
        "skin": (skin.triangles, np.full(len(skin.triangles), Material.SKIN), skin_labels, skin.uv),
        "face_hair": (face_hair.triangles, np.full(hairs, Material.HAIR), np.full(hairs, Label.FACE), face_hair.uv),
    }
    for name, piece in pieces.items():
        count = len(piece.triangles)
        parts[name] = (piece.triangles, np.full(count, piece.material), np.full(count, piece.label), piece.uv)
    starts = np.cumsum([0] + [len(uv) for *_, uv in parts.values()])
    rows = {name: slice(int(a), int(b)) for name, a, b in zip(parts, starts, starts[1:], strict=False)}
    normals, tangents = np.zeros((starts[-1], 3)), np.zeros((starts[-1], 3))
    for name, piece in pieces.items():
        own = vertex_normals(piece.points, piece.triangles) if piece.normals is None else piece.normals
        normals[rows[name]] = own
        if piece.tangents is not None:
            tangents[rows[name]] = piece.tangents
    return Assembly(
        triangles=np.concatenate([part[0] + rows[name].start for name, part in parts.items()]),
        materials=np.concatenate([part[1] for part in parts.values()]).astype(np.uint8),
        labels=np.concatenate([part[2] for part in parts.values()]).astype(np.uint8),
        uv=np.concatenate([part[3] for part in parts.values()]),
        normals=normals,
        tangents=tangents,
        rows=rows,
    )
