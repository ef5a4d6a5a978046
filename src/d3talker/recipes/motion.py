"""Motion to look at: the face that a sound moves, before any person is trained on it.

Everything streams in pages of at most ten seconds, so that an hour takes the memory of a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.core.files import writable_folder
from d3talker.core.pieces import blocks
from d3talker.core.progress import Progress, Silent
from d3talker.media.video import VideoWriter
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.motion_compare import Agreement, follow
from d3talker.recipes.motion_page import WIDTH, Page
from d3talker.recipes.motion_scene import Scene
from d3talker.recipes.sound import check_sound, clean_sound
from d3talker.signals.motion import load_motion_source
from d3talker.signals.speech import RATE, frame_count

SOUND_RATE = 48_000
"""Samples a second of the sound in the video."""
PAGE_FRAMES = 250
"""Frames that a page of curves holds at most."""


@dataclass(frozen=True)
class MotionSettings:
    """What a motion video shows."""

    source: str = "default"
    """Which network moves the face."""
    compare: Path | None = None
    """A video with the same sound, or the folder that ``prepare`` made of it: its tracked face is drawn beside."""
    width: int = WIDTH
    """Pixels of the video."""


def motion(
    audio: Path, out: Path, settings: MotionSettings | None = None, progress: Progress | None = None
) -> Agreement | None:
    """Writes a video of the face that ``audio`` (any audio or video file) moves, with the sound.

    Returns:
        How well the lips agree with those of ``settings.compare``; None where there is nothing to compare with.

    Raises:
        D3Error: the sound, the clip, the settings or the place cannot be used; nothing is left behind.
    """
    settings, progress = settings or MotionSettings(), progress or Silent()
    if not 320 <= settings.width <= 3840:
        raise D3Error(f"--width {settings.width}", "320 to 3840 pixels", f"Leave it out to take {WIDTH}.")
    if settings.compare is not None and not settings.compare.exists():
        raise D3Error(f"{settings.compare} does not exist", "a video or a prepared clip", "Check --compare.")
    heard = check_sound(audio, progress)
    total = frame_count(heard.samples)
    source = load_motion_source(settings.source)
    page = Page(settings.width, audio.name, heard.peak, total)
    video = VideoWriter(out, page.width, page.height, sound_rate=SOUND_RATE)
    writable_folder(out.parent)
    model, tracked = source.face_model, None
    if settings.compare is not None:
        tracked = follow(settings.compare, audio, total, model, progress)
    scene = Scene(model, page, tracked)

    frames = -(-total // -(-total // PAGE_FRAMES))  # pages of like length
    sound = blocks(clean_sound(audio, SOUND_RATE), frames * SOUND_RATE // 25)
    with progress.stage("draw", total) as advance, video, quiet_threads(model.mean.device):
        for coefficients, samples in zip(
            blocks(source.coefficients(lambda: clean_sound(audio, RATE)), frames),
            chain(sound, repeat(np.zeros(0, np.float32))),
            strict=False,
        ):
            video.write_sound(samples)
            for picture in scene.pictures(coefficients, samples):
                video.write(picture)
                advance()
    return scene.agreement()
