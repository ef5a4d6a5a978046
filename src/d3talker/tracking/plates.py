"""What stands behind the head: the clean background, and the torso without its head."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_SAFE = 0.006  # of the picture's height: pixels nearer to the person may be mixed with it
_STRAY = 0.02  # of the picture's height: around the head, stray hair and ear rings reach this far beyond the mask
_TRUSTED = 0.06  # of the picture's height: from here on a pixel counts fully as background
_HALO = 0.012  # of the picture's height: the head is removed with a rim of this width
_EDGE = 3  # pixels: width of the soft border of the torso
_EXTENSION = 0.16  # of the face height: how far the neck reaches up behind the head
_FADE = 0.4  # of the extension: its upper part dissolves into the background
_SHADE = 0.25  # the extension is this much darker at its top


class BackgroundEstimator:
    """The background behind a moving person, as a running mean in constant memory.

    A pixel counts the more, the farther from the person it is seen: nearby, motion blur, stray hair and errors of the
    mask mix with it.

    Args:
        height, width: of the frames in pixels.
        every: one of so many frames is used; neighbours tell nearly the same.
    """

    def __init__(self, height: int, width: int, every: int = 5) -> None:
        self._every, self._given = every, 0
        self._sum = np.zeros((height, width, 3), dtype=np.float32)
        self._weight = np.zeros((height, width), dtype=np.float32)

    def add(self, frame: np.ndarray, labels: np.ndarray) -> None:
        """Takes one frame in.

        Args:
            frame: (H, W, 3) uint8 RGB.
            labels: (H, W) uint8, 0 where background.
        """
        self._given += 1
        if (self._given - 1) % self._every:
            return
        height = labels.shape[0]
        person = (labels > 0) | _grown(labels >= 2, round(_STRAY * height))
        distance = ndimage.distance_transform_cdt(~person, metric="chessboard").astype(np.float32)
        if distance.flat[0] < 0:  # scipy's answer when nobody is in the picture
            distance[:] = height
        safe, trusted = _SAFE * height, _TRUSTED * height
        weight = np.clip((distance - safe) / (trusted - safe), 0.0, 1.0) ** 2
        self._sum += frame * weight[..., None]
        self._weight += weight

    def plate(self) -> np.ndarray:
        """The background so far; pixels that were never seen are filled smoothly from around them.

        Returns:
            (H, W, 3) uint8 RGB.
        """
        seen = self._weight > 1e-6
        colours = self._sum / np.maximum(self._weight, 1e-6)[..., None]
        filled = np.where(seen[..., None], colours, fill_smoothly(colours, seen))
        return np.clip(filled + 0.5, 0, 255).astype(np.uint8)


def fill_smoothly(colours: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fills unknown pixels by the means of ever larger blocks (push-pull; Gortler et al., The Lumigraph, 1996).

    Args:
        colours: (H, W, C) float.
        known: (H, W) bool; where False, ``colours`` is ignored.

    Returns:
        (H, W, C) float32: known pixels as they are; middle grey (127.5) when nothing is known.
    """
    if known.all():
        return colours.astype(np.float32)
    if not known.any():
        return np.full(colours.shape, 127.5, dtype=np.float32)
    height, width = known.shape
    weight = np.pad(known, ((0, height % 2), (0, width % 2))).astype(np.float32)
    weighted = np.pad(colours * known[..., None], ((0, height % 2), (0, width % 2), (0, 0))).astype(np.float32)
    blocks = weight.shape[0] // 2, 2, weight.shape[1] // 2, 2
    sums = weighted.reshape(*blocks, -1).sum(axis=(1, 3))
    counts = weight.reshape(blocks).sum(axis=(1, 3))
    smaller = fill_smoothly(sums / np.maximum(counts, 1.0)[..., None], counts > 0)
    larger = smaller.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    for _ in range(2):  # twice a box is a tent, as in linear interpolation
        larger = ndimage.uniform_filter(larger, (3, 3, 0), mode="nearest")
    return np.where(known[..., None], colours, larger).astype(np.float32)


