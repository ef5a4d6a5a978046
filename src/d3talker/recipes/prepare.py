"""Video in, clip out: the face is followed, the camera solved, the pictures are cut and labelled, the sound is read."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from d3talker.config.prepare import PrepareSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_folder, sha256_of
from d3talker.core.progress import Progress, Silent
from d3talker.media.audio import check_audio, read_audio, write_wav
from d3talker.media.video import VideoInfo, VideoWriter, probe, read_frames, read_stored
from d3talker.recipes.ahead import ahead
from d3talker.tracking.camera_solve import CameraSolve, solve_cameras
from d3talker.tracking.clip import Clip, Tracks, load_clip, write_numbers
from d3talker.tracking.crop import Crop, square_crop
from d3talker.tracking.expression import Expression, measure_expression, read_action_units
from d3talker.tracking.landmarks import open_tracker
from d3talker.tracking.masks import PersonSegmenter, label_frame
from d3talker.tracking.plates import BackgroundEstimator, torso_plate
from d3talker.tracking.selection import FaceFollower, FaceRun, choose_run
from d3talker.tracking.sync import SoundOffset, sound_offset

log = logging.getLogger(__name__)
_RATE = 16_000
_SURE = 4.0
"""Confidence from which a measured sound offset is believed."""
_NOTICEABLE_MS = 60.0


def prepare(
    video: Path | str,
    out: Path | str,
    settings: PrepareSettings | None = None,
    progress: Progress | None = None,
    face_shape: np.ndarray | None = None,
) -> Clip:
    """Prepares a video of one talking person for everything else; memory does not grow with pictures.

    Args:
        video: any container, frame rate, size and rotation.
        out: the folder to write; it is whole or absent, and an older one of that name is replaced at the end.
        settings: see :class:`~d3talker.config.prepare.PrepareSettings`.
        progress: told of every stage, and of warnings.
        face_shape: (478, 3) of a known person, so that this clip shares that person's head frame.

    Returns:
        The clip, opened.

    Raises:
        D3Error: no such file, not a video, shorter than 3 s, no face, no face for 3 s without a break, an ``au.csv``
            that does not fit, or a place that cannot be written.
    """
    video, out = Path(video), Path(out)
    settings, progress = settings or PrepareSettings(), progress or Silent()
    info = probe(video)
    with atomic_folder(out) as folder:
        follower, tracker_name = _follow_faces(video, info, settings, progress)
        run, warnings = choose_run(follower, settings.fps, settings.minimum_seconds, video.name)
        crop = square_crop(run.landmarks, info.width, info.height, settings.crop_scale)
        landmarks = crop.to_crop(np.array(run.landmarks), settings.size).astype(np.float32)

        with progress.stage("solve the camera", 1) as advance:
            solve = solve_cameras(landmarks, settings.size, settings.solve, face_shape)
            expression = measure_expression(solve.face_points)
            advance()
        values = expression.values
        if settings.action_units is not None:
            values = read_action_units(settings.action_units, follower.seen)[run.first : run.end]

        _write_pictures(folder, video, run, crop, landmarks, settings, progress)
        offset, sound_warnings, shift_ms = _write_sound(folder, video, info, run, expression, settings)
        warnings += sound_warnings

        tracks = Tracks(
            landmarks=landmarks,
            world_to_cam=solve.world_to_cam,
            face_shape=solve.face_shape,
            face_points=solve.face_points,
            expression=values,
            blink=expression.blink,
            lip_opening=expression.lip_opening,
            lip_width=expression.lip_width,
            jitter=solve.jitter,
        )
        meta = {
            "source": {
                "name": video.name,
                "sha256": sha256_of(video),
                "start": run.first / settings.fps,
                "end": run.end / settings.fps,
            },
            "fps": settings.fps,
            "size": settings.size,
            "crop": crop.as_dict(),
            "focal": solve.focal,
            "audio_offset_ms": None if offset is None else round(offset.milliseconds),
            "audio_shift_ms": shift_ms,
            "tracker": tracker_name,
            "quality": _numbers(solve, offset),
            "warnings": warnings,
        }
        write_numbers(folder, tracks, meta)
    for warning in warnings:
        progress.say(warning)
    return load_clip(out)


def _follow_faces(
    video: Path, info: VideoInfo, settings: PrepareSettings, progress: Progress
) -> tuple[FaceFollower, str]:
    """First reading: every face of every frame, linked to runs."""
    tracker = open_tracker(settings.tracker, settings.face_model)
    follower = FaceFollower(settings.longest_gap)
    try:
        with progress.stage("follow the face", max(1, round(info.duration * settings.fps))) as advance:
            for frame in ahead(read_frames(video, settings.fps)):
                follower.add(tracker.track(frame))
                advance()
    finally:
        tracker.close()
    return follower, tracker.name


def _write_pictures(
    folder: Path,
    video: Path,
    run: FaceRun,
    crop: Crop,
    landmarks: np.ndarray,
    settings: PrepareSettings,
    progress: Progress,
) -> None:
    """Second reading: the cut pictures and their labels; then, with the background known, the plates."""
    size, fps = settings.size, settings.fps
    segmenter, background = PersonSegmenter(), BackgroundEstimator(size, size)

    def labelled() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for frame, points in zip(_frames_of_run(video, run, fps), landmarks, strict=True):
            picture = crop.cut(frame, size)
            yield picture, label_frame(picture, segmenter.segment(picture), points)

    with (
        progress.stage("cut and label", run.frames) as advance,
        VideoWriter(folder / "frames.mkv", size, size, fps, "lossless") as frames,
        VideoWriter(folder / "masks.mkv", size, size, fps, "labels") as masks,
    ):
        for picture, labels in ahead(labelled()):
            background.add(picture, labels)
            frames.write(picture)
            masks.write(labels)
            advance()
    plate = background.plate()
    _write_png(folder / "background.png", plate)

    def filled() -> Iterator[np.ndarray]:
        stored = zip(read_stored(folder / "frames.mkv"), read_stored(folder / "masks.mkv"), strict=True)
        return (torso_plate(picture, labels, plate) for picture, labels in stored)

    with (
        progress.stage("fill behind the head", run.frames) as advance,
        VideoWriter(folder / "plates.mkv", size, size, fps, "lossless") as plates,
    ):
        for picture in ahead(filled()):
            plates.write(picture)
            advance()


def _frames_of_run(video: Path, run: FaceRun, fps: float) -> Iterator[np.ndarray]:
    """The frames of the run, from the same grid of times as the first reading."""
    count = 0
    for frame in islice(read_frames(video, fps, start=run.first / fps), run.frames):
        count += 1
        yield frame
    if count < run.frames:
        raise D3Error(
            f"{video} gave {run.frames} frames at first and {count} when read again", "a video that stays the same",
            "Run it again when nothing else writes to the file.",
        )


def _write_sound(
    folder: Path, video: Path, info: VideoInfo, run: FaceRun, expression: Expression, settings: PrepareSettings
) -> tuple[SoundOffset | None, list[str], float]:
    """Writes ``audio.wav``, as long as the frames; gives the measured offset, warnings, and the shift that was made."""
    needs = "prepare works without, but adapt needs the voice"
    if not info.has_sound:
        return None, [f"{video.name} has no sound: {needs}"], 0.0
    sound = read_audio(video, _RATE)
    try:
        samples, warnings = check_audio(_cut(sound, run, settings, settings.sound_shift_ms), _RATE, video.name)
    except D3Error as error:
        return None, [f"{error.seen}: {needs}"], 0.0
    offset = sound_offset(expression.lip_opening, samples, _RATE, settings.fps)
    shift = settings.sound_shift_ms
    if offset.confidence >= _SURE and abs(offset.milliseconds) > _NOTICEABLE_MS:
        late = "late" if offset.milliseconds > 0 else "early"
        story = f"the sound seems {abs(offset.milliseconds):.0f} ms {late} (confidence {offset.confidence:.1f})"
        if settings.correct_sound:
            shift += offset.milliseconds
            samples = np.clip(_cut(sound, run, settings, shift), -1, 1)
            warnings.append(f"{story}: moved")
        else:
            warnings.append(f"{story}: look at the lips; --correct-sound moves it")
    write_wav(folder / "audio.wav", samples, _RATE)
    return offset, warnings, shift


def _cut(sound: np.ndarray, run: FaceRun, settings: PrepareSettings, shift_ms: float) -> np.ndarray:
    """The run's part of the sound, moved earlier by the shift; silence where the recording has none."""
    begin = round((run.first / settings.fps + shift_ms / 1000) * _RATE)
    length = round(run.frames / settings.fps * _RATE)
    samples = np.zeros(length, dtype=np.float32)
    part = sound[max(0, begin) : max(0, begin + length)]
    place = max(0, -begin)
    samples[place : place + len(part)] = part
    return samples


def _numbers(solve: CameraSolve, offset: SoundOffset | None) -> dict[str, Any]:
    numbers = {
        "residual_px": round(float(solve.residual.mean()), 3),
        "jitter_px": round(float(solve.jitter.mean()), 3),
        "jitter_before_smoothing_px": round(float(solve.raw_jitter.mean()), 3),
        "focal_px": round(solve.focal, 1),
    }
    if offset is not None:
        numbers["audio_offset_confidence"] = round(offset.confidence, 2)
    return numbers


def _write_png(path: Path, picture: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(picture).save(path)
