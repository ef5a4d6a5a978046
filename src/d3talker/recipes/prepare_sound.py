"""The sound of ``prepare``: 16 kHz mono, as long as the frames, its offset from the lips measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from d3talker.config.prepare import PrepareSettings
from d3talker.core.errors import D3Error
from d3talker.media.audio import check_audio, read_audio, write_wav
from d3talker.tracking.selection import FaceRun
from d3talker.tracking.sync import SoundOffset, sound_offset

RATE = 16_000
"""Samples a second."""
_SURE = 4.0
"""Confidence from which a measured offset is believed."""
_NOTICEABLE_MS = 60.0
"""Smaller offsets are within the error of the measurement, and nobody sees them."""
_NEEDED = "prepare works without sound, but adapt needs the voice"


@dataclass(frozen=True)
class Sound:
    """What became of the sound."""

    written: bool = False
    """Whether there is an ``audio.wav``."""
    offset: SoundOffset | None = None
    """As measured against the lips, before any correction of it."""
    shift_ms: float = 0.0
    """How much earlier the sound was moved."""
    warnings: list[str] = field(default_factory=list)
    """One line each."""


def write_sound(
    folder: Path, video: Path, has_sound: bool, run: FaceRun, lip_opening: np.ndarray, settings: PrepareSettings
) -> Sound:
    """Writes ``audio.wav`` of a clip, unless the video has no sound or a silent one.

    Args:
        folder: of the clip.
        video: the source.
        has_sound: whether it has a sound track.
        run: the frames of it that are used.
        lip_opening: (T,) metres, of those frames.
        settings: shift, correction and frame rate are used.
    """
    if not has_sound:
        return Sound(warnings=[f"{video.name} has no sound: {_NEEDED}"])
    recorded = read_audio(video, RATE)
    shift = settings.sound_shift_ms
    try:
        samples, warnings = check_audio(_cut(recorded, run, settings.fps, shift), RATE, video.name)
    except D3Error as error:
        return Sound(warnings=[f"{error.seen}: {_NEEDED}"])
    offset = sound_offset(lip_opening, samples, RATE, settings.fps)
    if offset.confidence >= _SURE and abs(offset.milliseconds) > _NOTICEABLE_MS:
        side = "late" if offset.milliseconds > 0 else "early"
        story = f"the sound is about {abs(offset.milliseconds):.0f} ms {side}"
        if settings.correct_sound:
            shift += offset.milliseconds
            samples = np.clip(np.nan_to_num(_cut(recorded, run, settings.fps, shift)), -1, 1)
            warnings.append(f"{story}: moved")
        else:
            warnings.append(f"{story} by the look of the lips: --correct-sound moves it")
    write_wav(folder / "audio.wav", samples, RATE)
    return Sound(True, offset, shift, warnings)


def _cut(recorded: np.ndarray, run: FaceRun, fps: float, shift_ms: float) -> np.ndarray:
    """The run's part of the sound, moved earlier by the shift; silence where the recording has none."""
    begin = round((run.first / fps + shift_ms / 1000) * RATE)
    length = round(run.frames / fps * RATE)
    samples = np.zeros(length, dtype=np.float32)
    part = recorded[max(0, begin) : max(0, begin + length)]
    place = max(0, -begin)
    samples[place : place + len(part)] = part
    return samples
