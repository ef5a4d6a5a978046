"""The tracked face beside the predicted one: the same face model driven by both, and how well their lips agree."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of
from d3talker.core.progress import Progress
from d3talker.faces.fit import EYE_DISTANCE, fit_expression, person_neutral
from d3talker.faces.model import FaceModel
from d3talker.faces.points import OUTER_EYE_CORNERS
from d3talker.metrics.closure import Closure, closure
from d3talker.metrics.motion import LaggedCorrelation, amplitude_ratio, correlation_with_lag
from d3talker.recipes.prepare import prepare
from d3talker.tracking.clip import load_clip

FEWEST = 25
"""Frames below which nothing is compared."""


@dataclass(frozen=True)
class Tracked:
    """What a clip shows, one row a frame."""

    first: int
    """Frame of the sound at which the clip starts."""
    coefficients: np.ndarray
    """(T, Ke) float32 of the face model."""
    opening: np.ndarray
    """(T,) metres, of a face as large as the face model's; so is the width."""
    width: np.ndarray
    """(T,) metres."""

    @property
    def end(self) -> int:
        """Frame of the sound at which the clip is over."""
        return self.first + len(self.opening)

    def openings(self, first: int, frames: int) -> np.ndarray:
        """Lip opening (``frames``,) from a frame of the sound on; nan where the clip shows nothing."""
        places = np.arange(first, first + frames) - self.first
        inside = (places >= 0) & (places < len(self.opening))
        return np.where(inside, self.opening[places.clip(0, len(self.opening) - 1)], np.nan)


@dataclass(frozen=True)
class Agreement:
    """How well predicted lips fit tracked ones."""

    frames: int
    opening: LaggedCorrelation
    opening_amplitude: float
    """Standard deviation predicted over tracked."""
    width: LaggedCorrelation
    width_amplitude: float
    closure: Closure


def follow(source: Path, audio: Path, frames: int, model: FaceModel, progress: Progress) -> Tracked:
    """Reads a prepared clip, or prepares a video, and describes its face by coefficients of ``model``.

    The clip starts with the sound, save where ``audio`` is the very video that the clip was cut from.

    Args:
        source: the folder of a clip, or a video.
        audio: the sound that it is compared with.
        frames: length of that sound.
        model: the face model.
        progress: hears of the tracking of a video.

    Raises:
        D3Error: neither a clip nor a video with a face, or fewer than 25 frames in common with the sound.
    """
    if source.is_dir():
        clip = load_clip(source)
    else:
        progress.say(f"{source.name} is tracked first; d3talker prepare does that once for all.")
        with tempfile.TemporaryDirectory() as folder:
            clip = prepare(source, Path(folder) / "clip", progress=progress)
    neutral = person_neutral(clip.face_points, clip.lip_opening, clip.blink)
    coefficients = fit_expression(model, clip.face_points, neutral).numpy()
    right, left = (clip.face_points[:, corner] for corner in OUTER_EYE_CORNERS)
    size = EYE_DISTANCE / float(np.median(np.linalg.norm(left - right, axis=1)))
    cut = clip.meta["source"]
    same = cut["start"] > 0 and sha256_of(audio) == cut["sha256"]
    first = round(25 * cut["start"]) if same else 0
    shared = min(frames - first, len(clip))
    if shared < FEWEST:
        raise D3Error(
            f"{audio.name} and {source.name} share {max(0, shared)} frames",
            f"at least {FEWEST} to compare",
            "Give the sound of the clip itself.",
        )
    return Tracked(first, coefficients, size * clip.lip_opening, size * clip.lip_width)


def compare(opening: np.ndarray, width: np.ndarray, tracked: Tracked) -> Agreement:
    """Compares predicted curves (T,) in metres, from the start of the sound, with the tracked ones."""
    opening, width = opening[tracked.first : tracked.end], width[tracked.first : tracked.end]
    true_opening, true_width = tracked.opening[: len(opening)], tracked.width[: len(width)]
    return Agreement(
        len(opening),
        correlation_with_lag(opening, true_opening),
        amplitude_ratio(opening, true_opening),
        correlation_with_lag(width, true_width),
        amplitude_ratio(width, true_width),
        closure(opening, true_opening),
    )
