"""What facial motion means at the face points: the General field is told it besides the pictures (ours).

Facial motion knows where its own mesh goes, so this teacher has no noise and any speech will do: the clip's own and,
for more motions than a few seconds hold, recordings that the package ships (docs/results.md has the comparison).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from d3talker.core.files import array_file, atomic_file
from d3talker.faces.fit import told_motion
from d3talker.faces.pncc import Pncc
from d3talker.faces.points import LIPS, LOWER_FACE
from d3talker.fields.deformation import Resting
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

    coefficients: Tensor
    """(n, Ke) of the face model."""
    differences: Tensor
    """(n, 3, 256, 256) int8, what the General field's encoder sees; mapped from disk."""
    points: Tensor
    """(n, 468, 3) metres: where it moves a person's face points, from where they rest."""


def shipped_speech() -> list[SoundSource]:
    """The recordings of the package: 23 s."""

    def sound(name: str) -> Iterator[np.ndarray]:
        yield built_in_speech(name).samples

    return [partial(sound, name) for name in RECORDINGS]


def tell_motion(
    source: MotionSource,
    sounds: Sequence[SoundSource],
    face_shape: Tensor,
    face_motion: Tensor,
    cache: Path,
) -> list[ToldMotion]:
    """The facial motion of several sounds, the clip's own first.

    Args:
        source: with the person's style.
        sounds: that of the clip, then any others.
        face_shape: (468, 3) metres, the person's face points at rest.
        face_motion: (T, 468, 3) metres, where they were tracked; the clip's own motion, which is cut to T frames, has
            the same mean.
        cache: folder for the pictures.
    """
    told, device = [], face_shape.device
    model, pncc, offset = source.face_model.to(device), Pncc(source.face_model, PICTURE), None
    for number, sound in enumerate(sounds):
        coefficients = np.concatenate(list(source.coefficients(sound)))
        if number == 0:
            coefficients = coefficients[: len(face_motion)]
        path = cache / f"motion-{number}.npy"
        shape = (len(coefficients), 3, PICTURE, PICTURE)
        with atomic_file(path) as partial, array_file(partial, shape, "i1") as file:
            for start in range(0, len(coefficients), _AT_ONCE):
                file.write(moved(pncc, coefficients[start : start + _AT_ONCE]).numpy().tobytes())
        known = torch.from_numpy(coefficients).to(device)
        points = told_motion(model, known, face_shape)
        offset = face_motion.mean(dim=0) - points.mean(dim=0) if offset is None else offset
        told.append(ToldMotion(known, torch.from_numpy(np.load(path, mmap_mode="c")), points + offset))
    return told


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
        with torch.no_grad():
            codes = [branch.driven[place].encoder.clip(motion.differences) for motion in told]
        self._codes, self._points = torch.cat(codes), torch.cat([motion.points for motion in told])
        self._noise = TOLD_NOISE * deviation * codes[0].std(dim=0)
        self._generator = generator
        lower = torch.zeros_like(weights)
        lower[np.concatenate([LIPS, LOWER_FACE])] = 1.0
        self._weights = weights * lower / (weights * lower).sum()

    def __call__(self, resting: list[Resting], expression: Tensor) -> Tensor:
        """The weighted mean distance in centimetres, for ``resting`` face points and any ``expression`` (6,)."""
        moment = int(torch.randint(len(self._codes), (1,), generator=self._generator))
        noise = torch.randn(self._noise.shape, generator=self._generator).to(self._noise.device)
        moved = self._field(resting[self._place], self._codes[moment] + self._noise * noise, expression)
        return landmark_error(moved, self._points[moment], self._weights)
