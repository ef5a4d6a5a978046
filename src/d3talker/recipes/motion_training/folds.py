"""Leave one person out: what the networks say for somebody they never saw."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from d3talker.core.progress import Progress, Silent
from d3talker.faces.lip_gauge import LipGauge
from d3talker.faces.model import FaceModel
from d3talker.metrics.motion import LaggedCorrelation, amplitude_ratio, correlation_with_lag
from d3talker.recipes.motion_training.clips import SpokenLine, TalkingClip
from d3talker.recipes.motion_training.learn import LearnSettings, learn_net, speak_lines
from d3talker.signals.audio_to_motion import MotionNet, MotionNetShape


@dataclass(frozen=True)
class LipScore:
    """How well the lips said for one clip fit the tracked ones."""

    clip: str
    opening: LaggedCorrelation
    width: LaggedCorrelation
    amplitude: float
    """Standard deviation of the lip opening, said over tracked, before any style."""


def learn_nets(
    clips: list[TalkingClip],
    model: FaceModel,
    shape: MotionNetShape,
    settings: LearnSettings,
    lines: list[SpokenLine] | None = None,
    progress: Progress | None = None,
) -> list[MotionNet]:
    """Learns the networks whose answers are averaged, from seeds 0, 1, ...; ``lines`` are synthesised speech."""
    spoken = speak_lines(lines or [], clips, model)
    return [learn_net(clips, spoken, model, shape, settings, seed, progress) for seed in range(shape.members)]


@torch.no_grad()
def say(nets: list[MotionNet], features: np.ndarray, model: FaceModel) -> np.ndarray:
    """The coefficients (T, Ke) for feature rows (2 T, C); the lids stay open."""
    margin = nets[0].shape.margin
    rows = torch.from_numpy(np.pad(features, ((margin, margin), (0, 0)), mode="edge"))[None]
    said = torch.stack([net(rows)[0] for net in nets]).mean(dim=0).numpy()
    coefficients = np.zeros((len(said), len(model.expression)), np.float32)
    coefficients[:, [k for k in range(coefficients.shape[1]) if k not in model.blinks]] = said
    return coefficients


def leave_one_out(
    clips: list[TalkingClip],
    model: FaceModel,
    shape: MotionNetShape,
    settings: LearnSettings,
    lines: list[SpokenLine] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Iterator[tuple[TalkingClip, np.ndarray]]:
    """Every clip with what networks say that never saw its person, (T, Ke); in ``workers`` processes."""
    progress = progress or Silent()
    people = sorted({clip.person for clip in clips})
    told = partial(_told_without, clips, model, shape, settings, lines)
    with progress.stage("people", len(people)) as advance, ExitStack() as stack:
        if workers == 1:
            results: Iterator[list[tuple[TalkingClip, np.ndarray]]] = map(told, people)
        else:
            spawn = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(min(workers, len(people)), spawn, torch.set_num_threads, (1,))
            results = stack.enter_context(pool).map(told, people)
        for result in results:
            yield from result
            advance()


def _told_without(
    clips: list[TalkingClip],
    model: FaceModel,
    shape: MotionNetShape,
    settings: LearnSettings,
    lines: list[SpokenLine] | None,
    person: str,
) -> list[tuple[TalkingClip, np.ndarray]]:
    nets = learn_nets([clip for clip in clips if clip.person != person], model, shape, settings, lines)
    return [(clip, say(nets, clip.features, model)) for clip in clips if clip.person == person]


def score(clip: TalkingClip, coefficients: np.ndarray, model: FaceModel) -> LipScore:
    """Compares what is said with what was tracked."""
    gauge = LipGauge(model)
    vertices = model.vertices(torch.from_numpy(coefficients)).numpy()
    opening, width = gauge.opening(vertices), gauge.width(vertices)
    return LipScore(
        clip.name,
        correlation_with_lag(opening, clip.opening),
        correlation_with_lag(width, clip.width),
        amplitude_ratio(opening, clip.opening),
    )


def only_columns(clips: list[TalkingClip], columns: slice) -> list[TalkingClip]:
    """The same clips with some of the features, for comparisons."""
    return [
        replace(
            clip,
            features=np.ascontiguousarray(clip.features[:, columns]),
            spoiled=tuple(
                (np.ascontiguousarray(rows[:, columns]), motion, lips) for rows, motion, lips in clip.spoiled
            ),
        )
        for clip in clips
    ]
