"""What facial motion means at the face points: the General field is told it besides the pictures (ours).

Facial motion knows where its own mesh goes, so this teacher has no noise and any speech will do: the clip's own and,
for more motions than a few seconds hold, recordings that the package ships (docs/results.md has the comparison).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from d3talker.faces.fit import told_motion
from d3talker.faces.model import FaceModel
from d3talker.faces.pncc import Pncc
from d3talker.faces.points import LIPS, LOWER_FACE
from d3talker.fields.deformation import Resting
from d3talker.fields.encoder import SignalEncoder
from d3talker.fields.motion import PICTURE
from d3talker.losses.regularisers import landmark_error
from d3talker.models.head import Branch
from d3talker.recipes.hearing import moved
from d3talker.signals.motion import MotionSource
from d3talker.signals.speech import SoundSource
from d3talker.speaker.speech import RECORDINGS, built_in_speech

TOLD_NOISE = 0.3
"""Of the noise on the codes of facial motion, times that on sound: they tell exactly what is wanted of the field."""
_AT_ONCE = 50  # pictures


@dataclass(frozen=True)
class ToldMotion:
    """The facial motion of n frames of speech."""

    model: FaceModel
    """What moves."""
    coefficients: Tensor
    """(n, Ke) of it."""
    points: Tensor
    """(n, 468, 3) metres: where they move a person's face points, from where they rest."""

    def differences(self) -> Iterator[Tensor]:
        """What the General field's encoder sees: pieces (m, 3, 256, 256) int8, drawn as they are asked for."""
        pncc = Pncc(self.model, PICTURE)
        for piece in self.coefficients.cpu().split(_AT_ONCE):
            yield moved(pncc, piece.numpy())


def shipped_speech() -> list[SoundSource]:
    """The recordings of the package: 25 s."""

    def sound(name: str) -> Iterator[np.ndarray]:
        yield built_in_speech(name).samples

    return [partial(sound, name) for name in RECORDINGS]


def tell_motion(
    source: MotionSource, sounds: Sequence[SoundSource], face_shape: Tensor, face_motion: Tensor
) -> list[ToldMotion]:
    """The facial motion of several sounds, the clip's own first.

    Args:
        source: with the person's style.
        sounds: that of the clip, then any others.
        face_shape: (468, 3) metres, the person's face points at rest.
        face_motion: (T, 468, 3) metres, where they were tracked; the clip's own motion, which is cut to T frames, has
            the same mean.
    """
    model, device = source.face_model.to(face_shape.device), face_shape.device
    runs = [torch.from_numpy(np.concatenate(list(source.coefficients(sound)))).to(device) for sound in sounds]
    runs[0] = runs[0][: len(face_motion)]
    points = [told_motion(model, run, face_shape) for run in runs]
    offset = face_motion.mean(dim=0) - points[0].mean(dim=0)
    return [ToldMotion(source.face_model, run, to + offset) for run, to in zip(runs, points, strict=True)]


class ToldLesson:
    """How far the General field is from what facial motion says of one moment of any speech, drawn at random.

    Args:
        branch: of the face; the encoder of its General field rests.
        told: the motion.
        weights: (468,) of the face points; those of the lower face count.
        deviation: of the noise on the codes, see :class:`~d3talker.recipes.adapt.codes.NoisyCodes`.
        generator: of moments and noise.
    """

    def __init__(
        self, branch: Branch, told: list[ToldMotion], weights: Tensor, deviation: float, generator: torch.Generator
    ) -> None:
        (place,) = branch.counts("general")
        self._field, self._place = branch.driven[place].field, place
        self._whole = 1.0 / self._field.settings.share
        codes = [_codes(branch.driven[place].encoder, motion) for motion in told]
        self._codes, self._points = torch.cat(codes), torch.cat([motion.points for motion in told])
        self._noise = TOLD_NOISE * deviation * codes[0].std(dim=0)
        self._generator = generator
        lower = torch.zeros_like(weights)
        lower[np.concatenate([LIPS, LOWER_FACE])] = 1.0
        self._weights = weights * lower / (weights * lower).sum()

    def __call__(self, resting: list[Resting], expression: Tensor) -> Tensor:
        """The weighted mean distance in centimetres, for ``resting`` face points and any ``expression`` (6,)."""
        moment = int(torch.randint(len(self._codes), (1,), generator=self._generator))
        noise = torch.randn(self._noise.shape, generator=self._generator).to(self._noise.device, non_blocking=True)
        moved = self._field(resting[self._place], self._codes[moment] + self._noise * noise, expression)
        return landmark_error(moved.times(self._whole), self._points[moment], self._weights)


@torch.no_grad()
def _codes(encoder: SignalEncoder, motion: ToldMotion) -> Tensor:
    features = torch.cat([encoder.net(piece.to(motion.points.device)) for piece in motion.differences()])
    frames = torch.arange(len(features), device=features.device)
    return encoder.look(features[encoder.around(frames, len(features))])
