"""What the audio-to-motion networks learn from: tracked people talking, in the coefficients of a face model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from d3talker.faces.fit import EYE_DISTANCE, fit_expression, person_neutral
from d3talker.faces.model import FaceModel
from d3talker.faces.points import OUTER_EYE_CORNERS
from d3talker.phonetics.alignment import align
from d3talker.phonetics.classes import as_rows
from d3talker.signals.motion_features import phone_shares, stream_features
from d3talker.signals.motion_style import Mouth, closing
from d3talker.signals.phone29 import Phone29
from d3talker.signals.spoil import augment
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
    lips: np.ndarray
    """(T,) how surely p, b or m is heard, in [0, 1]."""
    spoiled: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], ...]
    """The same three of spoiled copies of the sound, which may be faster or slower."""
    opening: np.ndarray
    """(T,) metres between the lips as tracked, closed = 0, of a face as large as the model's."""
    width: np.ndarray
    """(T,) metres between the corners of the mouth."""
    amplitude: float
    """Standard deviation of the lip gap, metres."""
    phones: np.ndarray
    """(P, 3) class, start s, end s; none where the clip was not aligned."""


@dataclass(frozen=True)
class SpokenLine:
    """Synthesised speech, whose phones are known and of which there is no face."""

    features: np.ndarray
    """(2 T, C) float32, rows at 50 Hz."""
    lips: np.ndarray
    """(T,) how surely p, b or m is heard, in [0, 1]."""
    phones: np.ndarray
    """(P, 3) class or -1, start s, end s."""


def read_talking_clip(
    folder: Path, person: str, model: FaceModel, phones: Phone29, copies: int = 0, aligned: bool = False
) -> TalkingClip:
    """Reads a prepared clip.

    Args:
        folder: what ``prepare`` wrote.
        person: who talks; several clips may show one person.
        model: the face model.
        phones: the speech features.
        copies: spoiled copies of the sound.
        aligned: whether pocketsphinx shall tell the phones; English only.
    """
    clip = load_clip(folder)
    neutral = person_neutral(clip.face_points, clip.lip_opening, clip.blink)
    coefficients = fit_expression(model, clip.face_points, neutral).numpy()
    samples = clip.sound()
    rows = _rows(samples, phones)
    rng = np.random.default_rng(list(folder.name.encode()))
    right, left = (clip.face_points[:, corner] for corner in OUTER_EYE_CORNERS)
    size = EYE_DISTANCE / float(np.median(np.linalg.norm(left - right, axis=1)))
    frames = min(len(coefficients), len(rows) // 2)
    return TalkingClip(
        folder.name,
        person,
        rows[: 2 * frames],
        coefficients[:frames],
        _lips(rows[: 2 * frames]),
        tuple(_spoiled(samples, coefficients, phones, rng) for _ in range(copies)),
        size * clip.lip_opening[:frames],
        size * clip.lip_width[:frames],
        float(np.std(Mouth.of(model).gap(coefficients))),
        as_rows(align(samples)) if aligned else np.zeros((0, 3), np.float32),
    )


def read_line(samples: np.ndarray, phones: np.ndarray, features: Phone29, rng: np.random.Generator) -> SpokenLine:
    """A spoiled copy of an utterance (S,) at 16 kHz whose phones (P, 3) are known."""
    sound, marks = augment(samples, phones, rng, [samples[::-1].copy()])
    rows = _rows(sound, features)
    return SpokenLine(rows, _lips(rows), marks)


def _rows(samples: np.ndarray, phones: Phone29) -> np.ndarray:
    return np.concatenate(list(stream_features(phones, lambda: iter([samples]))))


def _lips(rows: np.ndarray) -> np.ndarray:
    bilabial, _ = closing(phone_shares(rows).reshape(len(rows) // 2, 2, -1))
    return bilabial.astype(np.float32)


def _spoiled(
    samples: np.ndarray, coefficients: np.ndarray, phones: Phone29, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, motion and bilabials of a spoiled copy; where the copy is faster, so is the face."""
    seconds = len(coefficients) / 25
    sound, marks = augment(samples, np.array([[0.0, 0.0, seconds]]), rng, [samples[::-1].copy()])
    start, end = marks[1, 1:]  # of the clip in the copy, after the pause that was put before it
    frames = np.arange(int(np.ceil(25 * start)), int(25 * end))
    frames = frames[frames < (len(sound) + 320) // 640]
    at = np.clip(((frames + 0.5) / 25 - start) / (end - start) * len(coefficients) - 0.5, 0, len(coefficients) - 1)
    low = np.minimum(at.astype(int), len(coefficients) - 2)
    part = (at - low)[:, None].astype(np.float32)
    motion = coefficients[low] * (1 - part) + coefficients[low + 1] * part
    rows = _rows(sound, phones)[2 * frames[0] : 2 * frames[-1] + 2]
    return rows, motion, _lips(rows)
