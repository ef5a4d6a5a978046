"""Video in, clip out: the face is followed, the camera solved, the pictures are cut and labelled, the sound is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from d3talker.config.prepare import PrepareSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_folder, sha256_of
from d3talker.core.progress import Progress, Silent
from d3talker.media.video import VideoInfo, probe, read_frames
from d3talker.recipes.ahead import ahead
from d3talker.recipes.prepare_pictures import Pictures, write_pictures
from d3talker.recipes.prepare_report import write_prepare_report
from d3talker.recipes.prepare_sound import Sound, write_sound
from d3talker.tracking.camera_solve import CameraSolve, solve_cameras
from d3talker.tracking.clip import Clip, Tracks, load_clip, write_numbers
from d3talker.tracking.crop import Crop, square_crop
from d3talker.tracking.expression import measure_expression, read_action_units
from d3talker.tracking.landmarks import open_tracker
from d3talker.tracking.mirror import MirroredTracker
from d3talker.tracking.quality import Quality, assess
from d3talker.tracking.selection import FaceFollower, FaceRun, choose_run


def prepare(
    video: Path | str,
    out: Path | str,
    settings: PrepareSettings | None = None,
    progress: Progress | None = None,
    face_shape: np.ndarray | None = None,
) -> Clip:
    """Prepares a video of one talking person for everything else; pictures stream, so memory holds only numbers.

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
    if not 64 <= settings.size <= 2048:
        raise D3Error(f"a picture size of {settings.size}", "64 to 2048 pixels", "Leave out --size to take 512.")
    info = probe(video)
    with atomic_folder(out) as folder:
        tracker, follower = _follow_faces(video, info, settings, progress)
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
        tracks = Tracks(
            landmarks=landmarks,
            world_to_cam=solve.world_to_cam,
            face_shape=solve.face_shape,
            face_points=solve.face_points,
            expression=values,
            blink=values[:, -1],
            lip_opening=expression.lip_opening,
            lip_width=expression.lip_width,
            jitter=solve.jitter,
        )

        pictures = write_pictures(folder, video, run, crop, landmarks, settings, progress)
        sound = write_sound(folder, video, info.has_sound, run, tracks.lip_opening, settings)
        quality = _judge(tracks, solve, pictures, sound, settings)
        meta = _meta(video, run, crop, tracker, solve, sound, quality, [*warnings, *sound.warnings], settings)
        write_numbers(folder, tracks, meta)
        write_prepare_report(folder / "report.html", load_clip(folder), pictures.samples, quality, pictures.background)
    for line in [*meta["warnings"], *meta["advice"]]:
        progress.say(line)
    return load_clip(out)


def prepared(source: Path, folder: Path, progress: Progress) -> Clip:
    """The clip that ``source`` is, or that the video ``source`` becomes in ``folder``, once.

    Raises:
        D3Error: as :func:`prepare`, or a damaged clip.
    """
    if (source / "clip.json").exists():
        return load_clip(source)
    if (folder / "clip.json").exists():
        progress.say(f"the clip is prepared already: {folder}")
        return load_clip(folder)
    return prepare(source, folder, progress=progress)


def _follow_faces(
    video: Path, info: VideoInfo, settings: PrepareSettings, progress: Progress
) -> tuple[str, FaceFollower]:
    """First reading: every face of every frame, linked to runs; and the tracker's name."""
    tracker = MirroredTracker(lambda: open_tracker(settings.tracker, settings.face_model))
    follower = FaceFollower(settings.longest_gap)
    try:
        with progress.stage("follow the face", max(1, round(info.duration * settings.fps))) as advance:
            for frame in ahead(read_frames(video, settings.fps)):
                follower.add(tracker.track(frame))
                advance()
    finally:
        tracker.close()
    return tracker.name, follower


def _judge(tracks: Tracks, solve: CameraSolve, pictures: Pictures, sound: Sound, settings: PrepareSettings) -> Quality:
    return assess(
        tracks.landmarks,
        tracks.world_to_cam,
        tracks.expression,
        tracks.blink,
        tracks.lip_opening,
        solve.residual,
        solve.jitter,
        settings.size,
        sound.written,
        pictures.light,
        settings.fps,
    )


def _meta(
    video: Path,
    run: FaceRun,
    crop: Crop,
    tracker: str,
    solve: CameraSolve,
    sound: Sound,
    quality: Quality,
    warnings: list[str],
    settings: PrepareSettings,
) -> dict[str, Any]:
    """What ``clip.json`` says, save for what :func:`write_numbers` adds."""
    numbers = {name: round(value, 4) for name, value in quality.numbers.items()}
    numbers["jitter_before_smoothing_px"] = round(float(np.median(solve.raw_jitter)), 4)
    return {
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
        "audio_offset_ms": None if sound.offset is None else round(sound.offset.milliseconds),
        "audio_offset_confidence": None if sound.offset is None else round(sound.offset.confidence, 2),
        "audio_shift_ms": sound.shift_ms,
        "tracker": tracker,
        "quality": numbers,
        "advice": quality.advice,
        "warnings": warnings,
    }
