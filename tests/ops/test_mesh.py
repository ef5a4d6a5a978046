import numpy as np
import pytest

from d3talker.ops.mesh import rasterize_mesh


def brute_force(vertices, triangles, width, height):
    """Every triangle at every pixel, by the ray's 3 x 3 system: no shared arithmetic with the fast way."""
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3)
    depth = np.full(width * height, np.inf)
    index = np.full(width * height, -1)
    weights = np.zeros((width * height, 3))
    for face, corner in enumerate(triangles):
        z = vertices[corner, 2]
        points = np.column_stack([vertices[corner, :2] * z[:, None], z])  # camera space of a unit camera
        if abs(np.linalg.det(points)) < 1e-12:
            continue
        scaled = rays @ np.linalg.inv(points)  # ray * depth = weights @ points
        candidate = 1 / scaled.sum(1)
        blend = scaled * candidate[:, None]
        take = (scaled >= 0).all(1) & (candidate > 0) & (candidate < depth)
        depth[take], index[take], weights[take] = candidate[take], face, blend[take]
    return (
        index.reshape(height, width),
        weights.reshape(height, width, 3),
        np.where(np.isinf(depth), 0, depth).reshape(height, width),
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_same_as_brute_force(seed):
    generator = np.random.default_rng(seed)
    vertices = np.column_stack([generator.uniform(-10, 60, (40, 2)), generator.uniform(0.3, 2.0, 40)])
    triangles = generator.integers(0, 40, (60, 3))
    index, weights, depth = rasterize_mesh(vertices, triangles, 53, 37)
    wanted_index, wanted_weights, wanted_depth = brute_force(vertices, triangles, 53, 37)
    assert (index.dtype, weights.dtype, depth.dtype) == (np.int32, np.float32, np.float32)
    np.testing.assert_array_equal(index, wanted_index)
    np.testing.assert_allclose(weights, wanted_weights, atol=1e-5)
    np.testing.assert_allclose(depth, wanted_depth, rtol=1e-5)
    assert (index >= 0).mean() > 0.5


def test_weights_are_perspective_correct():
    # A floor from 1 m to 3 m: half way up the picture the depth is the harmonic mean, 1.5 m, a quarter of the way.
    vertices = np.array([[0, 0, 1.0], [20, 0, 1.0], [20, 21, 3.0], [0, 21, 3.0]])
    index, weights, depth = rasterize_mesh(vertices, np.array([[0, 1, 2], [0, 2, 3]]), 20, 21)
    assert (index >= 0).all()
    np.testing.assert_allclose(depth[10], 1.5, rtol=1e-6)
    corners = np.array([[0, 1, 2], [0, 2, 3]])[index]
    np.testing.assert_allclose((weights * vertices[corners, 2]).sum(-1), depth, rtol=1e-6)


def test_winding_does_not_matter_and_nearest_wins():
    square = np.array([[0, 0], [8, 0], [8, 8], [0, 8]], dtype=float)
    vertices = np.column_stack([np.vstack([square, square]), np.repeat([2.0, 1.0], 4)])
    triangles = np.array([[0, 1, 2], [0, 3, 2], [4, 6, 5], [4, 6, 7]])
    index, _, depth = rasterize_mesh(vertices, triangles, 8, 8)
    assert set(np.unique(index)) == {2, 3}
    assert (depth == 1).all()


def test_shared_edges_leave_no_holes():
    generator = np.random.default_rng(3)
    x, y = np.meshgrid(np.arange(9) * 5.0, np.arange(9) * 5.0)
    inner = (x > 0) & (x < 40) & (y > 0) & (y < 40)
    vertices = np.stack(
        [
            x + inner * generator.uniform(-1.5, 1.5, x.shape),
            y + inner * generator.uniform(-1.5, 1.5, y.shape),
            1 + 0 * x,
        ],
        -1,
    ).reshape(-1, 3)
    corner = (np.arange(8)[:, None] * 9 + np.arange(8)).ravel()
    triangles = np.vstack(
        [np.column_stack([corner, corner + 1, corner + 10]), np.column_stack([corner, corner + 10, corner + 9])]
    )
    index, weights, _ = rasterize_mesh(vertices, triangles, 40, 40)
    assert (index >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-6)


def test_unseen_triangles_are_skipped():
    vertices = np.array(
        [[0, 0, 1], [9, 0, -1], [0, 9, 1], [9, 9, np.nan], [9, 0, 1], [-9, -9, 1], [-5, -9, 1], [-9, -5, 1.0]]
    )
    index, weights, depth = rasterize_mesh(vertices, np.array([[0, 1, 2], [0, 3, 4], [5, 6, 7], [0, 0, 4]]), 9, 9)
    assert (index == -1).all()
    assert not weights.any()
    assert not depth.any()


def test_vertex_numbers_are_checked():
    with pytest.raises(ValueError, match="outside"):
        rasterize_mesh(np.ones((3, 3)), np.array([[0, 1, 3]]), 4, 4)
