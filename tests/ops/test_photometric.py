import math

import pytest
import torch

from d3talker.ops.photometric import photometric_loss, ssim
from d3talker.ops.threads import quiet_torch

SHAPES = [(1, 24, 31, 3), (2, 70, 20, 1), (1, 130, 9, 4), (3, 5, 6, 2), (1, 1, 1, 3)]


@pytest.fixture(autouse=True)
def _one_torch_thread():
    """Many tiny convolutions: waking and awaiting torch's threads would cost far more than the work."""
    with quiet_torch():
        yield


def _pair(shape, dtype=torch.float32, noise: float = 0.2):
    generator = torch.Generator().manual_seed(sum(shape))
    image = torch.rand(shape, generator=generator, dtype=dtype)
    other = image + noise * torch.randn(shape, generator=generator, dtype=dtype)
    return image, other.clamp(0, 1)


def _relative_error(seen: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((seen.double() - wanted.double()).norm() / wanted.double().norm())


def _value_and_gradient(function, image, target, backend):
    image = image.clone().requires_grad_()
    value = function(image, target, backend=backend)
    (gradient,) = torch.autograd.grad(value, image)
    return value.detach(), gradient


def _ssim_pixel_by_pixel(a: torch.Tensor, b: torch.Tensor) -> float:
    """The definition, with the full 11 x 11 window, on one channel (H, W)."""
    window = {
        (i, j): math.exp(-(i * i + j * j) / (2 * 1.5**2)) for i in range(-5, 6) for j in range(-5, 6)
    }  # fmt: skip
    norm = sum(window.values())
    height, width = a.shape
    total = 0.0
    for y in range(height):
        for x in range(width):
            ma = mb = saa = sbb = sab = 0.0
            for (i, j), weight in window.items():
                if 0 <= y + i < height and 0 <= x + j < width:
                    u, v, w = float(a[y + i, x + j]), float(b[y + i, x + j]), weight / norm
                    ma, mb, saa, sbb, sab = ma + w * u, mb + w * v, saa + w * u * u, sbb + w * v * v, sab + w * u * v
            likeness = (2 * ma * mb + 1e-4) * (2 * (sab - ma * mb) + 9e-4)
            total += likeness / ((ma * ma + mb * mb + 1e-4) * (saa - ma * ma + sbb - mb * mb + 9e-4))
    return total / (height * width)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_ssim_is_the_definition(backend):
    image, target = _pair((1, 9, 14, 1))
    wanted = _ssim_pixel_by_pixel(image[0, :, :, 0], target[0, :, :, 0])
    assert float(ssim(image, target, backend)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_equal_pictures(backend):
    image, _ = _pair((2, 40, 33, 3))
    value, gradient = _value_and_gradient(ssim, image, image, backend)
    assert float(value) == pytest.approx(1.0, abs=1e-6)
    assert gradient.abs().max() < 1e-6
    assert float(photometric_loss(image, image, backend=backend)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_constant_shift_has_a_closed_form(backend):
    """Moments of flat pictures are the part of the window that the picture covers, times a constant."""
    dark, bright = torch.full((1, 11, 11, 1), 0.25), torch.full((1, 11, 11, 1), 0.75)
    taps = torch.tensor([math.exp(-(k**2) / 4.5) for k in range(-5, 6)], dtype=torch.float64)
    taps /= taps.sum()
    covered = torch.stack([taps[max(0, 5 - i) : 16 - i].sum() for i in range(11)])
    part = covered[:, None] * covered[None]
    a, b = 0.25 * part, 0.75 * part
    spread = part - part**2
    brightness = (2 * a * b + 1e-4) / (a * a + b * b + 1e-4)
    contrast = (2 * 0.25 * 0.75 * spread + 9e-4) / ((0.25**2 + 0.75**2) * spread + 9e-4)
    # the centre alone has its whole window: no variance, only the brightness term is left
    assert float((brightness * contrast)[5, 5]) == pytest.approx((2 * 0.25 * 0.75 + 1e-4) / (0.625 + 1e-4))
    assert float(ssim(dark, bright, backend)) == pytest.approx(float((brightness * contrast).mean()), rel=5e-5)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_loss_adds_the_two_terms(backend):
    image, target = _pair((1, 20, 20, 3))
    wanted = float((image - target).abs().mean()) + 0.35 * (1 - float(ssim(image, target, "reference")))
    assert float(photometric_loss(image, target, 0.35, backend)) == pytest.approx(wanted, rel=1e-5)
    plain = float((image - target).abs().mean())
    assert float(photometric_loss(image, target, 0.0, backend)) == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("function", [ssim, photometric_loss])
def test_reference_gradient_matches_finite_differences(function):
    image, target = _pair((1, 4, 3, 2), torch.float64)
    assert torch.autograd.gradcheck(lambda a: function(a, target), (image.requires_grad_(),))


@pytest.mark.parametrize("function", [ssim, photometric_loss])
@pytest.mark.parametrize("shape", SHAPES)
def test_kernels_match_the_reference(function, shape):
    image, target = _pair(shape)
    value, gradient = _value_and_gradient(function, image, target, "cpu")
    wanted, wanted_gradient = _value_and_gradient(function, image.double(), target.double(), "reference")
    assert float(value) == pytest.approx(float(wanted), rel=1e-5)
    assert _relative_error(gradient, wanted_gradient) < 1e-5


def test_value_without_gradient_is_the_same():
    image, target = _pair((1, 100, 40, 3))
    with_gradient = photometric_loss(image.clone().requires_grad_(), target).detach()
    assert torch.equal(photometric_loss(image, target), with_gradient)
    with torch.no_grad():
        assert not photometric_loss(image.clone().requires_grad_(), target).requires_grad
    with torch.inference_mode():
        assert torch.equal(photometric_loss(image, target), with_gradient)


def test_gradient_follows_the_chain_rule():
    image, target = _pair((1, 30, 30, 3))
    (once,) = torch.autograd.grad(photometric_loss(image.requires_grad_(), target), image)
    (thrice,) = torch.autograd.grad(3 * photometric_loss(image, target), image)
    torch.testing.assert_close(thrice, 3 * once)


def test_pictures_in_another_memory_order():
    image, target = _pair((2, 20, 25, 3))
    turned = image.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    value, gradient = _value_and_gradient(photometric_loss, turned, target, "cpu")
    wanted, wanted_gradient = _value_and_gradient(photometric_loss, image, target, "cpu")
    assert torch.equal(value, wanted)
    assert torch.equal(gradient, wanted_gradient)


def test_bits_repeat():
    image, target = _pair((2, 200, 50, 3))
    first, second = (_value_and_gradient(photometric_loss, image, target, "cpu") for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_a_broken_picture_shows(backend):
    image, target = _pair((1, 20, 20, 3))
    image[0, 10, 10, 1] = math.nan
    assert math.isnan(float(photometric_loss(image, target, backend=backend)))


@pytest.mark.parametrize("backend", ["reference", "auto"])
def test_wrong_arguments_are_refused(backend):
    image, target = _pair((1, 8, 8, 3))
    with pytest.raises(ValueError, match="target requires a gradient"):
        ssim(image, target.requires_grad_(), backend)
    with pytest.raises(ValueError, match=r"wanted two of one shape \(B, H, W, C\)"):
        photometric_loss(image, target.detach()[:, :4], backend=backend)
