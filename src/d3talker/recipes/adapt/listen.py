"""The listen stage: the signal encoders learn what their signal tells before any picture is drawn.

Ours, not the papers': photometric training alone finds the lips' share of the sound slowly and learns ten seconds of
a voice by heart. Here the code of a frame must tell the tracked opening and width of the lips, from noisy sound and
from mixtures of two moments (mixup, Zhang et al. 2018), which is what makes it hold for speech never heard
(docs/results.md has the comparison). The code of facial motion must tell the coefficients that the pictures were drawn
from. The encoders then rest while the fields learn what the codes mean.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.config.training import AdaptSettings, ListenSettings
from d3talker.fields.audio import initialise
from d3talker.fields.encoder import CODE_SIZE, SignalEncoder
from d3talker.models.head import DrivenField, Head
from d3talker.recipes.adapt.frames import TrainingFrames
from d3talker.recipes.adapt.stage import Contrast, Lesson, optimiser_tensors, restore_optimiser

_RUN = 16  # frames of facial motion in a row: neighbours are looked at too, so a run costs less than single frames
_MOTION_EVERY = 4  # iterations: pictures cost ten times what sound does and are learned sooner


class ListenStage(Lesson):
    """Teaches the encoders of both branches, each with a linear reader that is thrown away."""

    name = "listen"

    def __init__(
        self,
        head: Head,
        frames: TrainingFrames,
        preset: AdaptSettings,
        generator: torch.Generator,
        taught: bool = False,
        alone: bool = True,
    ) -> None:
        """``taught``: a prior taught them already; ``alone``: False leaves the steps to somebody else."""
        self.settings, self.frames, self.generator = preset.listen, frames, generator
        self.driven = [
            driven
            for branch in (head.face, head.mouth)
            for driven in branch.driven
            if not taught or driven.field.settings.signal == "audio"
        ]
        self.iterations = self.settings.iterations if self.driven else 0
        told = {"audio": 2, "motion": frames.told[0].coefficients.shape[1] if frames.told else 0}
        self.readers = nn.ModuleList(nn.Linear(CODE_SIZE, told[d.field.settings.signal]) for d in self.driven)
        self.readers.to(frames.device)
        initialise(self.readers, torch.Generator().manual_seed(preset.seed))
        groups = listen_groups(self.driven, self.readers, self.settings, taught) if alone else []
        self.optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0, fused=True) if groups else None
        lips = np.stack([frames.lip_opening, frames.lip_width], axis=1)
        spread = np.maximum(lips.std(axis=0), 1e-5)
        self.lips = torch.from_numpy(((lips - lips.mean(axis=0)) / spread).astype(np.float32)).to(frames.device)

    def learn(self, iteration: int, contrast: Contrast | None = None) -> dict[str, float]:
        """Computes the gradients of an iteration; nobody else has a say here."""
        sound = self._of("audio")
        losses = [self._lips_error(sound)] if sound else []
        if not sound or iteration % _MOTION_EVERY == 0:
            losses += self._motion_errors()
        loss = torch.stack(losses).mean()
        loss.backward()
        return {"loss": loss.item()}

    def settle(self, iteration: int) -> None:
        """Takes the step of the gradients that :meth:`learn` found."""
        if self.optimiser is not None:
            self.optimiser.step()
            self.optimiser.zero_grad(set_to_none=True)

    def _of(self, signal: str) -> list[tuple[DrivenField, nn.Module]]:
        pairs = zip(self.driven, self.readers, strict=True)
        return [(driven, reader) for driven, reader in pairs if driven.field.settings.signal == signal]

    def _lips_error(self, pairs: list[tuple[DrivenField, nn.Module]]) -> Tensor:
        chosen = torch.randint(len(self.frames), (self.settings.batch,), generator=self.generator)
        partner = chosen[torch.randperm(len(chosen), generator=self.generator)]
        share = torch.rand(len(chosen), 1, generator=self.generator)
        drawn = chosen, partner, share
        chosen, partner, share = (some.to(self.frames.device, non_blocking=True) for some in drawn)
        target = torch.lerp(self.lips[chosen], self.lips[partner], share)
        losses = []
        for driven, reader in pairs:
            one, other = (self._sound(driven.encoder, frames) for frames in (chosen, partner))
            sound = torch.lerp(one, other, share[:, :, None, None])
            losses.append(functional.smooth_l1_loss(reader(encode(driven.encoder, sound)), target))
        return torch.stack(losses).mean()

    def _motion_errors(self) -> list[Tensor]:
        losses = []
        for driven, reader in self._of("motion"):
            first = int(torch.randint(max(1, len(self.frames) - _RUN), (1,), generator=self.generator))
            run = torch.arange(first, min(first + _RUN, len(self.frames)), device=self.frames.device)
            told = reader(driven.codes(self.frames.signals, run))
            losses.append(functional.smooth_l1_loss(told, self.frames.told[0].coefficients[run]))
        return losses

    def _sound(self, encoder: SignalEncoder, chosen: Tensor) -> Tensor:
        """Noisy windows (B, 8, 16, C) around the chosen frames (B,)."""
        windows = self.frames.signals["audio"][encoder.around(chosen, len(self.frames))]
        noise = torch.randn(windows.shape, generator=self.generator).to(windows.device, non_blocking=True)
        return windows + self.settings.noise * noise

    def tensors(self) -> dict[str, Tensor]:
        """See :class:`Stage`."""
        readers = {f"readers.{name}": tensor for name, tensor in self.readers.state_dict().items()}
        return readers if self.optimiser is None else {**optimiser_tensors(self.optimiser, "optimiser"), **readers}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """See :class:`Stage`."""
        if self.optimiser is not None:
            restore_optimiser(self.optimiser, "optimiser", tensors)
        self.readers.load_state_dict(
            {name.removeprefix("readers."): t for name, t in tensors.items() if name.startswith("readers.")}
        )


def listen_groups(
    driven: list[DrivenField], readers: nn.ModuleList, settings: ListenSettings, taught: bool
) -> list[dict]:
    """Parameter groups of AdamW for encoders and their readers."""
    rate = settings.taught_rate if taught else settings.rate
    return [
        {"params": [p for d in driven for p in d.encoder.net.parameters()], "lr": rate},
        {"params": list(readers.parameters()), "lr": settings.rate},
        {"params": [p for d in driven for p in d.encoder.look.parameters()], "lr": 2.5 * rate},
    ]


def encode(encoder: SignalEncoder, sound: Tensor) -> Tensor:
    """Codes (B, 32) of windows already gathered around each frame (B, 8, 16, C)."""
    batch, around = sound.shape[:2]
    return encoder.look(encoder.net(sound.flatten(0, 1)).reshape(batch, around, CODE_SIZE))
