"""The head: a face branch over an inside-mouth branch over what lies behind (TalkingGaussian, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d3talker.config.method import BranchSettings, MethodSettings
from d3talker.fields.audio import AudioEncoder
from d3talker.fields.deformation import DeformationField, Displacement, Resting
from d3talker.models.gaussians import Gaussians
from d3talker.ops.rasterize import Rendered


class DrivenField(nn.Module):
    """A deformation field with the encoder of the signal that drives it."""

    def __init__(self, field: DeformationField, encoder: AudioEncoder) -> None:
        super().__init__()
        self.field = field
        self.encoder = encoder


class Branch(nn.Module):
    """One part of the head: a cloud, and fields whose displacements are summed."""

    def __init__(
        self, settings: BranchSettings, channels: int, gaussians: Gaussians, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.gaussians = gaussians
        self.fields = nn.ModuleList(
            DrivenField(DeformationField(field, generator), AudioEncoder(channels, generator))
            for field in settings.fields
        )

    @property
    def driven(self) -> list[DrivenField]:
        """The fields with their encoders."""
        return [field for field in self.fields if isinstance(field, DrivenField)]

    def rest(self) -> list[Resting]:
        """What each field knows of the cloud before anybody speaks."""
        return self.rest_at(self.gaussians.means)

    def rest_at(self, points: Tensor) -> list[Resting]:
        """The same of any points (N, 3) metres."""
        return [driven.field.rest(points) for driven in self.driven]

    def codes(self, windows: Tensor, frames: Tensor) -> list[Tensor]:
        """The signal codes (B, 32) of ``frames`` (B,) for each field, from the windows (T, 16, C) of a clip."""
        return [driven.encoder(windows, frames) for driven in self.driven]

    def displace(self, resting: list[Resting], codes: list[Tensor], expression: Tensor) -> Displacement:
        """The summed displacement for one frame: codes (32,) for each field, expression (6,)."""
        parts = zip(self.driven, resting, codes, strict=True)
        return total([driven.field(rest, code, expression) for driven, rest, code in parts])


def total(parts: list[Displacement]) -> Displacement:
    """The sum of the displacements of several fields."""
    summed = parts[0]
    for part in parts[1:]:
        summed = summed + part
    return summed


class Head(nn.Module):
    """Both branches of one person."""

    def __init__(self, face: Branch, mouth: Branch) -> None:
        super().__init__()
        self.face = face
        self.mouth = mouth


def build_head(
    method: MethodSettings, channels: int, face: Gaussians, mouth: Gaussians, generator: torch.Generator
) -> Head:
    """A head of ``method`` for speech features with ``channels``, its fields freshly drawn from ``generator``."""
    return Head(
        Branch(method.face, channels, face, generator),
        Branch(method.mouth, channels, mouth, generator),
    )


def compose(face: Rendered, mouth: Rendered, behind: Tensor) -> Tensor:
    """Face over mouth over ``behind`` (B, H, W, 3); both were rendered over black, so their colours carry alpha."""
    inner = mouth.features + behind * (1.0 - mouth.alpha[..., None])
    return face.features + inner * (1.0 - face.alpha[..., None])
