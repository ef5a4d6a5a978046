"""Detail: nothing for equal pictures, more with blur, and texture that is elsewhere is better than none."""

import pytest
import torch
from torch.nn import functional

from d3talker.losses.detail import _about, detail_error


def texture(seed: int, size: int = 48) -> torch.Tensor:
    noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return functional.avg_pool2d(noise, 3, 1, 1).permute(0, 2, 3, 1).contiguous()


def blurred(picture: torch.Tensor, radius: int) -> torch.Tensor:
    moved = picture.permute(0, 3, 1, 2)
    return functional.avg_pool2d(moved, 2 * radius + 1, 1, radius, count_include_pad=False).permute(0, 2, 3, 1)


def test_equal_pictures_differ_by_nothing_and_blur_grows_it() -> None:
    truth = texture(0)
    assert detail_error(truth, truth) == 0
    distances = [float(detail_error(blurred(truth, radius), truth)) for radius in (1, 2, 4)]
    assert 0.01 < distances[0] < distances[1] < distances[2]


def test_a_plain_shift_of_brightness_is_no_detail() -> None:
    truth = 0.5 * texture(0)
    assert detail_error(truth + 0.2, truth) < 1e-6


def test_energy_counts_where_strands_cannot_be_hit() -> None:
    """Other strands of the same kind cost less than half of what no strands cost; absolute ones say 1.3 times."""
    truth = texture(0)
    other, none = texture(1), blurred(truth, 6)
    assert (other - truth).abs().mean() / (none - truth).abs().mean() > 1.3
    assert detail_error(other, truth) / detail_error(none, truth) < 0.5


def test_only_what_is_weighed_counts() -> None:
    truth = texture(0, 160)
    spoiled = truth.clone()
    spoiled[:, :, 120:] = 0
    left = torch.zeros(1, 160, 160, dtype=torch.float64)
    left[:, :, :8] = 1
    assert detail_error(spoiled, truth, left) < 1e-12
    assert detail_error(spoiled, truth, 1 - left) > 0.05


def test_dots_on_a_plain_background_do_not_make_up_for_hair_that_lacks_texture() -> None:
    truth = texture(0)
    truth[:, :, 24:] = 0.5
    weight = torch.full((1, 48, 48), 0.05, dtype=torch.float64)
    weight[:, :, :24] = 1
    soft = truth.clone()
    soft[:, :, :24] = blurred(texture(0), 2)[:, :, :24]
    dotted = soft.clone()
    dotted[:, :, 24:29] += 0.1 * (2.0 * ((torch.arange(48)[:, None] + torch.arange(5)) % 2) - 1.0)[None, :, :, None]
    assert detail_error(dotted, truth, weight) > detail_error(soft, truth, weight)


def test_gradient_agrees_with_finite_differences() -> None:
    truth, image = texture(0, 32), texture(1, 32)
    image.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: detail_error(x, truth), (image,), fast_mode=True)


@pytest.mark.parametrize("size", [33, 50])
def test_odd_sizes_work(size: int) -> None:
    assert torch.isfinite(detail_error(texture(0, size), texture(1, size)))


def test_gradient_matches_finite_differences() -> None:
    truth = texture(0, 32)
    image = (0.5 * truth + 0.5 * texture(1, 32)).requires_grad_()
    direction = torch.randn(image.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    (gradient,) = torch.autograd.grad(detail_error(image, truth), image)
    with torch.no_grad():
        step = 1e-6 * direction
        slope = (detail_error(image + step, truth) - detail_error(image - step, truth)) / 2e-6
    assert float((gradient * direction).sum()) == pytest.approx(float(slope), rel=1e-4)


def test_energy_is_a_mean_over_the_window() -> None:
    """Against torch's own pooling."""
    x = texture(2, 20).permute(0, 3, 1, 2)
    assert torch.allclose(_about(x), functional.avg_pool2d(x, 9, 1, 4), atol=1e-12)
