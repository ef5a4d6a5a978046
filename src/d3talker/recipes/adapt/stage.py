"""What the three stages share: optimisers with their schedules, and a state that can be written down."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from d3talker.config.training import FieldRates, GaussianRates, LossSettings, StageSettings
from d3talker.fields.aligner import MotionAligner
from d3talker.losses.perceptual import SMALLEST, Perceptual, load_perceptual, patches
from d3talker.models.density import gaussian_groups
from d3talker.models.gaussians import Gaussians
from d3talker.models.head import Branch, DrivenField
from d3talker.recipes.adapt.frames import TrainingFrames

GREEN = (0.0, 1.0, 0.0)
"""The background of the branches' own pictures: what is green there must stay empty."""


def heard_at(branch: Branch, settings: StageSettings, iteration: int, codes: list[Tensor]) -> list[Tensor]:
    """What the fields hear in ``iteration`` of the codes (32,): at first those beside shared ones hear nothing.

    They learn how the upper face moves, which has no other teacher than the person; the speech is left to the others.
    """
    if iteration > settings.own_from or not branch.shared:
        return codes
    pairs = zip(branch.driven, codes, strict=True)
    return [code if driven.field.settings.shared else torch.zeros_like(code) for driven, code in pairs]


def numbers(*told: Tensor) -> list[float]:
    """Several tensors of one number each, read at once: a step waits for a GPU no more often than it must."""
    return torch.stack(told).tolist()


class Stage(Protocol):
    """One stage of training."""

    name: str
    iterations: int
    patience: int = 0
    """See :class:`d3talker.config.training.StageSettings`."""

    def unseen_error(self, iteration: int) -> float | None:
        """The error on a held-out second, if the stage has one and it is time to look after ``iteration``."""
        return None

    def step(self, iteration: int) -> dict[str, float]:
        """Does iteration 1, 2, ... and tells its losses."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """All state beyond the head itself, by name."""
        ...

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes up the state that :meth:`tensors` gave."""
        ...


class Lesson(Stage, Protocol):
    """A stage whose gradients and whose step are apart, so that several people can learn together."""

    def step(self, iteration: int) -> dict[str, float]:
        """See :class:`Stage`."""
        told = self.learn(iteration)
        self.settle(iteration)
        return told

    def learn(self, iteration: int, contrast: Contrast | None = None) -> dict[str, float]:
        """Computes the gradients of an iteration; ``contrast`` is what other people say to it."""
        ...

    def settle(self, iteration: int) -> None:
        """Takes the step of these gradients."""
        ...


class Contrast(Protocol):
    """What the fields of other people say to one person's in pre-training: a loss."""

    def __call__(self, frame: int, codes: list[Tensor], hook: Tensor | None = None) -> Tensor:
        """Of one frame with the signal codes (32,) of the person's fields and the face's hook (3,)."""
        ...


