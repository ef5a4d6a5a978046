import math

import numpy as np
import pytest
import torch

from d3talker.ops.camera import camera_centre, project, scale_intrinsics

INTRINSICS = [[500.0, 0.0, 128.0], [0.0, 400.0, 120.0], [0.0, 0.0, 1.0]]
# half a turn about x: y and z of the head frame point against those of the camera, which stands at z = 0.6 m
FACING = [[1.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 0.0], [0.0, 0.0, -1.0, 0.6], [0.0, 0.0, 0.0, 1.0]]
MAKERS = [np.array, lambda rows: torch.tensor(rows, dtype=torch.float64)]


@pytest.mark.parametrize("make", MAKERS)
def test_projection_by_hand(make):
    points = make([[0.0, 0.0, 0.0], [0.06, 0.03, 0.1], [-0.06, -0.03, -0.4]])
    pixels, z = project(points, make(FACING), make(INTRINSICS))
    np.testing.assert_allclose(z, [0.6, 0.5, 1.0])
    np.testing.assert_allclose(
        pixels, [[128, 120], [128 + 500 * 0.12, 120 - 400 * 0.06], [128 - 30, 120 + 12]], atol=1e-12
    )


@pytest.mark.parametrize("make", MAKERS)
def test_projection_is_that_of_the_trackers_of_the_literature(make):
    """Points in tenths of a metre, camera looking along -z with y up: u = w / 2 - f X / Z, v = h / 2 + f Y / Z."""
    rng = np.random.default_rng(0)
    for theta, phi, psi in rng.uniform(-0.6, 0.6, (20, 3)):
        (a, b), (c, d), (e, f) = ((math.cos(angle), math.sin(angle)) for angle in (theta, phi, psi))
        about_x = np.array([[1, 0, 0], [0, a, b], [0, -b, a]])
        about_y = np.array([[c, 0, -d], [0, 1, 0], [d, 0, c]])
        about_z = np.array([[e, -f, 0], [f, e, 0], [0, 0, 1]])
        rotation, shift = about_x @ about_y @ about_z, np.append(rng.uniform(-0.5, 0.5, 2), -rng.uniform(3, 7))
        points = rng.uniform(-1, 1, (30, 3))
        x, y, z = (points @ rotation.T + shift).T
        wanted = np.stack([256 - 1100 * x / z, 256 + 1100 * y / z], axis=1)
        camera = np.eye(4)
        camera[:3] = np.diag([1, -1, -1]) @ np.concatenate([rotation, shift[:, None] / 10], axis=1)
        intrinsics = [[1100.0, 0, 256], [0, 1100, 256], [0, 0, 1]]
        pixels, depth = project(make((points / 10).tolist()), make(camera.tolist()), make(intrinsics))
        np.testing.assert_allclose(pixels, wanted, atol=1e-9, rtol=0)
        np.testing.assert_allclose(depth, -z / 10, atol=1e-12)


def test_batches_broadcast():
    points = torch.rand(7, 3, dtype=torch.float64) * 0.1
    cameras = torch.tensor([FACING, FACING], dtype=torch.float64)
    cameras[1, 0, 3] = 0.05
    intrinsics = torch.tensor(INTRINSICS, dtype=torch.float64)
    pixels, z = project(points, cameras, intrinsics)
    assert pixels.shape == (2, 7, 2)
    torch.testing.assert_close(z[0], z[1])
    torch.testing.assert_close(pixels[1, :, 0] - pixels[0, :, 0], 500 * 0.05 / z[0])


def test_projection_is_differentiable():
    points = torch.tensor([[0.02, -0.05, 0.1], [0.0, 0.01, -0.1]], dtype=torch.float64, requires_grad=True)
    camera = torch.tensor(FACING, dtype=torch.float64, requires_grad=True)
    intrinsics = torch.tensor(INTRINSICS, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(project, (points, camera, intrinsics))


@pytest.mark.parametrize("make", MAKERS)
def test_more_pixels_scale_the_picture_about_its_corner(make):
    points, intrinsics = make([[0.06, 0.03, 0.1]]), make(INTRINSICS)
    small, _ = project(points, make(FACING), intrinsics)
    large, _ = project(points, make(FACING), scale_intrinsics(intrinsics, 2.5))
    np.testing.assert_allclose(large, 2.5 * small)
    assert float(intrinsics[0, 0]) == 500.0
    assert float(scale_intrinsics(intrinsics, 2.5)[2, 2]) == 1.0


@pytest.mark.parametrize("make", MAKERS)
def test_camera_centre(make):
    np.testing.assert_allclose(camera_centre(make(FACING)), [0.0, 0.0, 0.6], atol=1e-15)
    cosine, sine = math.cos(0.4), math.sin(0.4)
    turned = make([[cosine, 0, sine, 0.1], [0, 1, 0, -0.2], [-sine, 0, cosine, 0.7], [0, 0, 0, 1.0]])
    centre = camera_centre(turned)
    # the camera sees its own centre at the origin of its frame
    np.testing.assert_allclose(turned[:3, :3] @ centre + turned[:3, 3], [0.0, 0.0, 0.0], atol=1e-15)
