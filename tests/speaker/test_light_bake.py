import numpy as np

from d3talker.speaker.light_bake import cone, sphere, visible_share


def test_directions():
    even = sphere(200)
    np.testing.assert_allclose(np.linalg.norm(even, axis=1), 1)
    assert np.abs(even.mean(0)).max() < 0.02
    axis = np.array([1.0, 2.0, 2.0]) / 3
    assert np.degrees(np.arccos(cone(axis, 0.2, 30) @ axis)).max() <= np.degrees(0.2) + 1e-6


def test_a_roof_hides_the_sky_under_it():
    def square(y, half):
        return np.array([[-half, y, -half], [half, y, -half], [half, y, half], [-half, y, half]], float)

    floor = np.array([[0.0, 0, 0], [0.9, 0, 0.9]])
    points = np.concatenate([floor, square(0.2, 0.5), square(-0.1, 1.0)])
    normals = np.tile([0.0, 1.0, 0.0], (len(points), 1))
    triangles = np.array([[2, 3, 4], [2, 4, 5], [6, 7, 8], [6, 8, 9]])
    up = cone(np.array([0.05, 1.0, 0.02]), 0.1, 12)
    shares = visible_share(points, normals, triangles, up)
    assert shares[0] == 0
    np.testing.assert_allclose(shares[[1, 2, 3, 4, 5]], 1, atol=1e-6)
