"""One network from clips: what is asked of it, and the loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from d3talker.core.errors import D3Error
from d3talker.core.progress import Progress, Silent
from d3talker.faces.model import FaceModel
from d3talker.faces.points import LIPS, LOWER_FACE, MOUTH_CORNERS
from d3talker.recipes.motion_training.clips import SpokenLine, TalkingClip
from d3talker.recipes.motion_training.dominance import fit_dominance, spoken_motion
from d3talker.signals.audio_to_motion import MotionNet, MotionNetShape
from d3talker.signals.motion_style import Mouth


@dataclass(frozen=True)
class LearnSettings:
    """How the networks are learned."""

    steps: int = 400
    """Optimiser steps of each."""
    batch: int = 24
    """Pieces of clips a step."""
    frames: int = 80
    """Frames a piece."""
    rate: float = 2e-3
    """Of AdamW; rises over 50 steps, falls along a cosine."""
    weight_decay: float = 1e-2
    """Of AdamW."""
    dropout: float = 0.25
    """Share of the channels that are left out in training."""
    hidden_columns: float = 0.1
    """Share of the feature columns that are hidden from a piece."""
    points: float = 1.0
    """Weight of the distance of lips and chin, cm."""
    velocity: float = 0.5
    """Weight of the distance of their velocities."""
    mouth: float = 1.0
    """Weight of the distance of lip gap and mouth width, in standard deviations."""
    curve: float = 0.5
    """Weight of the correlation that gap and width lack over a piece."""
    closure: float = 0.1
    """Weight of lips that do not meet on p, b, m: their squared gap, in standard deviations."""
    offset: float = 0.05
    """Weight of the squared offset that each clip may have of its own, in standard deviations."""
    spoken: float = 0.4
    """Share of the pieces that are synthesised speech, where there is any."""
    stretch: float = 1.4
    """By which the learned motion is stretched about its mean: what is not sure is said too small."""


Take = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Feature rows (2 T, C), coefficients (T, K), blinks left out, of the mean amplitude of all clips, and how surely the
lips meet (T,)."""


class Readout:
    """What of a face counts: linear functions of its coefficients."""

    def __init__(self, model: FaceModel) -> None:
        moved = [k for k in range(len(model.expression)) if k not in model.blinks]
        shapes, landmarks = model.expression[moved], model.landmarks.numpy()
        points = np.concatenate([LIPS, LOWER_FACE])
        weights = torch.tensor([3.0] * len(LIPS) + [1.0] * len(LOWER_FACE))[:, None] * torch.tensor([1.0, 1.0, 0.3])
        chosen = 100.0 * shapes[:, landmarks[points]] * weights.sqrt()
        self.points = chosen.reshape(len(moved), -1) / len(points) ** 0.5
        right, left = landmarks[MOUTH_CORNERS]
        gap = torch.from_numpy(Mouth.of(model).slope[moved]).float()
        self.mouth = torch.stack([gap, shapes[:, left, 0] - shapes[:, right, 0]], dim=1)
        self.moved = moved


def takes_of(clips: list[TalkingClip], moved: list[int]) -> list[list[Take]]:
    """Every clip and its spoiled copies, scaled to the mean amplitude of all.

    So that a network learns what is said and not who says it.
    """
    amplitude = float(np.mean([clip.amplitude for clip in clips]))
    return [
        [
            (rows, np.float32(amplitude / clip.amplitude) * motion[:, moved], lips)
            for rows, motion, lips in ((clip.features, clip.coefficients, clip.lips), *clip.spoiled)
        ]
        for clip in clips
    ]


def speak_lines(lines: list[SpokenLine], clips: list[TalkingClip], model: FaceModel) -> list[Take]:
    """Synthesised speech with the lips that the phones have in the clips, see :mod:`.dominance`.

    Raises:
        D3Error: there are lines, but no clip is aligned.
    """
    if not lines:
        return []
    moved, mouth = Readout(model).moved, Mouth.of(model)
    aligned = [
        (clip.phones, takes[0][1])
        for clip, takes in zip(clips, takes_of(clips, moved), strict=True)
        if len(clip.phones)
    ]
    if not aligned:
        raise D3Error(
            "pocketsphinx aligned none of the clips",
            "one English clip at least, to tell what phones look like",
            "Add one, or learn without synthesised speech.",
        )
    dominance = fit_dominance(aligned)
    takes = []
    for line in lines:
        motion = spoken_motion(dominance, line.phones, len(line.lips), mouth, moved)
        takes.append((line.features, motion, line.lips))
    return takes


