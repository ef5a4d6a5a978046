"""The refine stage: a network learns what the rendered head lacks (D3-Talker, section 3.4 and eq. 11).

The Gaussians stand still and get no gradient; otherwise they would learn to be a blurry input. They fit the very frames
they learned from, and a refiner that only saw those would learn to do nothing. What heads lack elsewhere it learns in
pre-training, from seconds of each clip that the heads did not learn from; here it sees motion with noise.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from d3talker.config.training import AdaptSettings
from d3talker.core.progress import Progress
from d3talker.losses.detail import detail_error
from d3talker.losses.perceptual import Judge, load_perceptual
from d3talker.models.animate import Coarse, Codes, Moves, draw_coarse
from d3talker.models.head import Head
from d3talker.recipes.adapt.codes import NoisyCodes
from d3talker.recipes.adapt.curriculum import draw_frame
from d3talker.recipes.adapt.frames import TrainingFrames
from d3talker.recipes.adapt.stage import Lesson, numbers, optimiser_tensors, restore_optimiser


class RefineStage(Lesson):
    """Teaches the refiner of a head on its own frames."""

    name = "refine"

    def __init__(
        self,
        head: Head,
        frames: TrainingFrames,
        preset: AdaptSettings,
        generator: torch.Generator,
        judge: Judge,
        taught: bool = False,
        alone: bool = True,
    ) -> None:
        """``taught``: a prior taught the refiner; ``alone``: False leaves the steps to somebody else (pre-training)."""
        assert head.refiner is not None
        self.refiner, self.frames, self.generator = head.refiner, frames, generator
        self.settings = s = preset.refine
        self.iterations, self.rate = s.iterations, s.taught_rate if taught else s.rate
        learning = [p for p in head.refiner.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(learning, self.rate, betas=(0.9, 0.99), fused=True)
        self.alone = alone
        self.head, self.moves = head, Moves(head)
        self.codes = [
            NoisyCodes(branch, frames, preset.feature_noise, generator, learn=False)
            for branch in (head.face, head.mouth)
        ]
        self.lpips = load_perceptual().to(frames.device) if judge == "lpips" else None

    def learn(self, iteration: int, contrast: object = None) -> dict[str, float]:
        """Computes the gradients of an iteration; nobody else has a say here."""
        s, frame = self.settings, draw_frame(self.frames.refined, self.generator)
        coarse = self._coarse(frame)
        weight = self._weight(frame, coarse.alpha[None])
        rows, columns = self.refiner.box(coarse.face, coarse.mouth)  # elsewhere nothing learns
        refined = self.refiner(coarse.picture.clamp(0.0, 1.0), coarse.face, coarse.mouth)
        pictures = refined, self.frames.picture(frame), weight
        image, truth, weight = (picture[:, rows, columns] for picture in pictures)
        error = ((image - truth).abs().mean(dim=3) * weight).sum() / weight.sum().clamp(min=1.0)
        if self.lpips is None:
            loss = error + s.detail * detail_error(image, truth, weight)
        else:
            loss = error + s.lpips * self.lpips(image, truth).mean()
        whole, told = numbers(loss, error)
        if not math.isfinite(whole):
            return {"loss": float("nan")}
        loss.backward()
        return {"loss": told}

    def settle(self, iteration: int) -> None:
        """Takes the step of the gradients that :meth:`learn` found."""
        if not self.alone:
            return
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * 0.5 ** (3.0 * iteration / self.iterations)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    @torch.no_grad()
    def _coarse(self, frame: int) -> Coarse:
        """The coarse frame at codes with noise."""
        codes = Codes(self.codes[0](frame), self.codes[1](frame))
        moved = self.moves(codes, self.frames.expression[frame])
        camera, intrinsics = self.frames.world_to_cam[frame], self.frames.intrinsics
        return draw_coarse(self.head, moved, camera, intrinsics, self.frames.plate(frame))

    def _weight(self, frame: int, alpha: Tensor) -> Tensor:
        """How much each pixel counts: the head, its lips twice, what lies behind it a little."""
        weight = 0.2 + alpha.detach()
        top, bottom, left, right = (int(v) for v in self.frames.lip_boxes[frame])
        weight[:, top:bottom, left:right] *= 2.0
        return weight

    def tensors(self) -> dict[str, Tensor]:
        """See :class:`Stage`."""
        return optimiser_tensors(self.optimiser, "optimiser") if self.alone else {}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """See :class:`Stage`."""
        restore_optimiser(self.optimiser, "optimiser", tensors)


def tell_judge(judge: Judge, progress: Progress) -> None:
    """Says what the refiner is taught by."""
    told = {"lpips": "LPIPS", "detail": "a Laplacian pyramid: the weights of LPIPS are not here, see d3talker doctor"}
    progress.say(f"beside the absolute difference, the refined picture is judged by {told[judge]}")
