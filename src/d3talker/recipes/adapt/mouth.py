"""The mouth stage: teeth, tongue and cavity, learned where the lips part (TalkingGaussian, section 3.3)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from d3talker.config.training import AdaptSettings
from d3talker.fields.deformation import Displacement
from d3talker.losses.regularisers import coverage
from d3talker.models.density import DensityControl
from d3talker.models.gaussians import draw
from d3talker.models.head import Head, total
from d3talker.ops.photometric import photometric_loss
from d3talker.recipes.adapt.codes import NoisyCodes, face_hooks
from d3talker.recipes.adapt.curriculum import draw_frame, open_mouths
from d3talker.recipes.adapt.frames import TrainingFrames
from d3talker.recipes.adapt.held_out import HeldOut, quiet_codes
from d3talker.recipes.adapt.stage import GREEN, BranchOptimiser, Contrast, Lesson, PerceptualTerm, heard_at, numbers
from d3talker.recipes.adapt.unseen import unseen
from d3talker.tracking.masks import MOUTH

SMALLEST_MOUTH = 20
"""Pixels at a resolution of 512 below which the inside of the mouth teaches nothing."""


class MouthStage(Lesson):
    """Learns the inside of the mouth over green.

    The box of the lips outside the open mouth is "don't care", so that the branch may reach behind the lips.
    """

    name = "mouth"

    def __init__(
        self, head: Head, frames: TrainingFrames, preset: AdaptSettings, generator: torch.Generator, shared: float = 1.0
    ) -> None:
        self.branch, self.frames, self.generator = head.mouth, frames, generator
        self.settings = s = preset.mouth
        self.optimiser = BranchOptimiser(self.branch, s.gaussians, s.fields, s.iterations, shared)
        self.codes = NoisyCodes(self.branch, frames, preset.feature_noise, generator, s.fields.encoder > 0.0)
        self.hooks = face_hooks(head.face, frames) if any(f.field.settings.hook for f in self.branch.driven) else None
        self.density = DensityControl(s.density, s.gaussians.extent, self.branch.gaussians)
        size = np.array([(np.asarray(frames.labels[frame]) == MOUTH).sum() for frame in frames.fitted])
        smallest = SMALLEST_MOUTH * (frames.resolution / 512) ** 2
        self.open = frames.fitted[size >= smallest]
        self.iterations, self.patience = s.iterations if len(self.open) else 0, s.patience
        self.held_out = HeldOut(s, self.open)
        self.quiet_codes = quiet_codes(self.branch, frames) if s.patience else None
        self.perceptual = PerceptualTerm(self.settings.loss, self.settings.perceptual_from, frames, generator)
        self.fine = False
        self.green = torch.tensor(GREEN, device=frames.device)

    def learn(self, iteration: int, contrast: Contrast | None = None) -> dict[str, float]:
        """Computes the gradients of an iteration; ``contrast`` is what other people say to it in pre-training."""
        s, frame = self.settings, self._choose(iteration)
        self.optimiser.set_rates(iteration)
        colours_only = 0 < s.colours_only_from < iteration
        background = torch.zeros_like(self.green) if colours_only else self.green
        frames = self.frames.for_iteration(iteration, s.coarse_until)
        inside = frames.label(frame) == MOUTH
        box = _lip_box(frames, frame, inside)
        ignored = (box & ~inside)[..., None]
        target = torch.where(inside[..., None], frames.picture(frame), background)

        displacement, codes, hook = None, [], None
        if iteration > s.warm_up:
            codes, hook = heard_at(self.branch, s, iteration, self.codes(frame)), self._hook(frame)
            expression = frames.expression[frame]
            displacement = total(self.branch.parts(self.branch.rest(), codes, expression, hook))
        gaussians = self.branch.gaussians
        probe = torch.zeros(1, len(gaussians), 2, device=self.frames.device, requires_grad=True)
        rendered = draw(
            gaussians,
            displacement,
            frames.world_to_cam[frame],
            frames.intrinsics,
            frames.resolution,
            background,
            probe,
        )
        image = torch.where(ignored, background, rendered.features)
        photometric = photometric_loss(image, target, s.loss.structure)
        loss = photometric + self.perceptual(iteration, frame, image, target)
        if displacement is not None:
            loss = loss + s.loss.alpha * coverage(rendered.alpha, inside.float(), (~box).float())
            if contrast is not None and iteration > s.own_from and not colours_only:
                loss = loss + contrast(frame, codes, hook)
        checked = [] if displacement is None else [displacement.position.sum()]  # or nobody would be seen to move
        told, *whole = numbers(photometric, loss, *checked)
        self.fine = all(map(math.isfinite, whole))
        if not self.fine:
            return {"loss": float("nan")}
        loss.backward()
        self.density.observe(probe, rendered.radii, frames.resolution)
        if colours_only:
            self._keep_only_colour_gradients()
        return {"loss": told, "gaussians": float(len(gaussians))}

    def settle(self, iteration: int) -> None:
        """Takes the step of the gradients that :meth:`learn` found, if it found any."""
        if not self.fine:
            self.optimiser.forget()
            return
        self.optimiser.step()
        gaussians, least = self.branch.gaussians, self.settings.density.least
        self.density.step(iteration, gaussians, self.optimiser.gaussians, self.generator)
        if self.density.looks_for_unseen(iteration):
            gone = unseen(gaussians, self._moved, self.frames, self.open, least)
            self.density.drop(gone, gaussians, self.optimiser.gaussians)

    def _moved(self, frame: int) -> Displacement:
        codes, expression = self.codes(frame), self.frames.expression[frame]
        return total(self.branch.parts(self.branch.rest(), codes, expression, self._hook(frame)))

    def unseen_error(self, iteration: int) -> float | None:
        """See :class:`Stage`."""
        return self.held_out.error(iteration, self._error)

    def _error(self, frame: int) -> Tensor:
        assert self.quiet_codes is not None
        frames, inside = self.frames, (self.frames.label(frame) == MOUTH)[..., None]
        hook = None if self.hooks is None else self.hooks[frame].mean(dim=0)
        parts = self.branch.parts(self.branch.rest(), self.quiet_codes(frame), frames.expression[frame], hook)
        camera = frames.world_to_cam[frame], frames.intrinsics
        rendered = draw(self.branch.gaussians, total(parts), *camera, frames.resolution, self.green)
        return torch.where(inside, frames.picture(frame) - rendered.features, 0.0).abs().sum() / inside.sum()

    def _hook(self, frame: int) -> Tensor | None:
        """The face's hook of a frame, of Gaussians more or less extreme by chance."""
        if self.hooks is None:
            return None
        return self.hooks[frame, int(torch.randint(self.hooks.shape[1], (1,), generator=self.generator))]

    def _choose(self, iteration: int) -> int:
        s, opening = self.settings, self.frames.lip_opening
        candidates = among = self.held_out.candidates(iteration)
        if iteration <= s.warm_up:
            candidates = open_mouths(opening, 0.0, among)
        elif s.curriculum_every and iteration % s.curriculum_every == 0 and iteration <= s.curriculum_stop:
            candidates = open_mouths(opening, iteration / s.curriculum_stop, among)
        return draw_frame(candidates, self.generator)

    def _keep_only_colour_gradients(self) -> None:
        gaussians = self.branch.gaussians
        colours = {id(gaussians.colour), id(gaussians.colour_detail)}
        for parameter in self.branch.parameters():
            if id(parameter) not in colours:
                parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """See :class:`Stage`."""
        return {**self.optimiser.tensors(), **self.density.tensors()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """See :class:`Stage`."""
        self.optimiser.restore(tensors)
        self.density.restore(tensors)


def _lip_box(frames: TrainingFrames, frame: int, inside: Tensor) -> Tensor:
    top, bottom, left, right = frames.lip_boxes[frame]
    box = inside.clone()
    box[:, top:bottom, left:right] = True
    return box
