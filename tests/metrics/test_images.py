import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from d3talker.metrics.images import flicker, psnr, sharpness_ratio, ssim, ssim_map


def noise(seed=0, height=24, width=30):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_psnr_of_a_known_error():
    truth = np.full((8, 8, 3), 100, np.uint8)
    assert psnr(truth + 10, truth) == pytest.approx(20 * math.log10(25.5))
    assert psnr((truth + 10) / 255, truth / 255) == pytest.approx(20 * math.log10(25.5))
    assert psnr(truth, truth) == math.inf
    assert psnr(truth - 100, truth) == psnr(truth, truth - 100)  # uint8 must not wrap round


def test_psnr_counts_only_the_mask():
    truth = np.zeros((4, 4, 3), np.uint8)
    image = truth.copy()
    image[0] = 51
    mask = np.zeros((4, 4), bool)
    mask[0] = True
    assert psnr(image, truth, mask) == pytest.approx(20 * math.log10(5))
    assert psnr(image, truth) == pytest.approx(20 * math.log10(5) + 10 * math.log10(4))
    assert psnr(image, truth, ~mask) == math.inf
    assert math.isnan(psnr(image, truth, mask & False))


def test_ssim_against_the_formula_window_by_window():
    image, truth = noise(0), np.clip(noise(0).astype(int) // 2 + noise(1) // 2, 0, 255).astype(np.uint8)
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / 4.5)
    weights /= weights.sum()
    similarity = ssim_map(image, truth)
    assert similarity.shape == (14, 20)
    for y, x in [(0, 0), (13, 19), (6, 11)]:
        expected = []
        for c in range(3):
            a, b = (picture[y : y + 11, x : x + 11, c].astype(float) for picture in (image, truth))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            variance_a, variance_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            top = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
            expected.append(top / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)))
        assert similarity[y, x] == pytest.approx(np.mean(expected), abs=1e-10)
    assert ssim(image, truth) == pytest.approx(similarity.mean())


def test_ssim_of_equal_flat_and_opposite_pictures():
    assert ssim(noise(), noise()) == pytest.approx(1)
    dark, light = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)
    assert ssim(dark, light) == pytest.approx(1e-4 / (1 + 1e-4))
    assert ssim(255 - noise(), noise()) < -0.5


def test_ssim_counts_only_the_mask():
    image = noise()
    image[:, 20:] = 0
    left = np.zeros(image.shape[:2], bool)
    left[:, :15] = True
    assert ssim(image, noise(), left) == pytest.approx(1)
    assert ssim(image, noise(), ~left) < 0.8
    edge = np.zeros(image.shape[:2], bool)
    edge[:5] = True
    assert math.isnan(ssim(image, noise(), edge))
    with pytest.raises(ValueError, match="at least 11"):
        ssim(image[:10], image[:10])


def test_sharpness_ratio():
    truth = noise()
    assert sharpness_ratio(truth, truth) == 1
    blurred = gaussian_filter(truth / 255, (1, 1, 0))
    assert sharpness_ratio(blurred, truth / 255) < 0.1
    assert sharpness_ratio(truth / 255 * 0.5, truth / 255) == pytest.approx(0.25)
    flat = np.full_like(truth, 7)
    assert sharpness_ratio(flat, truth) == 0
    assert math.isnan(sharpness_ratio(truth, flat))


def test_sharpness_ratio_counts_only_the_mask():
    truth = noise() / 255
    image = truth.copy()
    image[:, 15:] = 0.5 * truth[:, 15:]
    left, right = np.zeros(truth.shape[:2], bool), np.zeros(truth.shape[:2], bool)
    left[:, :14], right[:, 16:] = True, True
    assert sharpness_ratio(image, truth, left) == pytest.approx(1)
    assert sharpness_ratio(image, truth, right) == pytest.approx(0.25)


def test_flicker_of_a_blinking_lamp():
    truth = [noise(k) // 2 + 50 for k in range(6)]
    blinking = [frame + (4 if k % 2 else 0) for k, frame in enumerate(truth)]
    assert flicker(iter(truth), iter(truth)) == 0
    assert flicker(iter(blinking), iter(truth)) == pytest.approx(4)
    assert flicker([frame + 9 for frame in truth], truth) == pytest.approx(0, abs=1e-12)
    half = [frame.copy() for frame in truth]
    for frame in half[1::2]:
        frame[:, :15] += 4
    mask = np.zeros(truth[0].shape[:2], bool)
    mask[:, :15] = True
    assert flicker(half, truth) == pytest.approx(2)
    assert flicker(half, truth, [mask] * 6) == pytest.approx(4)
    assert flicker(half, truth, [~mask] * 6) == 0
    assert math.isnan(flicker(truth[:1], truth[:1]))
    with pytest.raises(ValueError, match="shorter|longer"):
        flicker(truth, truth[:3])
    with pytest.raises(ValueError, match="shorter|longer"):
        flicker(truth, truth, [mask] * 3)
