"""Every number of ``prepare``: which frames, which crop, how the camera is solved, what happens to the sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class SolveSettings:
    """Numbers of the camera solve (:mod:`d3talker.tracking.camera_solve`)."""

    focal: float | None = None
    """Focal length in pixels of the prepared picture, if known; solved for when None."""
    focal_guess: float = 2.2
    """Middle of the focal prior, in picture sizes: a head that fills half the picture is then 0.9 m away."""
    focal_spread: float = 0.05
    """Width of that prior (standard deviation of the logarithm). Landmarks say little about the focal length."""
    depth_spread: float = 0.004
    """Metres: how far the depth of a face point may stray from the landmark network's own depth."""
    side_spread: float = 0.02
    """Metres: the same across the picture, where the landmarks themselves decide."""
    key_frames: int = 300
    """Frames, spread over the clip, that the shape and the focal length are solved from."""
    independent_frames: int = 20
    """How many independent looks at the face the key frames are worth: errors of neighbouring frames agree."""
    iterations: int = 12
    """Gauss-Newton steps of the bundle."""
    smoothing: float = 1.0
    """Strength of the smoothness prior on the poses; 1 trusts the measured noise, 0 leaves every frame alone."""


@dataclass(frozen=True)
class PrepareSettings:
    """Numbers of ``prepare``."""

    size: int = 512
    """Pixels of a side of the prepared picture."""
    fps: float = 25.0
    """Frames a second; the method is built on 25."""
    minimum_seconds: float = 3.0
    """A face must be in sight for so long without a break."""
    longest_gap: int = 2
    """Frames without a face that are bridged by interpolation instead of ending the run."""
    crop_scale: float = 2.1
    """Side of the crop in face heights (forehead to chin, the tallest that the clip shows)."""
    tracker: Literal["auto", "solutions", "tasks"] = "auto"
    """Landmark provider: MediaPipe 0.10.21 with its own models, or MediaPipe 1.x with a ``.task`` file."""
    face_model: Path | None = None
    """The ``.task`` file of the second provider."""
    action_units: Path | None = None
    """OpenFace's ``au.csv`` of the same video, used in place of our own upper-face expression."""
    sound_shift_ms: float = 0.0
    """Moves the sound earlier by so much: what a recording with late sound needs."""
    correct_sound: bool = False
    """Takes the measured offset between picture and sound out, where it is measured with confidence."""
    solve: SolveSettings = field(default_factory=SolveSettings)
    """Numbers of the camera solve."""
