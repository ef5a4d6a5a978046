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
from d3talker.signals.motion import say


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


def say_clip(nets: list[MotionNet], clip: TalkingClip, model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """What networks say for the features of a clip: coefficients (T, Ke) and what their last layers hold, (T, H)."""
    margin = nets[0].shape.margin
    return say(nets, np.pad(clip.features, ((margin, margin), (0, 0)), mode="edge"), model)


def leave_one_out(
    clips: list[TalkingClip],
    model: FaceModel,
    shape: MotionNetShape,
    settings: LearnSettings,
    lines: list[SpokenLine] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Iterator[tuple[TalkingClip, np.ndarray, np.ndarray]]:
    """Every clip with what networks say that never saw its person, see :func:`say_clip`; in ``workers`` processes."""
    progress = progress or Silent()
    people = sorted({clip.person for clip in clips})
    told = partial(_told_without, clips, model, shape, settings, lines)
    with progress.stage("people", len(people)) as advance, ExitStack() as stack:
        if workers == 1:
            results: Iterator[list[tuple[TalkingClip, np.ndarray, np.ndarray]]] = map(told, people)
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
) -> list[tuple[TalkingClip, np.ndarray, np.ndarray]]:
    nets = learn_nets([clip for clip in clips if clip.person != person], model, shape, settings, lines)
    return [(clip, *say_clip(nets, clip, model)) for clip in clips if clip.person == person]


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
