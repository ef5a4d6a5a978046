"""How the two fields of D3-Talker should learn: python -m benchmarks.two_fields CLIP CLIP [CLIP ...]

Each CLIP is a folder that `d3talker prepare` wrote. The face fields alone, no pictures: from the shipped prior of
D3-Talker they learn the tracked face points of the first --seconds (three quarters of a shorter clip) and are asked for
the lip opening of the rest, and for that of the other clips' speakers from their sound. The rows: the sum of both is
held to the points; each by itself is, and their mean counts; the General one is told, too, what facial motion means at
the face points, for the clip's own speech; and for the shipped recordings besides, as the presets do. Prints a Markdown
table.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from d3talker.cli import run_script
from d3talker.config.method import D3TALKER, adapted
from d3talker.config.presets import CPU
from d3talker.core.progress import Silent
from d3talker.losses.regularisers import landmark_error
from d3talker.models.animate import stream_codes
from d3talker.models.gaussians import start_gaussians
from d3talker.models.head import Branch, Head, build_head, total
from d3talker.models.prior import load_prior, take_up
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.adapt.codes import NoisyCodes
from d3talker.recipes.adapt.curriculum import draw_frame
from d3talker.recipes.adapt.face import point_weights
from d3talker.recipes.adapt.frames import TrainingFrames, read_training_frames
from d3talker.recipes.adapt.listen import ListenStage
from d3talker.recipes.adapt.stage import BranchOptimiser
from d3talker.recipes.adapt.told import ToldLesson, shipped_speech
from d3talker.recipes.hearing import Hearing, hearing
from d3talker.recipes.manner import manner
from d3talker.signals.front_ends import DEFAULT
from d3talker.tracking.clip import Clip, load_clip

DEVICE, METHOD = torch.device("cpu"), adapted(D3TALKER)
ROWS = (("their sum", False, 0), ("each", True, 0), ("each, told its own", True, 1), ("each, told more", True, None))
"""Name, whether each field has to say it all, and how many sounds' motion the General one is told (None: all)."""
UPPER, LOWER = 13, 14  # face points of the inner lips


@dataclass(frozen=True)
class Learner:
    """A person who has listened, and what they hear of everybody's sound."""

    clip: Clip
    ears: Hearing
    frames: TrainingFrames
    codes: dict[str, list[list[Tensor]]]
    """By the clip's name: of each frame the codes (32,) of the face's fields."""
    state: dict[str, Tensor]
    """Of the head."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", help="prepared clips")
    parser.add_argument("--seconds", type=float, default=10.0, help="to learn from")
    options = parser.parse_args()
    clips = [load_clip(path) for path in options.clips]
    names = [clip.path.name for clip in clips]
    print("| what learns the points | " + " | ".join(names) + " | mean | says others, mean |")
    print("|-" * (len(names) + 3) + "|")
    with quiet_threads(DEVICE), tempfile.TemporaryDirectory() as folder:
        learners = [listen(clip, clips, Path(folder) / clip.path.name, options.seconds) for clip in clips]
        for row, each, sounds in ROWS:
            told = [dict(correlations(learner, learn(learner, each, sounds), clips)) for learner in learners]
            own = [one[name] for one, name in zip(told, names, strict=True)]
            others = [r for one, name in zip(told, names, strict=True) for said, r in one.items() if said != name]
            values = " | ".join(f"{r:.2f}" for r in [*own, np.mean(own), np.mean(others) if others else np.nan])
            print(f"| {row} | {values} |", flush=True)


def new_head(channels: int) -> Head:
    cloud = start_gaussians(torch.zeros(4, 3), torch.zeros(4, 3), torch.full((4,), 0.01), 0)
    return build_head(METHOD, channels, cloud, cloud, torch.Generator().manual_seed(0))


def listen(clip: Clip, clips: list[Clip], folder: Path, seconds: float) -> Learner:
    """Takes up the prior and goes through the listen stage."""
    count = min(round(25 * seconds), 3 * len(clip) // 4)
    ears = hearing(METHOD, DEFAULT, style=manner(clip, count))
    frames = read_training_frames(clip, count, 32, ears, folder, DEVICE, Silent(), shipped_speech())
    head = new_head(ears.features.channels)
    take_up(head, load_prior("shipped", METHOD), METHOD)
    stage = ListenStage(head, frames, CPU, torch.Generator().manual_seed(0), taught=True)
    for iteration in range(1, stage.iterations + 1):
        stage.step(iteration)
    with torch.no_grad():
        codes = {other.path.name: hear(head, ears, other) for other in clips}
    return Learner(clip, ears, frames, codes, head.state_dict())


def hear(head: Head, ears: Hearing, clip: Clip) -> list[list[Tensor]]:
    sound = clip.sound()
    return [code.face for code in stream_codes(head, ears.stream(lambda: iter([sound]), DEVICE))][: len(clip)]


def learn(learner: Learner, each: bool, sounds: int | None) -> Branch:
    """The face's fields after the stage; see :data:`ROWS`."""
    frames, settings = learner.frames, CPU.face
    head = new_head(learner.ears.features.channels)
    head.load_state_dict(learner.state)
    branch, generator, weights = head.face, torch.Generator().manual_seed(0), point_weights()
    codes = NoisyCodes(branch, frames, CPU.feature_noise, generator, learn=False)
    rates, count = settings.fields, settings.iterations
    optimiser = BranchOptimiser(branch, settings.gaussians, rates, count, rates.shared)
    told = frames.told[:sounds]
    lesson = ToldLesson(branch, told, weights, CPU.feature_noise, generator) if told else None
    for iteration in range(settings.warm_up + 1, settings.iterations + 1):
        optimiser.set_rates(iteration)
        frame = draw_frame(frames.fitted, generator)
        resting, expression = branch.rest_at(frames.face_shape), frames.expression[frame]
        parts = branch.parts(resting, codes(frame), expression)
        held = branch.alone(parts) if each else [total(parts)]
        errors = [landmark_error(moved, frames.face_motion[frame], weights) for moved in held]
        loss = settings.loss.landmarks * torch.stack(errors).sum()
        if lesson is not None:
            loss = loss + settings.loss.told * lesson(resting, expression)
        loss.backward()
        optimiser.step()
    return branch


@torch.no_grad()
def correlations(learner: Learner, branch: Branch, clips: list[Clip]) -> Iterator[tuple[str, float]]:
    """For each clip Pearson's r of the lip opening, frames that were learned from left out."""
    resting, silent = branch.rest_at(learner.frames.face_shape[[UPPER, LOWER]]), torch.zeros(6)
    for clip in clips:
        first = len(learner.frames) if clip is learner.clip else 0
        moved = [total(branch.parts(resting, code, silent)).position for code in learner.codes[clip.path.name][first:]]
        opening = torch.stack([upper[1] - lower[1] for upper, lower in moved]).numpy()
        yield clip.path.name, float(np.corrcoef(opening, clip.lip_opening[first : first + len(opening)])[0, 1])


if __name__ == "__main__":
    run_script(main)
