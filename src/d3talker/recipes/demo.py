"""The demo: the built-in speaker is filmed, adapted and made to say something new."""

from __future__ import annotations

from pathlib import Path

import torch

from d3talker.config.method import D3TALKER
from d3talker.config.presets import PRESETS
from d3talker.core.files import writable_folder
from d3talker.core.progress import Progress, Silent
from d3talker.media.audio import write_wav
from d3talker.models.prior import default_prior
from d3talker.phonetics.synthesis import synthesise
from d3talker.recipes.adapt import adapt
from d3talker.recipes.talk import talk
from d3talker.speaker.speech import built_in_speech
from d3talker.speaker.video import make_speaker_video

SECONDS = 6.0
"""Length of the speaker's clip."""


def demo(
    out: Path,
    seed: int = 0,
    text: str | None = None,
    preset: str = "demo",
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> Path:
    """Makes a talking head of the built-in speaker and returns the video of it saying what it was not filmed saying.

    Args:
        out: folder for ``speaker.mp4``, the person and ``video.mp4``; what is there already is not made again.
        seed: which speaker.
        text: what to say; needs a speech synthesiser. None says the shipped recording.
        preset: name of the training preset.
        device: where to compute.
        progress: hears of stages and steps.

    Raises:
        D3Error: the folder cannot be written, or there is no synthesiser for ``text``.
    """
    progress = progress or Silent()
    writable_folder(out)
    speech = built_in_speech("driving") if text is None else synthesise(text)
    clip = out / f"speaker-{seed}.mp4"
    if not clip.exists():
        make_speaker_video(clip, seed=seed, seconds=SECONDS, progress=progress)
    folder, prior = out / f"person-{seed}", default_prior(D3TALKER)
    person = adapt(clip, folder, D3TALKER, PRESETS[preset], prior=prior, device=device, progress=progress)
    sound = out / "speech.wav"
    write_wav(sound, speech.samples, speech.rate)
    return talk(person, sound, out / "video.mp4", progress=progress)
