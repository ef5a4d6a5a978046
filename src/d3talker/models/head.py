"""The head: a face branch over an inside-mouth branch over what lies behind (TalkingGaussian, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from d3talker.config.method import BranchSettings, MethodSettings
from d3talker.fields.aligner import MotionAligner
from d3talker.fields.audio import audio_encoder
from d3talker.fields.deformation import DeformationField, Displacement, Resting
from d3talker.fields.encoder import SignalEncoder
from d3talker.fields.motion import motion_encoder
from d3talker.models.gaussians import Gaussians
from d3talker.models.refiner import Refiner, build_refiner

Signals = dict[str, Tensor]
"""The inputs (T, ...) of a clip by the signal's name: ``audio``, speech windows, and ``motion``, PNCC differences."""
Counted = Literal["all", "general", "individual"]
"""Which fields move the head: the first shared one, those beside it, or all."""
_ALIGNER_WIDTH = {"place and size": 32, "place": 16}


class DrivenField(nn.Module):
    """A deformation field with the encoder of the signal that drives it."""

    def __init__(self, field: DeformationField, encoder: SignalEncoder) -> None:
        super().__init__()
        self.field = field
        self.encoder = encoder

    def codes(self, signals: Signals, frames: Tensor) -> Tensor:
        """The codes (B, 32) of ``frames`` (B,)."""
        return self.encoder(signals[self.field.settings.signal], frames)

    def clip_codes(self, signals: Signals) -> Tensor:
        """The codes (T, 32) of every frame of a clip."""
        return self.encoder.clip(signals[self.field.settings.signal])


class Branch(nn.Module):
    """One part of the head: a cloud, and fields whose displacements are summed (D3-Talker, eq. 8)."""

    def __init__(
        self, settings: BranchSettings, channels: int, gaussians: Gaussians, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.gaussians = gaussians
        encoders: dict[str, Callable[[], SignalEncoder]] = {
            "audio": lambda: audio_encoder(channels, generator),
            "motion": lambda: motion_encoder(generator),
        }
        self.fields = nn.ModuleList(
            DrivenField(DeformationField(field, generator), encoders[field.signal]()) for field in settings.fields
        )
        self.aligner = (
            None
            if settings.align == "none"
            else MotionAligner(_ALIGNER_WIDTH[settings.align], settings.align == "place and size", generator)
        )

    @property
    def driven(self) -> list[DrivenField]:
        """The fields with their encoders."""
        return [field for field in self.fields if isinstance(field, DrivenField)]

    def rest(self) -> list[Resting]:
        """What each field knows of the cloud before anybody speaks."""
        return self.rest_at(self.gaussians.means)

    def rest_at(self, points: Tensor) -> list[Resting]:
        """The same of any points (N, 3) metres; shared fields are asked where the aligner says."""
        if self.aligner is None:
            return [driven.field.rest(points) for driven in self.driven]
        offset, size = self.aligner(points)
        return [
            replace(driven.field.rest(points + offset), size=size)
            if driven.field.settings.shared
            else driven.field.rest(points)
            for driven in self.driven
        ]

    @property
    def shared(self) -> list[int]:
        """The places of the fields that pre-training teaches, the General one first."""
        return [place for place, driven in enumerate(self.driven) if driven.field.settings.shared]

    def counts(self, counted: Counted) -> list[int]:
        """The places of the fields that count."""
        general = self.shared[:1]
        return [
            place
            for place in range(len(self.driven))
            if counted == "all" or (place in general) == (counted == "general")
        ]

    def parts(
        self,
        resting: list[Resting],
        codes: list[Tensor],
        expression: Tensor,
        hook: Tensor | None = None,
    ) -> list[Displacement]:
        """What each field does in one frame: codes (32,), expression (6,), the face's hook (3,)."""
        told = zip(self.driven, resting, codes, strict=True)
        return [driven.field(rest, code, expression, hook) for driven, rest, code in told]

    def alone(self, parts: list[Displacement]) -> list[Displacement]:
        """What the branch would do, were each of its shared fields the only one: ``parts`` as :meth:`parts` gave them.

        Fields that share a motion are taught one by one to say all of it, for then their mistakes differ and their mean
        is better than each. A second one that learns what the first leaves learns its mistakes on the clip.
        """
        shared = self.shared
        if len(shared) < 2:
            return [total(parts)]
        own = [part for place, part in enumerate(parts) if place not in shared]
        return [total([parts[s].times(1.0 / self.driven[s].field.settings.share), *own]) for s in shared]


def total(parts: list[Displacement]) -> Displacement:
    """The sum of the displacements of several fields."""
    summed = parts[0]
    for part in parts[1:]:
        summed = summed + part
    return summed


class Head(nn.Module):
    """Both branches of one person, and what repaints their picture."""

    def __init__(self, face: Branch, mouth: Branch, refiner: Refiner | None = None) -> None:
        super().__init__()
        self.face = face
        self.mouth = mouth
        self.refiner = refiner


def build_head(
    method: MethodSettings, channels: int, face: Gaussians, mouth: Gaussians, generator: torch.Generator
) -> Head:
    """A head of ``method`` for speech features with ``channels``, its fields freshly drawn from ``generator``."""
    return Head(
        Branch(method.face, channels, face, generator),
        Branch(method.mouth, channels, mouth, generator),
        None if method.refiner is None else build_refiner(method.refiner, generator),
    )
