"""The packaged face as the finer mesh of another model, with its vertices in another order."""

from dataclasses import dataclass

import numpy as np

from d3talker.faces.correspondence import OF_68
from d3talker.faces.model import load_face_model
from d3talker.faces.mp468 import face_triangles
from d3talker.faces.points import LEFT_EYE, RIGHT_EYE

MODEL = load_face_model()


@dataclass(frozen=True)
class DenseFace:
    vertices: np.ndarray  # (V, 3) metres, head frame
    triangles: np.ndarray  # (F, 3)
    in_eyes: np.ndarray  # (F,) bool: fills an eye
    number: np.ndarray  # (468,) vertex of each point of MediaPipe


def dense_face(generator, count, keypoints, rounds=1, eyes=False) -> DenseFace:
    """A person's face of ``count`` vertices, most of them in no triangle.

    Args:
        generator: chooses the person and the order of the vertices.
        count: vertices.
        keypoints: (68,) the numbers that the 68 known points shall have.
        rounds: how often every triangle is cut into four.
        eyes: whether the eyes are filled.
    """
    identity = np.tensordot(generator.normal(size=16), MODEL.identity.numpy().astype(np.float64), axes=1)
    places, triangles = MODEL.mean.numpy() + identity, face_triangles()
    in_eyes = np.zeros(len(triangles), dtype=bool)
    if eyes:
        for ring in (RIGHT_EYE, LEFT_EYE):
            fan = np.column_stack([ring, np.roll(ring, -1), np.full(len(ring), len(places))])
            places = np.vstack([places, places[ring].mean(axis=0) + [0, 0, 0.002]])
            triangles, in_eyes = np.vstack([triangles, fan]), np.append(in_eyes, np.ones(len(ring), dtype=bool))
    for _ in range(rounds):
        places, triangles = halved(places, triangles)
        in_eyes = np.tile(in_eyes, 4)
    number = np.full(len(places), -1)
    number[OF_68] = keypoints
    others = np.setdiff1d(np.arange(count), keypoints)
    number[number < 0] = generator.permutation(others)[: (number < 0).sum()]
    vertices = generator.normal(0, 0.05, (count, 3))
    vertices[number] = places
    return DenseFace(vertices, number[triangles], in_eyes, number[:468])


def halved(places, triangles):
    """Every triangle cut into four at the middles of its edges; the four quarters of all follow each other."""
    edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edges, which = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = (which.reshape(-1, 3) + len(places)).T
    a, b, c = triangles.T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return np.vstack([places, places[edges].mean(axis=1)]), np.concatenate([np.column_stack(part) for part in parts])