def torso_plate(frame: np.ndarray, labels: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The frame without its head, (H, W, 3) uint8 RGB: the first answer of :func:`torso_layer`."""
    return torso_layer(frame, labels, background)[0]


def torso_layer(frame: np.ndarray, labels: np.ndarray, background: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frame without its head, and how much of it is torso.

    The head and a rim around it give way to the background; torso and neck stay as they are, reach up behind the head
    with the colours that they have at the border, a little darker and dissolving at the top, and end softly against the
    background.

    Args:
        frame: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8 of the frame.
        background: (H, W, 3) uint8 RGB, the clean background.

    Returns:
        The plate (H, W, 3) uint8 RGB, and its alpha (H, W) uint8: 255 where only torso is seen, 0 where none.
    """
    plate, alpha = background.copy(), np.zeros(labels.shape, dtype=np.uint8)
    torso_rows, face_rows = np.flatnonzero((labels == 1).any(axis=1)), np.flatnonzero((labels >= 3).any(axis=1))
    if len(torso_rows) == 0:
        return plate, alpha
    tall = face_rows[-1] - face_rows[0] + 1 if len(face_rows) else 0
    rim, reach = max(2, round(_HALO * len(labels))), max(4, round(_EXTENSION * tall))
    part = slice(max(0, torso_rows[0] - reach - rim), None)  # above, nothing but background is left
    torso, head = labels[part] == 1, labels[part] >= 2
    removed = (_grown(head, rim) & ~torso) | _grown(head, rim // 2)
    kept = torso & ~removed
    _blend_border(plate[part], alpha[part], frame[part], kept, removed)
    np.copyto(plate[part], frame[part], where=kept[..., None])
    alpha[part][kept] = 255
    _extend_up(plate[part], alpha[part], frame[part], labels[part], removed, reach)
    return plate, alpha


def _grown(region: np.ndarray, radius: int) -> np.ndarray:
    grown = ndimage.maximum_filter1d(region.view(np.uint8), 2 * radius + 1, axis=0, mode="constant")
    return ndimage.maximum_filter1d(grown, 2 * radius + 1, axis=1, mode="constant").astype(bool)


def _blend_border(
    plate: np.ndarray, alpha: np.ndarray, frame: np.ndarray, kept: np.ndarray, removed: np.ndarray
) -> None:
    """Lets the frame's own mixed pixels outside the torso fade into the background."""
    share = ndimage.uniform_filter(kept.astype(np.float32), 2 * _EDGE + 1, mode="nearest")
    rows, columns = np.nonzero((share > 0.0) & ~kept & ~removed)
    border = rows, columns
    _lay_over(plate, alpha, border, frame[border], np.minimum(1.0, 2.0 * share[border]))  # at the edge half is torso


def _lay_over(
    plate: np.ndarray, alpha: np.ndarray, where: tuple[np.ndarray, np.ndarray], colour: np.ndarray, share: np.ndarray
) -> None:
    """Blends ``colour`` (N, 3) with the weight ``share`` (N,) over the plate at the rows and columns ``where``."""
    under = plate[where].astype(np.float32)
    plate[where] = (under + share[:, None] * (colour - under) + 0.5).astype(np.uint8)
    alpha[where] = np.maximum(alpha[where], (255.0 * share + 0.5).astype(np.uint8))


def _extend_up(
    plate: np.ndarray, alpha: np.ndarray, frame: np.ndarray, labels: np.ndarray, removed: np.ndarray, reach: int
) -> None:
    """Draws torso colours upwards behind the head, ``reach`` pixels far, and over all torso lost to the rim.

    The rim over the background stays free: colours there would be seen beside the head.
    """
    height, width = labels.shape
    kept, lost = (labels == 1) & ~removed, (labels == 1) & removed
    rows = np.arange(height, dtype=np.int32)[:, None]
    solid = np.where(removed, height, rows)
    below = np.minimum.accumulate(solid[::-1], axis=0)[::-1]  # row of the next pixel that stays, seen from here down
    rise = below - rows
    extends = (lost | (labels >= 2) & (rise <= reach)) & (below < height)
    row, column = np.nonzero(extends)
    source = below[row, column]
    on_torso = kept[source, column]
    row, column, source = row[on_torso], column[on_torso], source[on_torso]
    if len(row) == 0:
        return
    border = np.full(width, -1)
    border[column] = source  # rows come in order: the lowest border of a column wins
    colours, covered = _border_colours(frame, kept, border, max(2, reach // 6))
    amount = np.minimum((source - row) / reach, 1.0)
    shade = 1.0 - _SHADE * amount
    share = np.maximum(np.clip((1.0 - amount) / _FADE, 0.0, 1.0) * covered[column], lost[row, column])
    _lay_over(plate, alpha, (row, column), colours[column] * shade[:, None], share)


def _border_colours(
    frame: np.ndarray, kept: np.ndarray, border: np.ndarray, depth: int
) -> tuple[np.ndarray, np.ndarray]:
    """The mean torso colour of ``depth`` rows under the border, smoothed along it.

    Returns:
        (W, 3) float32 colours, and (W,) in [0, 1]: 1 inside the span of the border, falling at its ends.
    """
    height, width = kept.shape
    columns = np.flatnonzero(border >= 0)
    rows = np.minimum(border[columns] + np.arange(depth)[:, None], height - 1)
    inside = kept[rows, columns]
    counts = np.zeros(width, dtype=np.float32)
    sums = np.zeros((width, 3), dtype=np.float32)
    counts[columns] = inside.sum(axis=0)
    sums[columns] = (frame[rows, columns] * inside[..., None]).sum(axis=0)
    smooth = max(1.0, depth / 2.0)
    sums, near = ndimage.gaussian_filter1d(sums, smooth, axis=0), ndimage.gaussian_filter1d(counts, smooth)
    span = ndimage.gaussian_filter1d((border >= 0).astype(np.float32), smooth, mode="nearest")
    return sums / np.maximum(near, 1e-3)[:, None], np.clip(2.0 * span - 0.5, 0.0, 1.0)
