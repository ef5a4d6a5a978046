"""Frames to labels: background, torso, hair, face and the inside of the mouth."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from d3talker.core.native import silent_native
from d3talker.tracking.regions import face_height, face_oval, hairline_zone, inside_mouth, torso_region

BACKGROUND, TORSO, HAIR, FACE, MOUTH = range(5)
"""The labels of a mask: hair includes ears, torso includes the neck, mouth is its inside."""

_STILL = 4.0 / 255.0  # luma changes well below this are noise of the camera
_BLOCK = 4  # pixels: side of the blocks that the person's border is refined in
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_BROWS = (63, 105, 334, 293)
_SKIN_POINTS = (151, 9, 8, 108, 337, 107, 336, 69, 299, 50, 280, 101, 330)  # forehead and upper cheeks
_APART = 35.0  # levels between the colours of hair and skin, so that they tell anything
_TOLD_HAIR, _TOLD_SKIN = 0.7, 0.6  # shares of the samples that colours must get right; some skin samples may be hair


class PersonSegmenter:
    """Gives every pixel the probability of being part of a person.

    MediaPipe's selfie segmentation (general model, 256 x 256) finds the person, a guided filter moves its border onto
    the picture's edges (He, Sun, Tang: Guided Image Filtering, 2013), and where the picture stands still the
    probability is averaged over time, so that still borders do not flicker and moving ones do not lag.

    Frames of one clip must come in order; use a new object for another clip.
    """

    _RADIUS = 2  # of the guided filter, in blocks
    _SMOOTHNESS = 1e-3  # of the guided filter: variances of luma below this are flat

    def __init__(self) -> None:
        from mediapipe.python.solutions import selfie_segmentation

        with silent_native():
            self._network: Any = selfie_segmentation.SelfieSegmentation(model_selection=0)
            self._network.process(np.zeros((64, 64, 3), np.uint8))  # here the model loads, and chatters
        self._previous: tuple[np.ndarray, np.ndarray] | None = None

    def segment(self, frame: np.ndarray) -> np.ndarray:
        """Finds the person.

        Args:
            frame: (H, W, 3) uint8 RGB.

        Returns:
            (H, W) float32 in [0, 1].
        """
        raw = self._network.process(frame).segmentation_mask
        luma = frame @ (_LUMA / 255.0)
        small, probability = shrunk(luma), shrunk(raw)
        if self._previous is not None and self._previous[0].shape == small.shape:
            probability = settled(probability, small, *self._previous)
        self._previous = probability, small
        return guided_filter(luma, small, probability, self._RADIUS, self._SMOOTHNESS)


def shrunk(picture: np.ndarray) -> np.ndarray:
    """The means of blocks of 4 x 4 pixels; (H, W) to (ceil(H / 4), ceil(W / 4)), the border repeated where needed."""
    height, width = picture.shape
    if height % _BLOCK or width % _BLOCK:
        picture = np.pad(picture, ((0, -height % _BLOCK), (0, -width % _BLOCK)), mode="edge")
    rows = np.add.reduce([picture[start::_BLOCK] for start in range(_BLOCK)])
    return np.add.reduce([rows[:, start::_BLOCK] for start in range(_BLOCK)]) / np.float32(_BLOCK**2)


def settled(probability: np.ndarray, luma: np.ndarray, old_probability: np.ndarray, old_luma: np.ndarray) -> np.ndarray:
    """Averages a probability with the one before, where the picture has not changed.

    Args:
        probability: (H, W) of this frame.
        luma: (H, W) of this frame in [0, 1].
        old_probability: (H, W) answer of the frame before.
        old_luma: (H, W) of the frame before.

    Returns:
        (H, W): up to 80 % of the old one where still, the new one alone where luma changes by far more than noise.
    """
    change = ndimage.uniform_filter(np.abs(luma - old_luma), 5, mode="nearest")
    return probability + 0.8 * np.exp(-((change / _STILL) ** 2)) * (old_probability - probability)


def guided_filter(
    guide: np.ndarray, small_guide: np.ndarray, values: np.ndarray, radius: int, smoothness: float
) -> np.ndarray:
    """Smooths ``values`` along the edges of ``guide``: in every window they become a linear function of it.

    Args:
        guide: (H, W) float32.
        small_guide: the guide, :func:`shrunk`.
        values: like ``small_guide``, in [0, 1].
        radius: of the square window, in pixels of the small guide.
        smoothness: variances of the guide below this count as flat.

    Returns:
        (H, W) float32 in [0, 1].
    """

    def mean(picture: np.ndarray) -> np.ndarray:
        return ndimage.uniform_filter(picture, 2 * radius + 1, mode="nearest")

    mean_guide, mean_values = mean(small_guide), mean(values)
    covariance = mean(small_guide * values) - mean_guide * mean_values
    variance = np.maximum(mean(small_guide * small_guide) - mean_guide**2, 0.0)
    slope = covariance / (variance + smoothness)
    offset = mean(mean_values - slope * mean_guide)
    return np.clip(_enlarged(mean(slope), _BLOCK, guide) * guide + _enlarged(offset, _BLOCK, guide), 0.0, 1.0)


def _enlarged(picture: np.ndarray, times: int, like: np.ndarray) -> np.ndarray:
    height, width = like.shape
    return picture.repeat(times, axis=0).repeat(times, axis=1)[:height, :width]


def label_frame(frame: np.ndarray, person_probability: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Labels every pixel.

    The neck border is the jaw line of the landmarks (no colours: it must not flicker). Beside the neck, hair above the
    resting chin belongs to the head, below it to the torso. The forehead ends at the hairline, found by colour; the
    border between face and hair lies inside the head, where flicker cannot be seen.

    Args:
        frame: (H, W, 3) uint8 RGB.
        person_probability: (H, W) of :class:`PersonSegmenter`.
        landmarks: (478, 2 or 3) pixels.

    Returns:
        (H, W) uint8: 0 background, 1 torso and neck, 2 hair and ears, 3 face, 4 inside of the mouth.
    """
    height, width = person_probability.shape
    oval = face_oval(landmarks, height, width)
    person = one_person(person_probability > 0.5, oval)
    torso = torso_region(person, landmarks)
    face = _up_to_hairline(frame, person, oval & ~torso, landmarks)
    labels = np.where(person, np.where(torso, np.uint8(TORSO), np.uint8(HAIR)), np.uint8(BACKGROUND))
    labels[face] = FACE
    labels[inside_mouth(landmarks, height, width) & ~torso] = MOUTH
    return labels


