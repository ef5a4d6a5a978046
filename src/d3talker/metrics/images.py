"""How near rendered pictures are to the truth: noise, structure, sharpness and flicker."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.ndimage import laplace

from d3talker.ops.window import TAPS, windowed_mean

_LUMA = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709


def psnr(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Peak signal-to-noise ratio over all channels.

    Args:
        image: (H, W, C), uint8, or float in [0, 1].
        truth: the same shape and type.
        mask: (H, W) bool, the pixels that count, or None for all.

    Returns:
        Decibels; infinity for equal pictures, nan for an empty mask.
    """
    difference = _unit(image) - _unit(truth)
    squared = difference**2 if mask is None else difference[mask] ** 2
    if squared.size == 0:
        return float("nan")
    error = float(squared.mean())
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def ssim_map(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Structural similarity of every 11x11 window (Gaussian, sigma 1.5) that lies wholly inside the picture.

    Wang et al. 2004, with K1 = 0.01 and K2 = 0.03, each channel for itself, then averaged.

    Args:
        image: (H, W, C), uint8, or float in [0, 1]; at least 11 pixels a side.
        truth: the same shape and type.

    Returns:
        (H - 10, W - 10) float64; entry (y, x) belongs to the pixel (y + 5, x + 5).

    Raises:
        ValueError: a side is shorter than 11 pixels.
    """
    if min(image.shape[:2]) < TAPS:
        raise ValueError(f"a picture of {image.shape[:2]} pixels; SSIM needs at least {TAPS} a side")
    a, b = _unit(image), _unit(truth)
    mean_a, mean_b = windowed_mean(a), windowed_mean(b)
    variance_a = windowed_mean(a * a) - mean_a**2
    variance_b = windowed_mean(b * b) - mean_b**2
    covariance = windowed_mean(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return (luminance * structure).mean(axis=-1)


def ssim(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Mean of :func:`ssim_map`, over the windows whose centres lie in ``mask`` (H, W) where it is given.

    Returns:
        At most 1, which equal pictures reach; nan where no window counts.
    """
    similarity = ssim_map(image, truth)
    if mask is not None:
        border = TAPS // 2
        similarity = similarity[mask[border:-border, border:-border]]
    return float(similarity.mean()) if similarity.size else float("nan")


def sharpness_ratio(image: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Laplacian energy of the luma over that of the truth: below 1 is blurred, above 1 noisy or over-sharpened.

    Args:
        image: (H, W, 3), uint8, or float in [0, 1].
        truth: the same shape and type.
        mask: (H, W) bool, the pixels that count, or None for all.

    Returns:
        At least 0; nan where the truth has no detail at all.
    """
    seen, wanted = (laplace(_unit(picture) @ _LUMA) ** 2 for picture in (image, truth))
    if mask is not None:
        seen, wanted = seen[mask], wanted[mask]
    energy = float(wanted.sum())
    return float(seen.sum()) / energy if energy > 0 else float("nan")


def flicker(
    frames: Iterable[np.ndarray], truth: Iterable[np.ndarray], masks: Iterable[np.ndarray] | None = None
) -> float:
    """How much pictures change from frame to frame otherwise than the truth does.

    The mean of ``|(frame[t+1] - frame[t]) - (truth[t+1] - truth[t])|``; a constant error of colour does not count. Two
    pictures of each are in memory at a time.

    Args:
        frames: (H, W, C) uint8, or float in [0, 1].
        truth: as many, of the same shape and type.
        masks: (H, W) bool, the pixels that count of the step that ends at this frame, or None for all.

    Returns:
        Levels of 255 a frame; nan for fewer than two frames or empty masks.
    """
    total, count = 0.0, 0
    before = None
    pairs = zip(frames, truth, strict=True)
    steps = ((pair, None) for pair in pairs) if masks is None else zip(pairs, masks, strict=True)
    for pair, mask in steps:
        if before is not None:
            change = change_map(*pair, *before)
            change = change if mask is None else change[mask]
            total += float(change.sum())
            count += change.size
        before = pair
    return total / count if count else float("nan")


def change_map(frame: np.ndarray, truth: np.ndarray, frame_before: np.ndarray, truth_before: np.ndarray) -> np.ndarray:
    """How much each pixel changed otherwise than in the truth since the picture before, (H, W, C), levels of 255."""
    error, error_before = _unit(frame) - _unit(truth), _unit(frame_before) - _unit(truth_before)
    return 255 * np.abs(error - error_before)


def _unit(picture: np.ndarray) -> np.ndarray:
    return picture / 255.0 if picture.dtype == np.uint8 else picture.astype(np.float64)
