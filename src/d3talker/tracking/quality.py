"""Is a clip good enough to learn a head from? Numbers, and what to record again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

_CLOSED = 0.001  # metres: lips nearer than this are closed
_BLINKS = 0.6  # lids closed by more than this share blink
_BINS = np.arange(0.0, 0.0121, 0.0015)  # metres: steps of the lip opening that speech passes through
_BIN_FRAMES = 3  # a step counts as covered when so many frames show it


@dataclass(frozen=True)
class Quality:
    """What the report and ``clip.json`` say of a clip."""

    numbers: dict[str, float]
    """By name; the unit ends the name (``_px``, ``_deg``, ``_mm``, ``_percent``)."""
    advice: list[str]
    """Plain sentences: what to record again, the gravest first; empty when all is well."""


@dataclass(frozen=True)
class FaceLight:
    """What the picture of one frame says about its light and sharpness."""

    brightness: float
    """Mean luma of the face, 0 to 255."""
    burnt: float
    """Share of the face's pixels above 245, where skin has lost its colour."""
    sharpness: float
    """Contrast at the scale of single pixels over contrast at 1/30 of the picture; the same for any brightness.
    Measured on talking-head clips: 0.12 to 0.14 for faces enlarged twofold, 0.15 to 0.25 for native ones."""


