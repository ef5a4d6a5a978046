"""The geometry prior: invariances, outliers, and that normals really are the camera's."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from d3talker.faces.mp468 import face_triangles, load_mp468
from d3talker.losses.geometry import depth_error, gaussian_normals, normal_error
from d3talker.ops.quaternion import from_axis_angle, from_matrix, multiply, to_matrix
from d3talker.ops.rasterize import rasterize
from d3talker.tracking.geometry import face_geometry

FRONT = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))  # straight in front of the face ...
FRONT[2, 3] = 0.6  # ... at 60 cm
SIZE = 48


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def turned(*axis_angle: float) -> torch.Tensor:
    """A rotation (4, 4) by an axis times an angle in radians."""
    transform = torch.eye(4, dtype=torch.float64)
    transform[:3, :3] = to_matrix(from_axis_angle(torch.tensor(axis_angle, dtype=torch.float64)))
    return transform


def bulge(side: int = SIZE) -> torch.Tensor:
    """A face-like depth (1, side, side), 0.6 m away: a bump, its nose to the left of the middle."""
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, side, dtype=torch.float64)] * 2, indexing="ij")
    nose = torch.exp(-((x + 0.2) ** 2 + y**2) / 0.02)
    return (0.6 + 0.05 * (x**2 + 0.7 * y**2) - 0.02 * nose)[None]


def test_depth_error_by_hand():
    depth = torch.tensor([[[0.58, 0.59, 0.60, 0.61, 0.62]]], dtype=torch.float64)
    mask = torch.ones_like(depth, dtype=torch.bool)
    assert depth_error(depth, -depth, mask).item() == pytest.approx(2.0)  # the relief turned inside out
    raised = depth.clone()
    raised[..., 2] += 0.006  # the median point moves, half a relief; the median of differences does not
    assert depth_error(raised, depth, mask).item() < 0.25
    assert depth_error(depth, depth, mask).item() == 0.0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_depth_knows_no_scale_or_offset(dtype):
    depth, prior = bulge().to(dtype), (bulge() + 0.003 * random(1, SIZE, SIZE)).to(dtype)
    mask = bulge() < 0.65
    expected = depth_error(depth, prior, mask)
    tolerance = 1e-3 if dtype == torch.float32 else 1e-9
    assert 0.05 < expected < 0.5
    for scale, offset in [(0.02, 0.0), (30.0, 0.0), (1.0, -0.55), (5.0, 2.0)]:
        other = depth_error(depth, scale * prior + offset, mask)
        torch.testing.assert_close(other, expected, rtol=tolerance, atol=0)
        other = depth_error(scale * depth + offset, prior, mask)
        torch.testing.assert_close(other, expected, rtol=tolerance, atol=0)


def test_pictures_of_a_batch_are_normalised_apart_and_only_inside_the_mask():
    depth = torch.cat([bulge(), bulge()])
    prior = torch.cat([bulge(), 7 * bulge() + 3])
    mask = depth < 0.65
    mask[1, :20] = False
    spoilt = torch.where(mask, prior, math.nan)
    assert depth_error(depth, spoilt, mask).item() == pytest.approx(0.0, abs=1e-9)
    assert depth_error(torch.where(mask, depth, math.nan), prior, mask).item() == pytest.approx(0.0, abs=1e-9)
    both = depth_error(depth, prior.flip(2), mask)
    single = [depth_error(depth[i : i + 1], prior[i : i + 1].flip(2), mask[i : i + 1]) for i in (0, 1)]
    weight = mask.sum(dim=(1, 2)) / mask.sum()
    assert both.item() == pytest.approx((weight[0] * single[0] + weight[1] * single[1]).item())


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_outliers_in_the_prior_leave_the_rest_in_agreement(side):
    depth = bulge()
    mask = torch.ones_like(depth, dtype=torch.bool)
    wrong = torch.rand(depth.shape, generator=torch.Generator().manual_seed(0)) < 0.05

    def error(far):
        return depth_error(depth, depth + side * far * wrong, mask).item()

    # nearly a straight line in the distance of the outliers: what is left at its foot is the rest's disagreement
    step = error(2.0) - error(1.0)
    assert error(3.0) - error(2.0) == pytest.approx(step, rel=1e-9)
    assert error(1.0) - step < 0.15  # 1.3 without the trimming


def test_depth_prefers_the_right_shape_in_spite_of_outliers():
    right = bulge()
    mask = torch.ones_like(right, dtype=torch.bool)
    wrong = torch.rand(right.shape, generator=torch.Generator().manual_seed(0)) < 0.05
    prior = 3 * right + 2.0 * wrong
    tilt = torch.linspace(-1, 1, SIZE, dtype=torch.float64).expand_as(right)
    errors = [depth_error(right + slope * tilt, prior, mask).item() for slope in (-0.01, -0.003, 0.0, 0.003, 0.01)]
    assert errors[0] > errors[1] > errors[2] + 0.02
    assert errors[4] > errors[3] > errors[2] + 0.02


def test_depth_gradient_is_exact_and_does_not_move_the_whole():
    depth = (0.6 + 0.02 * random(2, 5, 6, seed=1)).requires_grad_()
    prior, mask = random(2, 5, 6, seed=2), random(2, 5, 6, seed=3) > -0.7
    assert torch.autograd.gradcheck(lambda d: depth_error(d, prior, mask), depth, eps=1e-9, rtol=1e-4)
    depth_error(depth, prior, mask).backward()
    for gradient, values in zip(depth.grad, depth.detach(), strict=True):
        assert abs(gradient.sum()) < 1e-9 * gradient.abs().sum()
        assert abs((gradient * values).sum()) < 1e-9 * (gradient * values).abs().sum()
    assert not depth.grad[~mask].any()


def test_no_pixel_carries_the_gradient_of_all():
    depth = (bulge() + 0.002 * random(1, SIZE, SIZE, seed=1)).requires_grad_()
    prior = bulge() + 0.02 * bulge().flip(2) ** 2
    depth_error(depth, prior, torch.ones_like(depth, dtype=torch.bool)).backward()
    assert depth.grad.abs().max() < 5 * depth.grad.abs().mean()


def test_an_empty_mask_is_no_error():
    depth, normals = bulge(8).requires_grad_(), random(1, 8, 8, 3).requires_grad_()
    mask = torch.zeros(1, 8, 8, dtype=torch.bool)
    for field, loss in [(depth, depth_error(depth, bulge(8), mask)), (normals, normal_error(normals, normals, mask))]:
        loss.backward()
        assert loss.item() == 0.0
        assert not field.grad.any()


def test_a_flat_depth_has_a_finite_gradient():
    depth = torch.full((1, 6, 6), 0.6).requires_grad_()
    loss = depth_error(depth, bulge(6).float(), torch.ones(1, 6, 6, dtype=torch.bool))
    loss.backward()
    assert loss.isfinite()
    assert depth.grad.isfinite().all()


def test_normal_error_by_hand():
    front = torch.tensor([0.0, 0.0, -1.0], dtype=torch.float64).expand(1, 4, 4, 3)
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[:, :2] = True
    tilted = front @ turned(math.pi / 3, 0, 0)[:3, :3].T
    assert normal_error(front, front, mask).item() == pytest.approx(0.0)
    assert normal_error(tilted, front, mask).item() == pytest.approx(0.5)
    assert normal_error(-front, front, mask).item() == pytest.approx(2.0)
    half = torch.where(torch.arange(4)[:, None] < 2, tilted, front)  # two of four columns
    assert normal_error(half, front, mask).item() == pytest.approx(0.25)
    assert normal_error(0.3 * tilted, 7.0 * front, mask).item() == pytest.approx(0.5)


def test_normals_of_nothing_have_a_bounded_gradient():
    mask = torch.ones(1, 3, 3, dtype=torch.bool)
    prior = normalize(random(1, 3, 3, 3), dim=-1)
    for size in (0.0, 1e-8, 1e-3):
        normals = (size * random(1, 3, 3, 3, seed=1)).requires_grad_()
        normal_error(normals, prior, mask).backward()
        assert normals.grad.norm(dim=-1).max() <= 10.0 / 9 + 1e-9


def test_normal_error_gradient_matches_finite_differences():
    mask = random(2, 3, 4, seed=3) > -0.5
    normals, prior = random(2, 3, 4, 3, seed=1).requires_grad_(), random(2, 3, 4, 3, seed=2)
    assert torch.autograd.gradcheck(lambda n: normal_error(n, prior, mask), normals)


@pytest.mark.parametrize("shortest", [0, 1, 2])
@pytest.mark.parametrize("half_turn", [False, True])
def test_a_disc_square_to_the_camera(shortest, half_turn):
    scales = torch.full((1, 3), 0.01, dtype=torch.float64)
    scales[0, shortest] = 0.001
    quarter = {0: (0.0, math.pi / 2, 0.0), 1: (math.pi / 2, 0.0, 0.0), 2: (0.0, 0.0, 0.3)}[shortest]
    quats = from_axis_angle(torch.tensor([quarter], dtype=torch.float64))
    if half_turn:
        quats = multiply(from_axis_angle(quats.new_tensor([[0.0, math.pi, 0.0]])), quats)
    normals = gaussian_normals(3.0 * quats, scales, quats.new_zeros(1, 3), FRONT)
    torch.testing.assert_close(normals, quats.new_tensor([[0.0, 0.0, -1.0]]), atol=1e-12, rtol=0)


def test_a_cheek_looks_right_and_a_chin_down():
    discs = from_axis_angle(torch.tensor([[0.0, 0.5, 0.0], [0.5, 0.0, 0.0]], dtype=torch.float64))
    scales = torch.tensor([0.01, 0.01, 0.001], dtype=torch.float64).expand(2, 3)
    right, down = gaussian_normals(discs, scales, discs.new_zeros(2, 3), FRONT)
    torch.testing.assert_close(right, right.new_tensor([math.sin(0.5), 0.0, -math.cos(0.5)]))
    torch.testing.assert_close(down, right.new_tensor([0.0, math.sin(0.5), -math.cos(0.5)]))


def cloud(count: int = 60) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    scales = 0.01 * torch.rand(count, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) + 1e-3
    return random(count, 4), scales, 0.1 * random(count, 3, seed=1)


def test_turning_head_and_camera_together_changes_nothing():
    quats, scales, means = cloud()
    expected = gaussian_normals(quats, scales, means, FRONT)
    turn = turned(0.4, -0.9, 0.7)
    turn[:3, 3] = torch.tensor([0.3, -0.1, 0.2])
    moved = gaussian_normals(
        multiply(from_matrix(turn[:3, :3]), quats),
        scales,
        means @ turn[:3, :3].T + turn[:3, 3],
        FRONT @ torch.linalg.inv(turn),
    )
    torch.testing.assert_close(moved, expected)


def test_rolling_the_camera_rolls_the_normals():
    quats, scales, means = cloud()
    upright = gaussian_normals(quats, scales, means, FRONT)
    quarter = gaussian_normals(quats, scales, means, turned(0.0, 0.0, math.pi / 2) @ FRONT)
    torch.testing.assert_close(quarter, torch.stack([-upright[:, 1], upright[:, 0], upright[:, 2]], dim=-1))


def test_normals_are_unit_and_face_the_camera():
    quats, scales, means = cloud(500)
    camera = turned(0.1, 0.8, 0.0) @ FRONT
    normals = gaussian_normals(quats, scales, means, camera)
    torch.testing.assert_close(normals.norm(dim=-1), torch.ones(500, dtype=torch.float64))
    seen = means @ camera[:3, :3].T + camera[:3, 3]
    assert ((normals * seen).sum(-1) <= 0).all()
    axes = torch.linalg.solve(camera[:3, :3] @ to_matrix(quats), normals[..., None])[..., 0]
    assert torch.equal(axes.abs().argmax(-1), scales.argmin(-1))


def test_normals_have_exact_gradients_in_the_rotations():
    quats, scales, means = cloud(5)
    assert torch.autograd.gradcheck(lambda q: gaussian_normals(q, scales, means, FRONT), quats.requires_grad_())
    means.requires_grad_()
    gaussian_normals(quats, scales, means, FRONT).square().sum().backward()
    assert means.grad is None


def test_a_head_of_discs_agrees_with_the_fitted_face():
    """Discs on the face mesh, seen at 37 degrees from the side, against the prior that tracking draws of the mesh."""
    face = np.concatenate([load_mp468().mean.numpy().astype(np.float64), np.zeros((10, 3))])
    camera = FRONT @ turned(0.0, 0.65, 0.0)
    intrinsics = torch.tensor([[150.0, 0, SIZE / 2], [0, 150.0, SIZE / 2], [0, 0, 1]], dtype=torch.float64)
    prior_depth, prior_normals, prior_mask = (
        torch.from_numpy(field)[None] for field in face_geometry(face, camera.numpy(), intrinsics.numpy(), SIZE)
    )
    corners = torch.from_numpy(face)[torch.from_numpy(face_triangles().astype(np.int64))]
    along = normalize(corners[:, 1] - corners[:, 0], dim=-1)
    outward = normalize(torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), dim=-1)
    quats = from_matrix(torch.stack([along, torch.linalg.cross(outward, along), outward], dim=-1))
    width = (corners - corners.mean(dim=1, keepdim=True)).norm(dim=-1).mean(dim=1)
    scales = torch.stack([0.5 * width, 0.5 * width, torch.full_like(width, 1e-4)], dim=-1)
    means = corners.mean(dim=1)

    def render(features):
        opacities = torch.full_like(width, 0.95)
        inputs = (means, quats, scales, opacities, features, camera[None], intrinsics[None])
        return rasterize(*(tensor.float() for tensor in inputs), SIZE, SIZE, backend="reference")

    rendered = render(gaussian_normals(quats, scales, means, camera))
    mask = prior_mask & (rendered.alpha > 0.8)
    assert mask.sum() > 0.6 * prior_mask.sum() > 300
    error = normal_error(rendered.features, prior_normals, mask)
    mistaken = normal_error(render(outward).features, prior_normals, mask)  # InsTaG's: the head's frame
    assert error < 0.05
    assert mistaken > 1.0
    assert depth_error(rendered.depth, prior_depth, mask) < 0.3
    assert depth_error(-rendered.depth, prior_depth, mask) > 1.5
