"""Rounder meshes: one step of Loop subdivision as a matrix (Loop, "Smooth subdivision surfaces based on triangles",
1987), so that a face of few triangles can be drawn smooth, frame by frame."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from scipy.sparse import csr_matrix


def subdivision(triangles: np.ndarray, count: int) -> tuple[csr_matrix, np.ndarray]:
    """Every triangle becomes four; open rims stay smooth curves.

    Args:
        triangles: (F, 3) integers, a surface whose edges have one or two triangles.
        count: V, vertices before.

    Returns:
        Weights (V + E, V) for E edges: the product with the vertices (V, 3), or with any attribute of them, gives
        those of the finer mesh, the old vertices first; and its triangles (4 F, 3) int64, wound as before.
    """
    opposite: dict[tuple[int, int], list[int]] = defaultdict(list)
    for a, b, c in triangles.tolist():
        for one, other, third in ((a, b, c), (b, c, a), (c, a, b)):
            opposite[min(one, other), max(one, other)].append(third)
    middle = {edge: count + place for place, edge in enumerate(opposite)}
    weights: dict[tuple[int, int], float] = {}
    around: dict[int, list[int]] = defaultdict(list)
    on_rim: dict[int, list[int]] = defaultdict(list)
    for (one, other), third in opposite.items():
        inner = len(third) == 2
        for end, far in ((one, other), (other, one)):
            weights[middle[one, other], end] = 3 / 8 if inner else 1 / 2
            (around if inner else on_rim)[end].append(far)
        if inner:
            weights.update({(middle[one, other], vertex): 1 / 8 for vertex in third})
    for vertex in range(count):
        neighbours, share = around[vertex], 0.0
        if len(on_rim[vertex]) == 2:
            neighbours, share = on_rim[vertex], 1 / 8
        elif neighbours and not on_rim[vertex]:
            share = 3 / 16 if len(neighbours) == 3 else 3 / (8 * len(neighbours))
        weights[vertex, vertex] = 1 - share * len(neighbours)
        weights.update({(vertex, neighbour): share for neighbour in neighbours if share})
    rows, columns = np.array(list(weights)).T
    matrix = csr_matrix((list(weights.values()), (rows, columns)), shape=(count + len(middle), count), dtype=np.float64)
    finer = []
    for a, b, c in triangles.tolist():
        ab, bc, ca = (middle[min(one, other), max(one, other)] for one, other in ((a, b), (b, c), (c, a)))
        finer += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return matrix, np.array(finer, dtype=np.int64).reshape(-1, 3)
