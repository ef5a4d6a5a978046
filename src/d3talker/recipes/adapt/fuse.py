"""The fuse stage: both branches in one picture, colours and the face's opacity settle together."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from d3talker.config.training import AdaptSettings
from d3talker.models.animate import Codes, Moves, draw_coarse
from d3talker.models.head import Head
from d3talker.ops.photometric import photometric_loss
from d3talker.recipes.adapt.curriculum import draw_frame
from d3talker.recipes.adapt.frames import TrainingFrames
from d3talker.recipes.adapt.stage import PerceptualTerm, Stage, gaussian_optimiser, optimiser_tensors, restore_optimiser

_LEARNS = {"face": ("raw_opacities", "colour", "colour_detail"), "mouth": ("colour", "colour_detail")}


class FuseStage(Stage):
    """Learns on whole pictures, over the torso and the background of the same frame; nothing moves any more."""

    name = "fuse"

    def __init__(self, head: Head, frames: TrainingFrames, preset: AdaptSettings, generator: torch.Generator) -> None:
        self.head, self.frames, self.settings, self.generator = head, frames, preset.fuse, generator
        self.iterations = self.settings.iterations
        self.optimisers = {
            name: gaussian_optimiser(branch.gaussians, self.settings.gaussians)
            for name, branch in (("face", head.face), ("mouth", head.mouth))
        }
        for name, optimiser in self.optimisers.items():
            for group in optimiser.param_groups:
                if group["name"] not in _LEARNS[name]:
                    group["lr"] = 0.0
        self.perceptual = PerceptualTerm(self.settings.loss, self.settings.perceptual_from, frames, generator)
        self.everyone = np.arange(len(frames))
        with torch.no_grad():
            self.moves = Moves(head)
            self.codes = [
                [driven.clip_codes(frames.signals) for driven in branch.driven] for branch in (head.face, head.mouth)
            ]

    def step(self, iteration: int) -> dict[str, float]:
        """See :class:`Stage`."""
        frame = draw_frame(self.everyone, self.generator)
        camera, intrinsics = self.frames.world_to_cam[frame], self.frames.intrinsics
        codes = Codes(*([code[frame] for code in codes] for codes in self.codes))
        moved = self.moves(codes, self.frames.expression[frame])
        image = draw_coarse(self.head, moved, camera, intrinsics, self.frames.plate(frame)).picture
        truth = self.frames.picture(frame)
        loss = photometric_loss(image, truth, self.settings.loss.structure)
        loss = loss + self.perceptual(iteration, frame, image, truth)
        told = loss.item()
        if math.isfinite(told):
            loss.backward()
            for optimiser in self.optimisers.values():
                optimiser.step()
        for optimiser in self.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
        return {"loss": told}

    def tensors(self) -> dict[str, Tensor]:
        """See :class:`Stage`."""
        return {
            key: value
            for name, optimiser in self.optimisers.items()
            for key, value in optimiser_tensors(optimiser, name).items()
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """See :class:`Stage`."""
        for name, optimiser in self.optimisers.items():
            restore_optimiser(optimiser, name, tensors)
