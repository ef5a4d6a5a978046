"""The face stage: a static head first, then the field that moves it with the speech (TalkingGaussian, section 3.4)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from d3talker.config.training import AdaptSettings
from d3talker.faces.points import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from d3talker.fields.deformation import Resting
from d3talker.losses.regularisers import coverage, landmark_error, misplaced_attention, motion_size
from d3talker.models.density import DensityControl, remove
from d3talker.models.gaussians import draw
from d3talker.models.head import Head
from d3talker.ops.camera import project
from d3talker.ops.photometric import photometric_loss
from d3talker.recipes.adapt.curriculum import closing_eyes, draw_frame, opening_mouths
from d3talker.recipes.adapt.frames import MESH_POINTS, TrainingFrames
from d3talker.recipes.adapt.stage import GREEN, BranchOptimiser, PerceptualTerm, noisy_codes
from d3talker.tracking.masks import FACE, HAIR


class FaceStage:
    """Learns skin, hair and lips over green; the inside of the mouth stays green, so the branch leaves it open."""

    name = "face"

    def __init__(self, head: Head, frames: TrainingFrames, preset: AdaptSettings, generator: torch.Generator) -> None:
        self.branch, self.frames, self.generator = head.face, frames, generator
        self.settings, self.noise = preset.face, preset.feature_noise
        self.iterations = self.settings.iterations
        self.optimiser = BranchOptimiser(self.branch, self.settings.gaussians, self.settings.fields, self.iterations)
        self.density = DensityControl(
            self.settings.density, self.settings.gaussians.extent, frames.resolution, self.branch.gaussians
        )
        self.perceptual = PerceptualTerm(self.settings.loss, self.settings.perceptual_from, frames, generator)
        self.point_weights = point_weights().to(frames.device)
        self.everyone = np.arange(len(frames))
        self.green = torch.tensor(GREEN, device=frames.device)

    def step(self, iteration: int) -> dict[str, float]:
        """See :class:`Stage`."""
        s, frame, moving = self.settings, self._choose(iteration), iteration > self.settings.warm_up
        self.optimiser.set_rates(iteration)
        label = self.frames.label(frame)
        hair = label == HAIR
        hide_hair = s.hair_from < iteration <= s.hair_to and iteration % 7 != 0
        head = (label == FACE) if hide_hair else (label == FACE) | hair
        target = torch.where(head[..., None], self.frames.picture(frame), self.green)

        camera, gaussians = self.frames.world_to_cam[frame], self.branch.gaussians
        displacement, resting, codes = None, [], []
        if moving:
            resting = self.branch.rest()
            codes = noisy_codes(self.branch, self.frames, frame, self.noise, self.generator, s.fields.encoder > 0.0)
            displacement = self.branch.displace(resting, codes, self.frames.expression[frame])
        probe = torch.zeros(1, len(gaussians), 2, device=self.frames.device, requires_grad=True)
        resolution = self.frames.resolution
        rendered = draw(gaussians, displacement, camera, self.frames.intrinsics, resolution, self.green, probe)
        image = torch.where(hair[..., None], self.green, rendered.features) if hide_hair else rendered.features

        photometric = photometric_loss(image, target, s.loss.structure)
        loss = photometric + self.perceptual(iteration, frame, image, target)
        if displacement is not None:
            everywhere = (label == FACE) | hair
            loss = loss + s.loss.alpha * coverage(rendered.alpha, everywhere.float(), (~everywhere).float())
            loss = loss + s.loss.motion * motion_size(displacement)
            loss = loss + self._landmark_loss(frame, codes)
            loss = loss + self._attention_loss(resting, frame, hair, with_hair=not hide_hair)
        if not bool(torch.isfinite(loss)):
            self.optimiser.forget()
            return {"loss": float("nan")}
        loss.backward()
        self.density.observe(probe, rendered.radii)
        self.optimiser.step()
        self.density.step(iteration, gaussians, self.optimiser.gaussians, self.generator)
        if s.density.start < iteration <= s.density.stop and iteration % s.density.every == 0:
            self._drop_green(camera)
        return {"loss": photometric.item(), "gaussians": float(len(gaussians))}

    def _choose(self, iteration: int) -> int:
        s, candidates = self.settings, self.everyone
        if s.curriculum_every and iteration % s.curriculum_every == 0 and iteration <= s.curriculum_stop:
            if iteration <= s.warm_up:
                candidates = opening_mouths(self.frames.lip_opening, iteration / s.warm_up)
            else:
                candidates = closing_eyes(self.frames.blink, iteration / s.curriculum_stop)
        return draw_frame(candidates, self.generator)

    def _landmark_loss(self, frame: int, codes: list[Tensor]) -> Tensor | float:
        weight = self.settings.loss.landmarks
        if weight == 0.0:
            return 0.0
        resting = self.branch.rest_at(self.frames.face_shape)
        moved = self.branch.displace(resting, codes, self.frames.expression[frame])
        return weight * landmark_error(moved, self.frames.face_motion[frame], self.point_weights)

    def _attention_loss(self, resting: list[Resting], frame: int, hair: Tensor, with_hair: bool) -> Tensor:
        s, gaussians = self.settings.loss, self.branch.gaussians
        with torch.no_grad():
            pixels = project(gaussians.means, self.frames.world_to_cam[frame], self.frames.intrinsics)[0]
            top, bottom, left, right = (int(v) for v in self.frames.lip_boxes[frame])
            at_lips = (pixels[:, 0] >= left) & (pixels[:, 0] < right) & (pixels[:, 1] >= top) & (pixels[:, 1] < bottom)
            place = pixels.long().clamp(0, self.frames.resolution - 1)
            in_hair = hair[0, place[:, 1], place[:, 0]]
        opacities = gaussians.opacities
        total = torch.zeros((), device=self.frames.device)
        for rest in resting:
            if rest.expression_attention is not None:
                total = total + s.lip_attention * misplaced_attention(rest.expression_attention, opacities, at_lips)
            if with_hair:
                for attention in (rest.expression_attention, rest.signal_attention):
                    if attention is not None:
                        total = total + s.hair_attention * misplaced_attention(attention, opacities, in_hair)
        return total

    @torch.no_grad()
    def _drop_green(self, camera: Tensor) -> None:
        """Takes out Gaussians that only paint the background."""
        rgb = self.branch.gaussians.seen_from(-camera[:3, :3].T @ camera[:3, 3])
        green = (rgb[:, 0] < 30 / 255) & (rgb[:, 1] > 225 / 255) & (rgb[:, 2] < 30 / 255)
        if bool(green.any()) and not bool(green.all()):
            remove(self.branch.gaussians, self.optimiser.gaussians, green)
            self.density.keep(~green)

    def tensors(self) -> dict[str, Tensor]:
        """See :class:`Stage`."""
        return {**self.optimiser.tensors(), **self.density.tensors()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """See :class:`Stage`."""
        self.optimiser.restore(tensors)
        self.density.restore(tensors)


def point_weights() -> Tensor:
    """How much each face point counts (468,): lips five times, lids three times; the sum is 1."""
    weights = torch.ones(MESH_POINTS)
    weights[[*RIGHT_EYE, *LEFT_EYE]] = 3.0
    weights[[*OUTER_LIPS, *INNER_LIPS]] = 5.0
    return weights / weights.sum()
