"""Clouds of Gaussians: activations, colours, drawing."""

import pytest
import torch
from torch.nn import functional

from d3talker.fields.deformation import Displacement
from d3talker.models.gaussians import draw, inverse_softplus, painted_pixels, start_gaussians

CAMERA = torch.tensor([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0.8], [0, 0, 0, 1]])
INTRINSICS = torch.tensor([[140.0, 0, 32], [0, 140.0, 32], [0, 0, 1]])


def cloud(count: int = 200, degree: int = 1):
    generator = torch.Generator().manual_seed(0)
    points = (torch.rand(count, 3, generator=generator) - 0.5) * 0.2
    return start_gaussians(points, torch.rand(count, 3, generator=generator), torch.full((count,), 0.004), degree)


@pytest.mark.parametrize("size", [1e-4, 1e-3, 0.05, 2.0])
def test_inverse_softplus(size: float) -> None:
    value = torch.tensor(size, dtype=torch.float64)
    torch.testing.assert_close(functional.softplus(inverse_softplus(value)), value)


@pytest.mark.parametrize(("size", "ratio"), [(0.001, 0.9995), (0.01, 0.995), (0.05, 0.976)])
def test_the_logarithm_is_the_raw_value_of_a_size_a_little_smaller(size: float, ratio: float) -> None:
    """The papers' code starts with the logarithm; here :func:`start_gaussians` gives the very size."""
    raw = inverse_softplus(torch.tensor(ratio * size, dtype=torch.float64))
    assert raw.exp().item() == pytest.approx(size, rel=3e-4)
    point = torch.zeros(1, 3, dtype=torch.float64)
    started = start_gaussians(point, point, torch.tensor([size], dtype=torch.float64), 1)
    assert started.scales[0].tolist() == pytest.approx([size] * 3, rel=1e-12)


def test_start_has_the_sizes_and_colours_it_was_given() -> None:
    gaussians = cloud()
    torch.testing.assert_close(gaussians.scales, torch.full((200, 3), 0.004), rtol=1e-4, atol=0)
    torch.testing.assert_close(gaussians.opacities, torch.full((200,), 0.1))
    generator = torch.Generator().manual_seed(0)
    torch.rand(200, 3, generator=generator)
    rgb = torch.rand(200, 3, generator=generator)
    torch.testing.assert_close(gaussians.seen_from(torch.tensor([0.0, 0.0, 1.0])), rgb, atol=1e-5, rtol=0)


def test_over_green_minus_green_is_over_black() -> None:
    green = torch.tensor([0.0, 1.0, 0.0])
    over_green = draw(cloud(), None, CAMERA, INTRINSICS, 64, green)
    over_black = draw(cloud(), None, CAMERA, INTRINSICS, 64)
    taken = over_green.features - green * (1 - over_green.alpha[..., None])
    torch.testing.assert_close(taken, over_black.features, atol=1e-5, rtol=0)


def test_a_shift_of_the_cloud_shifts_the_picture() -> None:
    gaussians = cloud()
    pixel = 0.8 / 140.0  # metres a pixel at the distance of the middle
    moved = Displacement(torch.tensor([5 * pixel, 0.0, 0.0]).expand(200, 3), None, None)
    still = draw(gaussians, None, CAMERA, INTRINSICS, 64).alpha[0]
    shifted = draw(gaussians, moved, CAMERA, INTRINSICS, 64).alpha[0]

    def centre(alpha: torch.Tensor) -> float:
        return (alpha.detach().sum(dim=0) * torch.arange(64)).sum().item() / alpha.sum().item()

    assert centre(shifted) - centre(still) == pytest.approx(5.0, abs=0.15)


def test_gradients_reach_every_parameter() -> None:
    gaussians = cloud()
    probe = torch.zeros(1, 200, 2, requires_grad=True)
    rendered = draw(gaussians, None, CAMERA, INTRINSICS, 64, torch.tensor([0.0, 1.0, 0.0]), probe)
    (rendered.features**2).mean().backward()
    for name, parameter in gaussians.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
    assert probe.grad is not None
    assert probe.grad.abs().max() > 0


def test_what_all_gaussians_paint_is_the_picture_and_what_one_hides_is_not_painted() -> None:
    gaussians = cloud()
    alpha = draw(gaussians, None, CAMERA, INTRINSICS, 64).alpha.detach()
    pixels = painted_pixels(gaussians, None, CAMERA, INTRINSICS, 64)
    assert not pixels.requires_grad
    assert float(pixels.sum()) == pytest.approx(float(alpha.sum()), rel=1e-4)
    points = torch.tensor([[0.0, 0, 0.1], [0.0, 0, 0.0]])  # the camera looks down the third axis: the second is behind
    pair = start_gaussians(points, torch.ones(2, 3), torch.tensor([0.05, 0.01]), 1, opacity=0.98)
    front, back = painted_pixels(pair, None, CAMERA, INTRINSICS, 64)
    alone = painted_pixels(
        start_gaussians(points[1:], torch.ones(1, 3), torch.tensor([0.01]), 1, 0.98), None, CAMERA, INTRINSICS, 64
    )
    assert float(back) < 0.1 * float(alone) < float(front)
