"""The signal codes of a branch while its fields learn."""

from __future__ import annotations

import torch
from torch import Tensor

from d3talker.fields.hook import EXTREMES, hooks_at
from d3talker.models.animate import clip_codes
from d3talker.models.head import Branch, total
from d3talker.recipes.adapt.frames import TrainingFrames
from d3talker.recipes.adapt.told import TOLD_NOISE

_EXTREMES = range(EXTREMES, 5 * EXTREMES + 1)


class NoisyCodes:
    """Codes (32,) of a frame for each field, with noise that is fresh at every call.

    Without the noise ten seconds of one voice are learned by heart. It lies on the speech features themselves; facial
    motion is known frame by frame, so there it lies on the codes, which are told once where their encoder rests.

    Args:
        branch: whose fields.
        frames: of the clip.
        deviation: of the noise, in units of what is disturbed; codes have less of it.
        generator: of the noise.
        learn: lets gradients reach the encoders.
    """

    def __init__(
        self, branch: Branch, frames: TrainingFrames, deviation: float, generator: torch.Generator, learn: bool
    ) -> None:
        self._branch, self._frames, self._deviation = branch, frames, deviation
        self._generator, self._learn = generator, learn
        self._told: dict[int, tuple[Tensor, Tensor]] = {}
        if not learn:
            for place, driven in enumerate(branch.driven):
                if driven.field.settings.signal == "motion":
                    with torch.no_grad():
                        codes = driven.clip_codes(frames.signals)
                    self._told[place] = codes, codes.std(dim=0)

    def __call__(self, frame: int) -> list[Tensor]:
        """The codes of one frame."""
        noise: Tensor | None = None
        found = []
        for place, driven in enumerate(self._branch.driven):
            inputs, encoder = self._frames.signals[driven.field.settings.signal], driven.encoder
            if place in self._told:
                codes, spread = self._told[place]
                found.append(codes[frame] + TOLD_NOISE * self._noise(spread.shape, spread.device) * spread)
                continue
            around = inputs[encoder.around(torch.full((1,), frame, device=inputs.device), len(self._frames))[0]]
            if driven.field.settings.signal == "audio" and self._deviation > 0.0:
                noise = self._noise(around.shape, around.device) if noise is None else noise
                around = around + noise
            with torch.set_grad_enabled(self._learn):
                found.append(encoder.look(encoder.net(around)[None])[0])
        return found

    def _noise(self, shape: torch.Size, device: torch.device) -> Tensor:
        return self._deviation * torch.randn(shape, generator=self._generator).to(device, non_blocking=True)


@torch.no_grad()
def face_hooks(face: Branch, frames: TrainingFrames) -> Tensor:
    """The hooks (T, 41, 3) of every frame for the 10th to the 50th extreme, as the face moves when it is drawn."""
    fields = [driven.field.frozen(rest) for driven, rest in zip(face.driven, face.rest(), strict=True)]
    codes = clip_codes(face, frames.signals)
    hooks = []
    for frame, expression in enumerate(frames.expression):
        moved = total([field(code[frame], expression) for field, code in zip(fields, codes, strict=True)])
        hooks.append(hooks_at(moved.position[:, 1], _EXTREMES))
    return torch.stack(hooks)
