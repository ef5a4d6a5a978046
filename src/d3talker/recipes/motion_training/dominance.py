"""Lips for synthesised speech: dominance functions of the phones, fitted on tracked people.

Every phone pulls the face towards a target of its own, the more the nearer it is in time, and neighbours overlap (Cohen
and Massaro 1993). That is too plain to be shown, but it tells a network what a phone looks like in voices and languages
of which no video is at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from d3talker.phonetics.classes import BILABIALS, CLASS_INDEX, CLASSES
from d3talker.signals.motion_style import Mouth

_NEIGHBOURS = 4  # phones on either side that a frame depends on
_STEPS = 300
_SILENCE = CLASS_INDEX["sil"]
_LIKE = {"x": "k", "r": "t", "@": "I", "y": "u"}  # classes that English has not, by those that look alike


@dataclass(frozen=True)
class Dominance:
    """What the phone classes do to a face."""

    targets: Tensor
    """(29, K) coefficients."""
    strength: Tensor
    """(29,) logarithm of the pull at the phone itself."""
    reach: Tensor
    """(29, 2) logarithm of the seconds after which the pull has fallen to 1 / e, before and after the phone."""

    def motion(self, phones: np.ndarray, frames: int) -> Tensor:
        """The coefficients (T, K) of an utterance.

        Args:
            phones: (P, 3) class, start s, end s, in order; class -1 counts as silence.
            frames: T, 25 a second.
        """
        classes, away = _neighbours(phones, frames)
        reach = self.reach.exp()[classes]
        fall = torch.where(away < 0, away / reach[..., 0], -away / reach[..., 1])
        shares = torch.softmax(self.strength[classes] + fall, dim=1)
        return (shares[..., None] * self.targets[classes]).sum(dim=1)


def fit_dominance(utterances: list[tuple[np.ndarray, np.ndarray]]) -> Dominance:
    """Fits targets, strengths and reaches to tracked motion by least squares.

    Args:
        utterances: phones (P, 3) and coefficients (T, K) of each clip; all clips of one amplitude. Each may have an
            offset of its own.
    """
    width = utterances[0][1].shape[1]
    targets = torch.zeros(len(CLASSES), width, requires_grad=True)
    strength = torch.zeros(len(CLASSES), requires_grad=True)
    reach = torch.full((len(CLASSES), 2), float(np.log(0.06)), requires_grad=True)
    offsets = torch.zeros(len(utterances), width, requires_grad=True)
    fitted = Dominance(targets, strength, reach)
    truth = torch.from_numpy(np.concatenate([motion for _, motion in utterances]).astype(np.float32))
    clip = torch.cat([torch.full((len(motion),), number) for number, (_, motion) in enumerate(utterances)])
    optimiser = torch.optim.Adam([targets, strength, reach, offsets], 0.03)
    for _ in range(_STEPS):
        said = torch.cat([fitted.motion(phones, len(motion)) for phones, motion in utterances])
        loss = functional.mse_loss(said + offsets[clip], truth)
        loss = loss + 1e-3 * (targets.square().mean() + strength.square().mean()) + 0.05 * offsets.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            reach.clamp_(float(np.log(0.02)), float(np.log(0.3)))
    own = torch.tensor([CLASS_INDEX[_LIKE.get(name, name)] for name in CLASSES])
    return Dominance(targets.detach()[own], strength.detach()[own], reach.detach()[own])


def spoken_motion(dominance: Dominance, phones: np.ndarray, frames: int, mouth: Mouth, moved: list[int]) -> np.ndarray:
    """The coefficients (T, K) for an utterance whose phones are known, lips shut on p, b and m.

    Args:
        dominance: fitted on the coefficients ``moved``.
        phones: (P, 3) class, start s, end s.
        frames: T.
        mouth: of the face model.
        moved: the coefficients of the face model that K stands for.
    """
    motion = dominance.motion(phones, frames).double().numpy()
    times = (np.arange(frames) + 0.5) / 25
    shut = np.zeros(frames)
    for _, start, end in phones[np.isin(phones[:, 0], BILABIALS)]:
        shut = np.maximum(shut, np.clip(1.5 - np.maximum(start - times, times - end).clip(0) * 25, 0, 1))
    whole = np.zeros((frames, len(mouth.slope)))
    whole[:, moved] = motion
    return mouth.shut(whole, shut)[:, moved].astype(np.float32)


def _neighbours(phones: np.ndarray, frames: int) -> tuple[Tensor, Tensor]:
    """The classes (T, 9) of the phones around each frame, and how many seconds ago each was; negative is to come.

    0 while a frame lies inside the phone.
    """
    classes = np.where(phones[:, 0] < 0, _SILENCE, phones[:, 0]).astype(np.int64)
    starts, ends = phones[:, 1].astype(np.float64), phones[:, 2].astype(np.float64)
    times = (np.arange(frames) + 0.5) / 25
    own = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, len(phones) - 1)
    index = own[:, None] + np.arange(-_NEIGHBOURS, _NEIGHBOURS + 1)
    outside = (index < 0) | (index >= len(phones))
    index = np.clip(index, 0, len(phones) - 1)
    away = np.maximum(times[:, None] - ends[index], 0) - np.maximum(starts[index] - times[:, None], 0)
    away[outside] = 10.0  # seconds: no pull
    return torch.from_numpy(classes[index]), torch.from_numpy(away).float()