def learn_net(
    clips: list[TalkingClip],
    spoken: list[Take],
    model: FaceModel,
    shape: MotionNetShape,
    settings: LearnSettings,
    seed: int,
    progress: Progress | None = None,
) -> MotionNet:
    """Learns one network from clips and from what :func:`speak_lines` made."""
    progress = progress or Silent()
    generator, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    torch.manual_seed(seed)
    net = MotionNet(shape, settings.dropout).train()
    readout = Readout(model)
    takes = takes_of(clips, readout.moved)
    spread = torch.from_numpy(np.concatenate([own[0][1] for own in takes])) @ readout.mouth
    mouth = readout.mouth / spread.std(dim=0)
    chances = np.array([len(own[0][1]) for own in takes]) ** 0.75
    chances /= chances.sum()
    if spoken:
        takes.append(spoken)
        chances = np.append((1 - settings.spoken) * chances, settings.spoken)
    offsets = torch.zeros(len(takes), len(readout.moved), requires_grad=True)
    optimiser = torch.optim.AdamW(
        [
            {"params": net.parameters(), "weight_decay": settings.weight_decay},
            {"params": [offsets], "weight_decay": 0.0},
        ],
        settings.rate,
    )
    pieces = _Pieces(takes, shape.margin, settings.frames)
    with progress.stage("learn", settings.steps) as advance:
        for step in range(settings.steps):
            for group in optimiser.param_groups:
                warm = min(1.0, (step + 1) / 50)
                group["lr"] = settings.rate * warm * 0.5 * (1 + np.cos(np.pi * step / settings.steps))
            chosen = rng.choice(len(takes), settings.batch, p=chances)
            rows, truth, lips = pieces.draw(chosen, rng)
            hidden = torch.rand(rows.shape[0], 1, rows.shape[2], generator=generator) < settings.hidden_columns
            own = net(rows.masked_fill(hidden, 0.0))
            said = own + offsets[torch.from_numpy(chosen)][:, None]
            loss = _loss(said, truth, readout.points, mouth, settings)
            open_lips = functional.relu(own @ mouth[:, 0])
            loss = loss + settings.closure * (lips * open_lips.square()).mean()
            loss = loss + settings.offset * offsets.square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            advance()
    assert net.head.bias is not None
    with torch.no_grad():
        mean = torch.from_numpy(np.concatenate([own[0][1] for own in takes[: len(clips)]])).mean(dim=0)
        net.head.weight.mul_(settings.stretch)
        net.head.bias.lerp_(mean, 1.0 - settings.stretch)
    return net.eval().requires_grad_(False)


def _loss(said: Tensor, truth: Tensor, points: Tensor, mouth: Tensor, settings: LearnSettings) -> Tensor:
    """Over (B, T, K): points and their velocities, the mouth's gap and width and their curves."""
    difference = said - truth
    moved = difference @ points
    loss = settings.points * functional.smooth_l1_loss(moved, torch.zeros_like(moved), beta=0.05, reduction="sum")
    loss = loss / (said.shape[0] * said.shape[1] * moved.shape[2] ** 0.5)
    loss = loss + settings.velocity * moved.diff(dim=1).square().sum(dim=2).mean()
    loss = loss + settings.mouth * functional.smooth_l1_loss(said @ mouth, truth @ mouth)
    return loss + settings.curve * _uncorrelated(said @ mouth, truth @ mouth)


def _uncorrelated(said: Tensor, truth: Tensor) -> Tensor:
    """1 - correlation of curves (B, T, C) over time; a curve counts as much as the true one moves."""
    said, truth = (curves - curves.mean(dim=1, keepdim=True) for curves in (said, truth))
    power = truth.square().sum(dim=1)
    correlation = (said * truth).sum(dim=1) / ((said.square().sum(dim=1) + 1e-3) * (power + 1e-3)).sqrt()
    return ((1.0 - correlation) * power.sqrt()).mean() / power.sqrt().mean()


class _Pieces:
    """Cuts pieces out of the takes of clips, with the rows around them."""

    def __init__(self, takes: list[list[Take]], margin: int, frames: int) -> None:
        self._takes = [
            [
                (
                    np.pad(rows, ((margin, margin + 2 * frames), (0, 0)), mode="edge"),
                    np.pad(motion, ((0, frames), (0, 0)), mode="edge"),
                    np.pad(lips, (0, frames)),
                    max(1, len(motion) - frames + 1),
                )
                for rows, motion, lips in own
            ]
            for own in takes
        ]
        self._margin, self._frames = margin, frames

    def draw(self, chosen: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Rows (B, 2 T + 2 margin, C), coefficients (B, T, K) and lips (B, T), each of any take of its clip."""
        rows, truth, lips = [], [], []
        for clip in chosen:
            own_rows, own_motion, own_lips, starts = self._takes[clip][int(rng.integers(len(self._takes[clip])))]
            start = int(rng.integers(starts))
            rows.append(own_rows[2 * start : 2 * (start + self._frames + self._margin)])
            truth.append(own_motion[start : start + self._frames])
            lips.append(own_lips[start : start + self._frames])
        return torch.from_numpy(np.stack(rows)), torch.from_numpy(np.stack(truth)), torch.from_numpy(np.stack(lips))
