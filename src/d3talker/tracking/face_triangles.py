"""The triangles of MediaPipe's face mesh, found from the edges that the mediapipe wheel names.

The wheel lists the mesh as edges to draw, with the eyes and the mouth left open. Every face is a cycle of three edges;
two cycles of three are no faces, for they enclose others.
"""

from __future__ import annotations

import functools
from collections import Counter
from itertools import combinations

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.tracking.points import FACE_OVAL

COUNT = 852
"""Triangles of the open mesh: MediaPipe's canonical face has 898, of which 18 fill the mouth and 14 each eye."""


@functools.cache
def face_triangles() -> np.ndarray:
    """The open face mesh over the first 468 points.

    Returns:
        (852, 3) int64, read-only; corners run counter-clockwise for a viewer in front of the face, so that
        ``cross(b - a, c - a)`` points out of the face. Sorted, hence the same in every run.

    Raises:
        D3Error: the installed mediapipe describes another mesh.
    """
    from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

    triangles = oriented(_faces(FACEMESH_TESSELATION))
    if triangles.shape != (COUNT, 3):
        raise D3Error(f"mediapipe's face mesh has {len(triangles)} triangles", str(COUNT), "Install mediapipe 0.10.21.")
    triangles.flags.writeable = False
    return triangles


def _faces(edges: frozenset[tuple[int, int]]) -> set[tuple[int, int, int]]:
    """The cycles of three edges that enclose no other, each with its corners in rising order."""
    neighbours: dict[int, set[int]] = {}
    for a, b in edges:
        neighbours.setdefault(a, set()).add(b)
        neighbours.setdefault(b, set()).add(a)
    cycles = {tuple(sorted((a, b, c))) for a, b in edges for c in neighbours[a] & neighbours[b]}
    shared = Counter(edge for cycle in cycles for edge in combinations(cycle, 2))
    # An edge of a surface has at most two faces; a cycle with a third on every edge is the outline of other faces.
    return {(a, b, c) for a, b, c in cycles if min(shared[a, b], shared[a, c], shared[b, c]) <= 2}


def oriented(faces: set[tuple[int, int, int]]) -> np.ndarray:
    """Turns all faces to the same side by walking over shared edges, starting at the top of the face.

    Args:
        faces: corners of a connected surface, in any order; one has the edge from the forehead (10) to its neighbour on
            the face's outline.

    Returns:
        (F, 3) int64 sorted; counter-clockwise seen from outside.
    """
    of_edge: dict[frozenset[int], list[tuple[int, int, int]]] = {}
    for face in sorted(faces):
        for edge in combinations(face, 2):
            of_edge.setdefault(frozenset(edge), []).append(face)
    top, beside = (
        int(FACE_OVAL[0]),
        int(FACE_OVAL[1]),
    )  # beside: to the right of the picture, so clockwise is top -> beside
    turned: dict[tuple[int, int, int], tuple[int, int, int]] = {}
    waiting = [(beside, top)]
    while waiting:
        a, b = waiting.pop()  # a face that runs a -> b is wanted on this edge
        for face in of_edge[frozenset((a, b))]:
            if face in turned:
                continue
            (c,) = set(face) - {a, b}
            turned[face] = (a, b, c)
            waiting += [(c, b), (a, c)]  # neighbours run every shared edge the other way
    smallest_first = [_rotated(face) for face in turned.values()]
    return np.array(sorted(smallest_first), dtype=np.int64).reshape(-1, 3)


def _rotated(face: tuple[int, int, int]) -> tuple[int, int, int]:
    first = face.index(min(face))
    return face[first], face[(first + 1) % 3], face[(first + 2) % 3]
