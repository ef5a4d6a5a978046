"""The report on a prepared clip: what was tracked, how well, and what to record again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from d3talker.core.report import Report
from d3talker.tracking.clip import Clip
from d3talker.tracking.quality import Quality, head_angles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TINTS = np.array([[0, 0, 0], [40, 110, 255], [255, 190, 0], [255, 80, 80], [0, 220, 90]], dtype=np.float32)
_LEGEND = "blue: torso and neck, yellow: hair and ears, red: face, green: inside of the mouth, dark: background"
_PICTURE = 256  # pixels: pictures of the sheets are halved to about this, so that the page stays small


@dataclass(frozen=True)
class Sample:
    """One frame to show."""

    frame: int
    """Its number."""
    picture: np.ndarray
    """(H, W, 3) uint8 RGB."""
    labels: np.ndarray
    """(H, W) uint8, see :mod:`d3talker.tracking.masks`."""
    plate: np.ndarray
    """(H, W, 3) uint8 RGB, the picture without the head."""


def sample_numbers(frames: int, count: int = 12) -> list[int]:
    """Numbers of the frames to show: ``count`` of them, or all, spread evenly over the clip."""
    return sorted({int(number) for number in np.linspace(0, frames - 1, min(count, frames)).round()})


def write_prepare_report(
    path: Path, clip: Clip, samples: Sequence[Sample], quality: Quality, background: np.ndarray | None = None
) -> None:
    """Writes ``report.html``: advice, numbers, sample frames with landmarks and masks, plates, curves.

    Args:
        path: the file to write.
        clip: its numbers, sound and warnings; its pictures are not read.
        samples: about a dozen frames, see :func:`sample_numbers`.
        quality: of :func:`d3talker.tracking.quality.assess`.
        background: (H, W, 3) uint8, the clean background.
    """
    report = Report(f"Prepared clip: {clip.meta['source']['name']}")
    told = [*quality.advice, *clip.meta.get("warnings", [])]
    for sentence in told:
        report.warning(sentence)
    if not told:
        report.text("Nothing to record again: the clip is good to learn from.")
    report.table([_row(name, value) for name, value in quality.numbers.items()], ("measure", "value", "unit"))
    report.section("Landmarks and masks")
    report.text(_LEGEND)
    captions = [f"frame {sample.frame}, lips {1000 * clip.lip_opening[sample.frame]:.0f} mm open" for sample in samples]
    report.pictures([_overlay(sample, clip.landmarks[sample.frame]) for sample in samples], captions)
    report.section("Plates: the pictures without the head")
    plates = [_smaller(sample.plate) for sample in samples]
    names = [f"frame {sample.frame}" for sample in samples]
    if background is not None:
        plates, names = [_smaller(background), *plates], ["clean background", *names]
    report.pictures(plates, names)
    _add_curves(report, clip)
    report.write(path)


def _add_curves(report: Report, clip: Clip) -> None:
    seconds = np.arange(len(clip.blink)) / float(clip.meta["fps"])
    report.section("Head")
    angles = head_angles(clip.world_to_cam)
    lines = {name: (seconds, angles[:, column]) for column, name in enumerate(("yaw", "pitch", "roll"))}
    report.plot(lines, "Pose: yaw to the picture's right, pitch up, roll counter-clockwise", "seconds", "degrees")
    place = 1000.0 * (clip.world_to_cam[:, :3, 3] - np.median(clip.world_to_cam[:, :3, 3], axis=0))
    lines = {name: (seconds, place[:, column]) for column, name in enumerate(("right", "down", "away"))}
    report.plot(lines, "Place of the head in the camera frame, from its median", "seconds", "millimetres")
    report.plot({"jitter": (seconds, clip.jitter)}, "How much the tracked head shakes", "seconds", "pixels")
    report.section("Mouth and eyes")

    def lips_over_sound(axes: Axes) -> None:
        if clip.has_sound:
            loudness = _loudness(clip.sound(), len(seconds))
            top = 1000.0 * max(float(clip.lip_opening.max()), 1e-3)
            axes.fill_between(seconds, top * loudness, color="0.8", linewidth=0, label="sound")
        axes.plot(seconds, 1000.0 * clip.lip_opening, linewidth=1.3, label="lip opening")
        axes.legend(frameon=False)

    report.plot(lips_over_sound, "Lip opening over the loudness of the sound", "seconds", "millimetres")

    def opening_histogram(axes: Axes) -> None:
        axes.hist(1000.0 * clip.lip_opening, bins=24)

    report.plot(opening_histogram, "How often the lips were how far open", "millimetres", "frames")
    lines = {"blink": (seconds, clip.blink), "brow raise": (seconds, clip.expression[:, 0])}
    report.plot(lines, "Lids (0 open, 1 closed) and brows", "seconds", "share of the person's range")


def _loudness(sound: np.ndarray, frames: int) -> np.ndarray:
    """The largest amplitude in every frame's part of the sound (T,), 1 at the loudest."""
    edges = np.linspace(0, len(sound), frames + 1).astype(int)
    parts = [sound[start:end] for start, end in zip(edges[:-1], edges[1:], strict=True)]
    peaks = np.array([float(np.abs(part).max()) if len(part) else 0.0 for part in parts])
    return peaks / max(peaks.max(), 1e-6)


def _row(name: str, value: float) -> tuple[str, float, str]:
    words = name.split("_")
    units = {"px": "pixels", "deg": "degrees", "mm": "mm", "percent": "%"}
    unit = units.get(words[-1], "")
    return " ".join(words[:-1] if unit else words), round(value, 3), unit


def _smaller(picture: np.ndarray) -> np.ndarray:
    """The picture, its pixels averaged in blocks so that it is about 256 pixels wide."""
    block = max(1, round(picture.shape[1] / _PICTURE))
    height, width = (length // block for length in picture.shape[:2])
    cut = picture[: height * block, : width * block].astype(np.float32)
    return cut.reshape(height, block, width, block, 3).mean(axis=(1, 3)).round().astype(np.uint8)


def _overlay(sample: Sample, landmarks: np.ndarray) -> np.ndarray:
    """The picture, tinted by its labels, with the landmarks as dots."""
    mixed = np.where(
        sample.labels[..., None] > 0, 0.7 * sample.picture + 0.3 * _TINTS[sample.labels], 0.5 * sample.picture
    )
    small = _smaller(mixed.astype(np.uint8))
    places = np.floor(landmarks[:, :2] * small.shape[1] / sample.picture.shape[1]).astype(int)
    seen = ((places >= 0) & (places < (small.shape[1], small.shape[0]))).all(axis=1)
    small[places[seen, 1], places[seen, 0]] = 255
    return small