class BranchOptimiser:
    """Adam for the Gaussians of a branch and AdamW for its fields, with the schedules of both.

    Args:
        branch: what learns.
        gaussians: rates of the cloud.
        fields: rates of the fields.
        iterations: of the stage.
        shared: factor on the rates of shared fields in the first part of the stage: 1 where they start from nothing,
            less where a prior taught them; 0 leaves them to somebody else.
    """

    def __init__(
        self,
        branch: Branch,
        gaussians: GaussianRates,
        fields: FieldRates,
        iterations: int,
        shared: float = 1.0,
    ) -> None:
        self.gaussian_rates, self.field_rates, self.iterations = gaussians, fields, iterations
        self.shared = shared
        self.gaussians = gaussian_optimiser(branch.gaussians, gaussians)
        groups = field_groups([driven for driven in branch.driven if not driven.field.settings.shared], fields)
        if shared > 0.0:
            everybodys = [driven for driven in branch.driven if driven.field.settings.shared]
            groups += [{**group, "shared": True} for group in field_groups(everybodys, fields)]
        if branch.aligner is not None:
            groups += _aligner_groups(branch.aligner, fields)
        self.fields = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), fused=True)

    def set_rates(self, iteration: int) -> None:
        """The learning rates of ``iteration``."""
        rates, progress = self.gaussian_rates, iteration / self.iterations
        position = math.exp((1 - progress) * math.log(rates.position) + progress * math.log(rates.position_end))
        self.gaussians.param_groups[0]["lr"] = position * rates.extent
        held = self.shared if progress < self.field_rates.shared_until else 1.0
        for group in self.fields.param_groups:
            factor = held if group.get("shared") else 1.0
            group["lr"] = factor * group["rate"] * 0.5 ** (progress / self.field_rates.half_life)

    def step(self) -> None:
        """One step of both, then forgets the gradients."""
        for optimiser in (self.gaussians, self.fields):
            optimiser.step()
        self.forget()

    def forget(self) -> None:
        """Drops the gradients."""
        for optimiser in (self.gaussians, self.fields):
            optimiser.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """The momenta of both, by name."""
        return {**optimiser_tensors(self.gaussians, "gaussians"), **optimiser_tensors(self.fields, "fields")}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes up what :meth:`tensors` gave."""
        restore_optimiser(self.gaussians, "gaussians", tensors)
        restore_optimiser(self.fields, "fields", tensors)


def gaussian_optimiser(gaussians: Gaussians, rates: GaussianRates) -> torch.optim.Adam:
    """Adam with one named group a tensor."""
    by_name = {
        "means": rates.position * rates.extent,
        "raw_scales": rates.scale,
        "raw_rotations": rates.rotation,
        "raw_opacities": rates.opacity,
        "colour": rates.colour,
        "colour_detail": rates.colour / 20,
    }
    return torch.optim.Adam(gaussian_groups(gaussians, by_name), lr=0.0, eps=1e-15, fused=True)


def field_groups(fields: list[DrivenField], rates: FieldRates) -> list[dict]:
    """Parameter groups of AdamW for fields and their encoders, each with its own ``rate``."""
    if not fields:
        return []
    grids = [driven.field.tables for driven in fields]
    networks = [p for driven in fields for p in driven.field.parameters() if p is not driven.field.tables]
    groups: list[dict] = [
        {"params": grids, "rate": rates.grid, "weight_decay": rates.grid_decay},
        {"params": networks, "rate": rates.network, "weight_decay": 0.0},
    ]
    if rates.encoder > 0.0:
        nets = [p for driven in fields for p in driven.encoder.net.parameters()]
        looks = [p for driven in fields for p in driven.encoder.look.parameters()]
        groups.append({"params": nets, "rate": rates.encoder * rates.network, "weight_decay": 0.0})
        attention = rates.encoder * rates.attention
        groups.append({"params": looks, "rate": attention, "weight_decay": rates.attention_decay})
    return groups


def _aligner_groups(aligner: MotionAligner, rates: FieldRates) -> list[dict]:
    return [
        {"params": [aligner.tables], "rate": rates.aligner * rates.grid, "weight_decay": rates.grid_decay},
        {"params": list(aligner.network), "rate": rates.aligner * rates.network, "weight_decay": 0.0},
    ]


def optimiser_tensors(optimiser: torch.optim.Optimizer, prefix: str) -> dict[str, Tensor]:
    """The state of an optimiser as tensors named ``prefix.group.parameter.key``."""
    return {
        f"{prefix}.{g}.{p}.{key}": value
        for g, group in enumerate(optimiser.param_groups)
        for p, parameter in enumerate(group["params"])
        for key, value in optimiser.state.get(parameter, {}).items()
    }


def restore_optimiser(optimiser: torch.optim.Optimizer, prefix: str, tensors: dict[str, Tensor]) -> None:
    """Takes up the state that :func:`optimiser_tensors` gave; learning rates stay those of the optimiser."""
    for g, group in enumerate(optimiser.param_groups):
        for p, parameter in enumerate(group["params"]):
            start = f"{prefix}.{g}.{p}."
            state = {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}
            if state:
                optimiser.state[parameter] = {k: v.to(parameter.device, copy=True) for k, v in state.items()}


class PerceptualTerm:
    """LPIPS near the end of a stage: on patches of changing size, and on the box of the lips.

    Does nothing, and needs no net, where the settings give it no weight.
    """

    def __init__(
        self,
        settings: LossSettings,
        begin: int,
        frames: TrainingFrames,
        generator: torch.Generator,
        load: Callable[[], Perceptual] = load_perceptual,
    ) -> None:
        self._settings, self._begin, self._frames, self._generator = settings, begin, frames, generator
        self._net = load().to(frames.device) if settings.perceptual > 0.0 else None

    def __call__(self, iteration: int, frame: int, image: Tensor, target: Tensor) -> Tensor | float:
        """The weighted distance of ``image`` and ``target`` (1, R, R, 3), 0 before the term begins."""
        if self._net is None or iteration <= self._begin:
            return 0.0
        s, resolution = self._settings, self._frames.resolution
        low, high = s.patch
        drawn = low + int(torch.randint(high - low + 1, (1,), generator=self._generator))
        side = min(resolution, max(SMALLEST, round(drawn * resolution / 512)))
        loss = s.perceptual * self._net(patches(image, side), patches(target, side)).mean()
        if s.perceptual_lips > 0.0:
            top, bottom, left, right = (int(v) for v in self._frames.lip_boxes[frame])
            top, left = min(top, resolution - SMALLEST), min(left, resolution - SMALLEST)
            box = slice(top, max(bottom, top + SMALLEST)), slice(left, max(right, left + SMALLEST))
            loss = loss + s.perceptual_lips * self._net(image[:, *box], target[:, *box]).mean()
        return loss
