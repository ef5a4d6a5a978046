"""The face stage: a static head first, then the field that moves it with the speech (TalkingGaussian, section 3.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from d3talker.config.training import AdaptSettings
from d3talker.faces.points import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from d3talker.fields.deformation import Displacement, Resting
from d3talker.losses.geometry import depth_error, normal_error
from d3talker.losses.regularisers import coverage, landmark_error, misplaced_attention, motion_size
from d3talker.models.density import DensityControl
from d3talker.models.gaussians import draw, draw_normals
from d3talker.models.head import Branch, Head, total
from d3talker.ops.camera import project
from d3talker.ops.photometric import photometric_loss
from d3talker.ops.rasterize import Rendered
from d3talker.recipes.adapt.codes import NoisyCodes
from d3talker.recipes.adapt.curriculum import closing_eyes, draw_frame, opening_mouths
from d3talker.recipes.adapt.frames import MESH_POINTS, TrainingFrames
from d3talker.recipes.adapt.held_out import HeldOut, quiet_codes
from d3talker.recipes.adapt.stage import GREEN, BranchOptimiser, Contrast, Lesson, PerceptualTerm, heard_at, numbers
from d3talker.recipes.adapt.told import ToldLesson
from d3talker.recipes.adapt.unseen import unseen
from d3talker.tracking.geometry import face_geometry
from d3talker.tracking.masks import FACE, HAIR


@dataclass(frozen=True)
class _Asked:
    """What every field of a branch knows of some points, and where it moves them in a frame."""

    resting: list[Resting]
    parts: list[Displacement]


class FaceStage(Lesson):
    """Learns skin, hair and lips over green; the inside of the mouth stays green, so the branch leaves it open."""

    name = "face"

    def __init__(
        self, head: Head, frames: TrainingFrames, preset: AdaptSettings, generator: torch.Generator, shared: float = 1.0
    ) -> None:
        self.branch, self.frames, self.generator = head.face, frames, generator
        self.settings = s = preset.face
        self.iterations, self.patience = s.iterations, s.patience
        self.held_out = HeldOut(s, frames.fitted)
        self.quiet_codes = quiet_codes(self.branch, frames) if s.patience else None
        self.optimiser = BranchOptimiser(self.branch, s.gaussians, s.fields, s.iterations, shared)
        self.codes = NoisyCodes(self.branch, frames, preset.feature_noise, generator, s.fields.encoder > 0.0)
        self.density = DensityControl(s.density, s.gaussians.extent, self.branch.gaussians)
        self.perceptual = PerceptualTerm(self.settings.loss, self.settings.perceptual_from, frames, generator)
        self.point_weights = point_weights().to(frames.device)
        self.told = None
        if s.loss.told > 0.0 and frames.told:
            self.told = ToldLesson(self.branch, frames.told, self.point_weights, preset.feature_noise, generator)
        tracked = frames.face_shape, frames.face_motion, frames.world_to_cam
        self.tracked = [told.cpu().numpy() for told in tracked]
        self.lens = {some.resolution: some.intrinsics.cpu().numpy() for some in (frames, frames.coarse or frames)}
        self.seen: Tensor | None = None
        self.green = torch.tensor(GREEN, device=frames.device)

    def learn(self, iteration: int, contrast: Contrast | None = None) -> dict[str, float]:
        """Computes the gradients of an iteration; ``contrast`` is what other people say to it in pre-training."""
        s, frame, moving = self.settings, self._choose(iteration), iteration > self.settings.warm_up
        self.optimiser.set_rates(iteration)
        frames = self.frames.for_iteration(iteration, s.coarse_until)
        label = frames.label(frame)
        hair = label == HAIR
        hide_hair = s.hair_from < iteration <= s.hair_to and iteration % 7 != 0
        head = (label == FACE) if hide_hair else (label == FACE) | hair
        target = torch.where(head[..., None], frames.picture(frame), self.green)

        camera, gaussians = frames.world_to_cam[frame], self.branch.gaussians
        displacement, codes, cloud, points = None, [], _Asked([], []), _Asked([], [])
        if moving:
            codes = heard_at(self.branch, s, iteration, self.codes(frame))
            cloud, points = self._ask(codes, frames.expression[frame])
            displacement = total(cloud.parts)
        probe = torch.zeros(1, len(gaussians), 2, device=self.frames.device, requires_grad=True)
        rendered = draw(gaussians, displacement, camera, frames.intrinsics, frames.resolution, self.green, probe)
        image = torch.where(hair[..., None], self.green, rendered.features) if hide_hair else rendered.features

        photometric = photometric_loss(image, target, s.loss.structure)
        loss = photometric + self.perceptual(iteration, frame, image, target)
        if displacement is not None:
            everywhere = (label == FACE) | hair
            loss = loss + s.loss.alpha * coverage(rendered.alpha, everywhere.float(), (~everywhere).float())
            loss = loss + s.loss.motion * motion_size(displacement)
            loss = loss + s.loss.individual * own_motion(self.branch, cloud.parts)
            if s.shape_from and iteration > s.shape_from and iteration % s.shape_every == 0:
                loss = loss + self._shape_loss(frames, frame, displacement, rendered)
            loss = loss + self._landmark_loss(frame, points)
            loss = loss + self._attention_loss(cloud.resting, frames, frame, hair, with_hair=not hide_hair)
            if contrast is not None and iteration > s.own_from:
                loss = loss + contrast(frame, codes)
        self.seen = None
        whole, told = numbers(loss, photometric)
        if not math.isfinite(whole):
            return {"loss": float("nan")}
        loss.backward()
        self.density.observe(probe, rendered.radii, frames.resolution)
        self.seen = camera
        return {"loss": told, "gaussians": float(len(gaussians))}

    def settle(self, iteration: int) -> None:
        """Takes the step of the gradients that :meth:`learn` found, if it found any."""
        d, gaussians = self.settings.density, self.branch.gaussians
        if self.seen is None:
            self.optimiser.forget()
            return
        self.optimiser.step()
        self.density.step(iteration, gaussians, self.optimiser.gaussians, self.generator)
        if d.start < iteration <= d.stop and iteration % d.every == 0:
            self.density.drop(self._green(self.seen), gaussians, self.optimiser.gaussians)
        if self.density.looks_for_unseen(iteration):
            gone = unseen(gaussians, self._moved, self.frames, self.frames.fitted, d.least)
            self.density.drop(gone, gaussians, self.optimiser.gaussians)

    def unseen_error(self, iteration: int) -> float | None:
        """See :class:`Stage`."""
        return self.held_out.error(iteration, self._error)

    def _error(self, frame: int) -> Tensor:
        frames, label = self.frames, self.frames.label(frame)
        head = ((label == FACE) | (label == HAIR))[..., None]
        camera, moved = frames.world_to_cam[frame], self._moved(frame, self.quiet_codes)
        rendered = draw(self.branch.gaussians, moved, camera, frames.intrinsics, frames.resolution, self.green)
        return torch.where(head, frames.picture(frame) - rendered.features, 0.0).abs().sum() / head.sum()

    def _choose(self, iteration: int) -> int:
        s, candidates = self.settings, self.held_out.candidates(iteration)
        if s.curriculum_every and iteration % s.curriculum_every == 0 and iteration <= s.curriculum_stop:
            if iteration <= s.warm_up:
                candidates = opening_mouths(self.frames.lip_opening, iteration / s.warm_up, candidates)
            else:
                candidates = closing_eyes(self.frames.blink, iteration / s.curriculum_stop, candidates)
        return draw_frame(candidates, self.generator)

    def _ask(self, codes: list[Tensor], expression: Tensor) -> tuple[_Asked, _Asked]:
        """The fields at the Gaussians and at the face points, asked in one go."""
        asked = [self.branch.gaussians.means, self.frames.face_shape]
        sizes = [len(points) for points in asked]
        resting = self.branch.rest_at(torch.cat(asked))
        parts = self.branch.parts(resting, codes, expression)
        cloud, points = zip(*(known.split(sizes) for known in resting), strict=True)
        moved, told = zip(*(part.split(sizes) for part in parts), strict=True)
        return _Asked([*cloud], [*moved]), _Asked([*points], [*told])

    def _landmark_loss(self, frame: int, points: _Asked) -> Tensor | float:
        """How far each shared field is from the tracked points, the General one from those of facial motion too."""
        s, expression = self.settings.loss, self.frames.expression[frame]
        if s.landmarks == 0.0:
            return 0.0
        tracked = self.frames.face_motion[frame]
        errors = [landmark_error(moved, tracked, self.point_weights) for moved in self.branch.alone(points.parts)]
        loss = s.landmarks * torch.stack(errors).sum()
        return loss if self.told is None else loss + s.told * self.told(points.resting, expression)

    def _shape_loss(self, frames: TrainingFrames, frame: int, displacement: Displacement, rendered: Rendered) -> Tensor:
        """Depth and normals against those of the fitted face, both seen by the camera."""
        s, camera, gaussians = self.settings.loss, frames.world_to_cam[frame], self.branch.gaussians
        shape, motion, cameras = self.tracked
        lens = self.lens[frames.resolution]
        maps = face_geometry(shape + motion[frame], cameras[frame], lens, frames.resolution)
        depth, normals, mask = (torch.from_numpy(m)[None].to(frames.device, non_blocking=True) for m in maps)
        mask = mask & (rendered.alpha > 0.8)
        facing = draw_normals(gaussians, displacement, camera, frames.intrinsics, frames.resolution)
        loss = s.depth * depth_error(rendered.depth, depth, mask)
        return loss + s.normals * normal_error(facing, normals, mask)

    def _attention_loss(
        self, resting: list[Resting], frames: TrainingFrames, frame: int, hair: Tensor, with_hair: bool
    ) -> Tensor:
        s, gaussians = self.settings.loss, self.branch.gaussians
        with torch.no_grad():
            pixels = project(gaussians.means, frames.world_to_cam[frame], frames.intrinsics)[0]
            top, bottom, left, right = (int(v) for v in frames.lip_boxes[frame])
            at_lips = (pixels[:, 0] >= left) & (pixels[:, 0] < right) & (pixels[:, 1] >= top) & (pixels[:, 1] < bottom)
            place = pixels.long().clamp(0, frames.resolution - 1)
            in_hair = hair[0, place[:, 1], place[:, 0]]
        opacities = gaussians.opacities
        strayed = torch.zeros((), device=frames.device)
        for rest in resting:
            if rest.expression_attention is not None:
                strayed = strayed + s.lip_attention * misplaced_attention(rest.expression_attention, opacities, at_lips)
            if with_hair:
                for attention in (rest.expression_attention, rest.signal_attention):
                    if attention is not None:
                        strayed = strayed + s.hair_attention * misplaced_attention(attention, opacities, in_hair)
        return strayed

    @torch.no_grad()
    def _green(self, camera: Tensor) -> Tensor:
        """Which Gaussians (N,) only paint the background."""
        rgb = self.branch.gaussians.seen_from(-camera[:3, :3].T @ camera[:3, 3])
        return (rgb[:, 0] < 30 / 255) & (rgb[:, 1] > 225 / 255) & (rgb[:, 2] < 30 / 255)

    def _moved(self, frame: int, codes: NoisyCodes | None = None) -> Displacement:
        told = (codes or self.codes)(frame)
        return total(self.branch.parts(self.branch.rest(), told, self.frames.expression[frame]))

    def tensors(self) -> dict[str, Tensor]:
        """See :class:`Stage`."""
        return {**self.optimiser.tensors(), **self.density.tensors()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """See :class:`Stage`."""
        self.optimiser.restore(tensors)
        self.density.restore(tensors)


def own_motion(branch: Branch, parts: list[Displacement]) -> Tensor | float:
    """The size of what a person's own fields do beside shared ones: it shall be what those cannot explain."""
    own = [place for place in range(len(parts)) if place not in branch.shared]
    return motion_size(total([parts[place] for place in own])) if 0 < len(own) < len(parts) else 0.0


def point_weights() -> Tensor:
    """How much each face point counts (468,): lips five times, lids three times; the sum is 1."""
    weights = torch.ones(MESH_POINTS)
    weights[[*RIGHT_EYE, *LEFT_EYE]] = 3.0
    weights[[*OUTER_LIPS, *INNER_LIPS]] = 5.0
    return weights / weights.sum()
