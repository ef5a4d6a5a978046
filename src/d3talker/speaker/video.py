"""Writes the talking person as a video with sound, and keeps the exact truth of every frame."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.core.progress import Progress, Silent
from d3talker.media.video import VideoWriter
from d3talker.phonetics.classes import Phone
from d3talker.phonetics.speech import Speech
from d3talker.speaker.face_motion import Motion, frame_times, make_motion, speech_energy
from d3talker.speaker.identity import make_identity
from d3talker.speaker.person import Person, Shot
from d3talker.speaker.scene import intrinsics, pose
from d3talker.speaker.speech import built_in_speech

FPS = 25.0
PAUSE = 0.6  # seconds of silence between two rounds of a recording
TORSO_SHARE = 0.12  # of the head's turn that the torso follows


@dataclass
class SpeakerTruth:
    """What is exactly true of a written clip; T frames.

    Attributes:
        world_to_cam: (T, 4, 4) head frame to camera.
        intrinsics: (3, 3) pixels.
        lip_opening: (T,) metres between the inner rims of the lips on the midline, 0 = closed.
        lip_width: (T,) metres between the corners of the mouth.
        lip_points: (T, 4, 3) metres, head frame: middle of the upper and lower inner rim, corners at -x and +x.
        blink: (T,) 0 open .. 1 shut.
        phones: (class, start s, end s).
        size: side of the picture in pixels.
        fps: pictures a second.
    """

    world_to_cam: np.ndarray
    intrinsics: np.ndarray
    lip_opening: np.ndarray
    lip_width: np.ndarray
    lip_points: np.ndarray
    blink: np.ndarray
    phones: list[Phone]
    size: int
    fps: float = FPS
    _labels: list[bytes] = field(default_factory=list, repr=False)

    def labels(self) -> Iterator[np.ndarray]:
        """The mask of every frame, (size, size) uint8 (docs/conventions.md)."""
        for packed in self._labels:
            yield np.frombuffer(zlib.decompress(packed), np.uint8).reshape(self.size, self.size)


def fit_speech(speech: Speech, seconds: float) -> Speech:
    """Cuts the speech to ``seconds``, or repeats it with a pause between the rounds."""
    length, period = round(seconds * speech.rate), len(speech.samples) + round(PAUSE * speech.rate)
    samples, phones = np.zeros(length, np.float32), []
    for start in range(0, length, period):
        part = speech.samples[: length - start]
        samples[start : start + len(part)] = part
        at = start / speech.rate
        phones += [(n, a + at, min(b + at, seconds)) for n, a, b in speech.phones if a + at < seconds]
    return Speech(samples, speech.rate, phones)


def render_motion(person: Person, motion: Motion) -> Iterator[tuple[Shot, np.ndarray]]:
    """Every frame of a motion with its ``world_to_cam``."""
    view = intrinsics(person.size)
    for t, controls in enumerate(motion.controls):
        head = pose(motion.turn[t], motion.shift[t])
        torso = pose(motion.turn[t], motion.shift[t] + np.array([0, motion.breath[t], 0]), TORSO_SHARE)
        yield person.render(controls, head, torso, view), head


def make_speaker_video(
    path: Path | str,
    seed: int = 0,
    seconds: float = 10.0,
    speech: Speech | None = None,
    size: int = 512,
    progress: Progress | None = None,
) -> SpeakerTruth:
    """Writes a clip of the built-in speaker, 25 frames a second, with sound.

    Args:
        path: the video file (.mp4).
        seed: which person, and how it moves.
        seconds: how long; the speech is cut or repeated to fit.
        speech: what is said; None takes the shipped recording.
        size: side of the square picture in pixels, 64 or more.
        progress: listener.

    Raises:
        D3Error: a size or length that makes no clip; the place cannot be written.
    """
    if size < 64 or size % 2:
        raise D3Error(f"a size of {size} pixels", "an even number from 64 on", "Choose 256 or 512.")
    frames = round(seconds * FPS)
    if frames < 1:
        raise D3Error(f"a length of {seconds} s", "at least one frame (0.04 s)", "Choose a few seconds.")
    said = fit_speech(speech or built_in_speech("training"), frames / FPS)
    loudness = speech_energy(said.samples, said.rate, frame_times(frames, FPS))
    motion = make_motion(said.phones, loudness, frames, FPS, seed)
    person = Person(make_identity(seed), size)
    opening, width, points, poses, labels = [], [], [], [], []
    with (
        (progress or Silent()).stage("Rendering the speaker", frames) as advance,
        VideoWriter(path, size, size, FPS, sound_rate=said.rate) as writer,
    ):
        writer.write_sound(said.samples)
        for shot, head in render_motion(person, motion):
            writer.write(shot.picture)
            opening.append(shot.lip_opening)
            width.append(shot.lip_width)
            points.append(shot.lip_points)
            poses.append(head)
            labels.append(zlib.compress(shot.labels.tobytes(), 1))
            advance()
    blink = np.array([controls.blink for controls in motion.controls])
    return SpeakerTruth(
        world_to_cam=np.array(poses),
        intrinsics=intrinsics(size),
        lip_opening=np.array(opening),
        lip_width=np.array(width),
        lip_points=np.array(points),
        blink=blink,
        phones=said.phones,
        size=size,
        fps=FPS,
        _labels=labels,
    )