def face_light(frame: np.ndarray, landmarks: np.ndarray) -> FaceLight:
    """Measures light and sharpness of the face in one frame; some ten frames of a clip are enough.

    Args:
        frame: (H, W, 3) uint8 RGB.
        landmarks: (478, 2 or 3) pixels; the box around them is the face.
    """
    height, width = frame.shape[:2]
    left, top = np.clip(landmarks[:, :2].min(axis=0), 0, (width - 2, height - 2)).astype(int)
    right, bottom = np.clip(np.ceil(landmarks[:, :2].max(axis=0)), (left + 2, top + 2), (width, height)).astype(int)
    luma = frame[top:bottom, left:right].astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    fine = (luma - ndimage.uniform_filter(luma, 3)).std()
    coarse = (luma - ndimage.uniform_filter(luma, max(5, height // 30))).std()
    return FaceLight(float(luma.mean()), float((luma > 245).mean()), float(fine / max(coarse, 1e-3)))


def head_angles(world_to_cam: np.ndarray) -> np.ndarray:
    """Yaw, pitch and roll in degrees, all 0 when the face looks straight into the camera.

    Args:
        world_to_cam: (T, 4, 4).

    Returns:
        (T, 3): yaw > 0 towards the right of the picture, pitch > 0 up, roll > 0 counter-clockwise in the picture.
    """
    turned = (
        np.array([1.0, -1.0, -1.0])[:, None] * world_to_cam[:, :3, :3]
    )  # axes of the head: x right, y up, z to viewer
    yaw = np.arctan2(turned[:, 0, 2], turned[:, 2, 2])
    pitch = np.arcsin(np.clip(turned[:, 1, 2], -1.0, 1.0))
    roll = np.arctan2(turned[:, 1, 0], turned[:, 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], axis=1))


def count_blinks(blink: np.ndarray) -> int:
    """How often the lids close: runs of frames above 0.6 (T,), in [0, 1]."""
    closed = np.concatenate([[False], np.asarray(blink) > _BLINKS])
    return int((closed[1:] & ~closed[:-1]).sum())


def assess(
    landmarks: np.ndarray,
    world_to_cam: np.ndarray,
    expression: np.ndarray,
    blink: np.ndarray,
    lip_opening: np.ndarray,
    residual: np.ndarray,
    jitter: np.ndarray,
    size: int,
    has_sound: bool,
    light: Sequence[FaceLight] = (),
    fps: float = 25.0,
) -> Quality:
    """Judges a tracked clip.

    Args:
        landmarks: (T, 478, 2 or 3) pixels of the crop.
        world_to_cam: (T, 4, 4).
        expression: (T, 6) in [0, 1], brow raise first.
        blink: (T,) in [0, 1].
        lip_opening: (T,) metres, 0 when closed.
        residual: (T,) pixels, mean distance of the fitted face from the landmarks.
        jitter: (T,) pixels.
        size: side of the crop in pixels.
        has_sound: whether the clip has a sound track.
        light: some frames' :func:`face_light`; without them light and sharpness are not judged.
        fps: frames a second.
    """
    tall = np.linalg.norm(landmarks[:, 10, :2] - landmarks[:, 152, :2], axis=1)
    outside = ((landmarks[..., :2] < 0) | (landmarks[..., :2] > size)).any(axis=(1, 2))
    angles = head_angles(world_to_cam)
    steps, _ = np.histogram(lip_opening, np.append(_BINS, np.inf))
    numbers = {
        "seconds": len(blink) / fps,
        "face_height_px": float(np.median(tall)),
        "face_outside_percent": 100.0 * float(outside.mean()),
        "residual_px": float(np.median(residual)),
        "jitter_px": float(np.median(jitter)),
        "jitter_worst_px": float(np.percentile(jitter, 95)),
    }
    for name, angle in zip(("yaw", "pitch", "roll"), angles.T, strict=True):
        numbers[f"{name}_lowest_deg"], numbers[f"{name}_highest_deg"] = float(angle.min()), float(angle.max())
    numbers |= {
        "blinks": float(count_blinks(blink)),
        "blink_range_percent": 100.0 * float(np.ptp(blink)),
        "brow_range_percent": 100.0 * float(np.percentile(expression[:, 0], 99)),
        "mouth_closed_percent": 100.0 * float((lip_opening < _CLOSED).mean()),
        "mouth_widest_mm": 1000.0 * float(np.percentile(lip_opening, 98)),
        "mouth_range_percent": 100.0 * float((steps >= _BIN_FRAMES).mean()),
    }
    if light:
        brightness = np.array([seen.brightness for seen in light])
        numbers |= {
            "brightness": float(brightness.mean()),
            "brightness_change": float(np.ptp(brightness)),
            "burnt_percent": 100.0 * float(np.mean([seen.burnt for seen in light])),
            "sharpness": float(np.median([seen.sharpness for seen in light])),
        }
    return Quality(numbers, _advice(numbers, size, has_sound))


def _advice(numbers: dict[str, float], size: int, has_sound: bool) -> list[str]:
    pixel = size / 512.0
    yaw, pitch = (max(-numbers[f"{name}_lowest_deg"], numbers[f"{name}_highest_deg"]) for name in ("yaw", "pitch"))
    findings = [
        (
            not has_sound,
            "The clip has no sound: the lips cannot be learned from it. Record it again with a microphone.",
        ),
        (numbers["seconds"] < 5, "Only {seconds:.1f} s of face: record at least 5 s, better 10 to 20 s."),
        (
            numbers["face_outside_percent"] > 2,
            "The face leaves the picture in {face_outside_percent:.0f} % of the frames: leave more room around it.",
        ),
        (
            numbers["face_height_px"] < 180 * pixel,
            "The face is small ({face_height_px:.0f} pixels from forehead to chin): go nearer or zoom in.",
        ),
        (
            numbers["jitter_px"] > 1.0 * pixel,
            "The tracked head shakes by {jitter_px:.1f} pixels: more light, a steady camera and sharp focus help.",
        ),
        (
            numbers["residual_px"] > 4.0 * pixel,
            "The face fits the landmarks only to {residual_px:.1f} pixels: look at the sample frames for hands or hair "
            "before the face.",
        ),
        (yaw > 30, "The head turns {yaw:.0f} degrees to the side: what is hidden there is guessed. Stay within 30."),
        (pitch > 25, "The head nods by {pitch:.0f} degrees: stay within 25."),
        (
            numbers["mouth_closed_percent"] < 2,
            "The lips hardly ever close ({mouth_closed_percent:.0f} % of the frames): begin and end with a closed "
            "mouth, and say words with m, b and p.",
        ),
        (
            numbers["mouth_range_percent"] < 60,
            "The mouth shows only {mouth_range_percent:.0f} % of its range (widest {mouth_widest_mm:.0f} mm): speak "
            "clearly, with open vowels.",
        ),
        (
            numbers["blinks"] == 0,
            "No blink was seen: the eyes cannot learn to close. Record again and blink a few times.",
        ),
        (
            numbers.get("brightness", 128) < 60,
            "The face is dark (brightness {brightness:.0f} of 255): put a lamp or a window in front of you.",
        ),
        (
            numbers.get("burnt_percent", 0) > 2,
            "{burnt_percent:.0f} % of the face is burnt out: less light from the front, or lower the exposure.",
        ),
        (
            numbers.get("brightness_change", 0) > 25,
            "The light on the face changes by {brightness_change:.0f} levels: lock the camera's exposure.",
        ),
        (
            numbers.get("sharpness", 1) < 0.145,
            "The picture is soft, as if enlarged: the result will be soft too. Use a camera of more pixels, or clean "
            "the lens.",
        ),
    ]
    return [sentence.format(yaw=yaw, pitch=pitch, **numbers) for found, sentence in findings if found]