def one_person(person: np.ndarray, face: np.ndarray) -> np.ndarray:
    """Keeps the part of ``person`` that holds the face, adds the face, and closes holes up to 1 % of the picture.

    Args:
        person, face: (H, W) bool.
    """
    kept = person | face
    parts, count = ndimage.label(kept[::2, ::2])  # half size: a quarter of the work
    if count > 1 and face.any():
        others = (parts > 0) & (parts != np.bincount(parts[face[::2, ::2]], minlength=2)[1:].argmax() + 1)
        kept &= ~_enlarged(ndimage.binary_dilation(others), 2, kept)
    gaps, count = ndimage.label(~kept[::2, ::2])
    small = np.bincount(gaps.ravel(), minlength=count + 1) < 0.01 * gaps.size
    small[np.concatenate([gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]])] = False
    small[0] = False
    if small.any():
        kept |= _enlarged(ndimage.binary_dilation(small[gaps]), 2, kept)
    return kept


def _up_to_hairline(frame: np.ndarray, person: np.ndarray, oval: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The oval, with what lies above the brows and beside the cheeks replaced by the skin-coloured region there."""
    height, width = oval.shape
    zone, reach = hairline_zone(landmarks, height, width)
    brows = int(np.clip(landmarks[list(_BROWS), 1].min(), 0, height))  # below them, ears would count as hair
    crown = frame[:brows:2, ::2][(person & ~reach)[:brows:2, ::2]]
    inside = np.clip(landmarks[list(_SKIN_POINTS), :2].astype(np.int64), 0, (width - 1, height - 1))
    skin_samples = frame[inside[:, 1], inside[:, 0]]
    if len(crown) < 0.0005 * oval.size:
        return oval
    crown = crown[:: max(1, len(crown) // 2000)]
    hair, skin = np.median(crown, axis=0), np.median(skin_samples, axis=0)
    apart = float(np.linalg.norm(skin - hair))
    axis = (skin - hair) / max(apart, 1.0) ** 2
    told_hair, told_skin = ((crown - hair) @ axis < 0.5).mean(), ((skin_samples - hair) @ axis > 0.5).mean()
    if apart < _APART or told_hair < _TOLD_HAIR or told_skin < _TOLD_SKIN:  # bald, or hair of the skin's colour
        return oval
    zone &= reach & person
    if not zone.any():
        return oval
    rows, columns = _extent(zone)
    size = max(3, round(0.02 * face_height(landmarks)))
    likeness = (frame[rows, columns] @ axis.astype(np.float32)) - np.float32(hair @ axis)  # 0 hair .. 1 skin
    needed = np.where(oval[rows, columns], 0.3, 0.5)  # within the outline only clear hair is hair
    bare = ndimage.uniform_filter(likeness, size, mode="nearest") > needed
    face = oval & ~zone
    face[rows, columns] |= bare & zone[rows, columns]
    if not face.any():
        return oval
    rows, columns = _extent(face)
    parts, count = ndimage.label(face[rows, columns])
    if count > 1:
        face[rows, columns] = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return face


def _extent(region: np.ndarray) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
