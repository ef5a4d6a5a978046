"""Second reading of ``prepare``: cut pictures, labels, the clean background and the pictures without the head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from d3talker.config.prepare import PrepareSettings
from d3talker.core.errors import D3Error
from d3talker.core.progress import Progress
from d3talker.media.video import VideoWriter, read_frames, read_stored
from d3talker.recipes.ahead import ahead
from d3talker.recipes.prepare_report import Sample, sample_numbers
from d3talker.tracking.crop import Crop
from d3talker.tracking.masks import PersonSegmenter, label_frame
from d3talker.tracking.plates import BackgroundEstimator, torso_plate
from d3talker.tracking.quality import FaceLight, face_light
from d3talker.tracking.selection import FaceRun


@dataclass(frozen=True)
class Pictures:
    """What the report wants of the pictures that were written."""

    background: np.ndarray
    """(size, size, 3) uint8 RGB."""
    samples: list[Sample]
    """About a dozen frames."""
    light: list[FaceLight]
    """Light and sharpness of the face in those frames."""


def write_pictures(
    folder: Path,
    video: Path,
    run: FaceRun,
    crop: Crop,
    landmarks: np.ndarray,
    settings: PrepareSettings,
    progress: Progress,
) -> Pictures:
    """Writes ``frames.mkv`` and ``masks.mkv``, then, with the background known, ``background.png`` and ``plates.mkv``.

    Args:
        folder: of the clip.
        video: the source.
        run: the frames of it that are used.
        crop: the square of it that is used.
        landmarks: (T, 478, 3) pixels of the cut picture.
        settings: size and frame rate are used.
        progress: told of every frame, twice.
    """
    size, fps = settings.size, settings.fps
    segmenter, estimator = PersonSegmenter(), BackgroundEstimator(size, size)

    def segmented() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for frame in _frames_of_run(video, run, fps):
            picture = crop.cut(frame, size)
            yield picture, segmenter.segment(picture)

    def labelled() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for (picture, person), points in zip(ahead(segmented()), landmarks, strict=True):
            yield picture, label_frame(picture, person, points)

    with (
        progress.stage("cut and label", run.frames) as advance,
        VideoWriter(folder / "frames.mkv", size, size, fps, "lossless") as frames,
        VideoWriter(folder / "masks.mkv", size, size, fps, "labels") as masks,
    ):
        for picture, labels in ahead(labelled()):
            estimator.add(picture, labels)
            frames.write(picture)
            masks.write(labels)
            advance()
    background = estimator.plate()
    _write_png(folder / "background.png", background)

    def filled() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for picture, labels in zip(read_stored(folder / "frames.mkv"), read_stored(folder / "masks.mkv"), strict=True):
            yield picture, labels, torso_plate(picture, labels, background)

    wanted = set(sample_numbers(run.frames))
    samples = []
    with (
        progress.stage("fill behind the head", run.frames) as advance,
        VideoWriter(folder / "plates.mkv", size, size, fps, "lossless") as plates,
    ):
        for number, (picture, labels, plate) in enumerate(ahead(filled())):
            plates.write(plate)
            if number in wanted:
                samples.append(Sample(number, picture, labels, plate))
            advance()
    light = [face_light(sample.picture, landmarks[sample.frame]) for sample in samples]
    return Pictures(background, samples, light)


def _frames_of_run(video: Path, run: FaceRun, fps: float) -> Iterator[np.ndarray]:
    """The frames of the run, from the same grid of times as the first reading."""
    count = 0
    for frame in islice(read_frames(video, fps, start=run.first / fps), run.frames):
        count += 1
        yield frame
    if count < run.frames:
        raise D3Error(
            f"{video} gave {run.frames} frames at first and {count} when read again",
            "a video that stays as it is",
            "Run it again when nothing writes to the file any more.",
        )


def _write_png(path: Path, picture: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(picture).save(path)
