"""Rounder meshes: counts, weights, flat sheets, rims, orientation."""

import numpy as np

from d3talker.ops.subdivide import subdivision

OCTAHEDRON = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
SIDES = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])


def sheet(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A flat square of 2 side**2 triangles."""
    x, y = np.meshgrid(np.arange(side + 1), np.arange(side + 1))
    corner = (np.arange(side)[:, None] * (side + 1) + np.arange(side)).ravel()
    lower = np.stack([corner, corner + 1, corner + side + 2], axis=1)
    upper = np.stack([corner, corner + side + 2, corner + side + 1], axis=1)
    return np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], axis=1).astype(float), np.concatenate([lower, upper])


def test_a_closed_surface_gets_a_vertex_on_every_edge_and_four_times_the_triangles() -> None:
    weights, finer = subdivision(SIDES, 6)
    assert weights.shape == (6 + 12, 6)
    assert finer.shape == (32, 3)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    assert np.array_equal(np.bincount(finer.ravel())[:6], np.full(6, 4))


def test_it_is_rounder_and_wound_as_before() -> None:
    vertices, triangles = OCTAHEDRON, SIDES
    for _ in range(2):
        weights, triangles = subdivision(triangles, len(vertices))
        vertices = weights @ vertices
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert ((normals * corners.mean(axis=1)).sum(axis=1) > 0).all()
    radii = np.linalg.norm(vertices, axis=1)
    assert radii.max() / radii.min() < 1.25  # between corner and side of the octahedron: 1.73


def test_inner_vertices_of_a_flat_sheet_stay_flat_and_in_place() -> None:
    vertices, triangles = sheet(5)
    weights, _ = subdivision(triangles, len(vertices))
    finer = weights @ vertices
    assert np.abs(finer[:, 2]).max() == 0
    inner = np.flatnonzero(((vertices[:, :2] > 0) & (vertices[:, :2] < 5)).all(axis=1))
    np.testing.assert_allclose(finer[inner], vertices[inner], atol=1e-12)


def test_a_rim_depends_on_the_rim_alone() -> None:
    vertices, triangles = sheet(4)
    on_rim = ((vertices[:, :2] == 0) | (vertices[:, :2] == 4)).any(axis=1)
    weights, _ = subdivision(triangles, len(vertices))
    lifted = vertices.copy()
    lifted[~on_rim, 2] = 1.0
    assert np.abs((weights @ lifted)[: len(vertices)][on_rim, 2]).max() == 0
