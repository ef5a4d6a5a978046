"""What the audio-to-motion networks learn from: tracked people talking, in the coefficients of a face model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from d3talker.faces.fit import EYE_DISTANCE, fit_expression, person_neutral
from d3talker.faces.model import FaceModel
from d3talker.faces.points import OUTER_EYE_CORNERS
from d3talker.signals.motion_features import stream_features
from d3talker.signals.motion_style import Mouth
from d3talker.signals.phone29 import Phone29
from d3talker.tracking.clip import load_clip


@dataclass(frozen=True)
class TalkingClip:
    """One clip of one person, 25 frames a second."""

    name: str
    person: str
    features: np.ndarray
    """(2 T, C) float32, rows at 50 Hz."""
    coefficients: np.ndarray
    """(T, Ke) float32: the tracked face."""
    opening: np.ndarray
    """(T,) metres between the lips as tracked, closed = 0, of a face as large as the model's."""
    width: np.ndarray
    """(T,) metres between the corners of the mouth."""
    amplitude: float
    """Standard deviation of the lip gap, metres."""


def read_talking_clip(folder: Path, person: str, model: FaceModel, phones: Phone29) -> TalkingClip:
    """Reads a prepared clip.

    Args:
        folder: what ``prepare`` wrote.
        person: who talks; several clips may show one person.
        model: the face model.
        phones: the speech features.
    """
    clip = load_clip(folder)
    neutral = person_neutral(clip.face_points, clip.lip_opening, clip.blink)
    coefficients = fit_expression(model, clip.face_points, neutral).numpy()
    samples = clip.sound()
    rows = np.concatenate(list(stream_features(phones, lambda: iter([samples]))))
    right, left = (clip.face_points[:, corner] for corner in OUTER_EYE_CORNERS)
    size = EYE_DISTANCE / float(np.median(np.linalg.norm(left - right, axis=1)))
    frames = min(len(coefficients), len(rows) // 2)
    return TalkingClip(
        folder.name,
        person,
        rows[: 2 * frames],
        coefficients[:frames],
        size * clip.lip_opening[:frames],
        size * clip.lip_width[:frames],
        float(np.std(Mouth.of(model).gap(coefficients))),
    )
