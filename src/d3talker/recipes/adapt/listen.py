"""The listen stage: the sound encoders learn to tell the lips before any picture is drawn.

Ours, not the papers': photometric training alone finds the lips' share of the sound slowly and learns ten seconds of
a voice by heart. Here the code of a frame must tell the tracked opening and width of the lips, from noisy sound and
from mixtures of two moments (mixup, Zhang et al. 2018), which is what makes it hold for speech never heard
(docs/results.md has the comparison). The encoders then rest while the fields learn what the codes mean.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.config.training import AdaptSettings
from d3talker.fields.audio import CODE_SIZE, AudioEncoder, initialise, neighbours
from d3talker.models.head import Head
from d3talker.recipes.adapt.frames import TrainingFrames
from d3talker.recipes.adapt.stage import optimiser_tensors, restore_optimiser


class ListenStage:
    """Teaches every encoder of both branches, each with a linear reader that is thrown away."""

    name = "listen"

    def __init__(self, head: Head, frames: TrainingFrames, preset: AdaptSettings, generator: torch.Generator) -> None:
        self.settings, self.frames, self.generator = preset.listen, frames, generator
        self.iterations = self.settings.iterations
        self.encoders = [driven.encoder for branch in (head.face, head.mouth) for driven in branch.driven]
        self.readers = nn.ModuleList(nn.Linear(CODE_SIZE, 2) for _ in self.encoders).to(frames.device)
        initialise(self.readers, torch.Generator().manual_seed(preset.seed))
        rate = self.settings.rate
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [p for e in self.encoders for p in e.net.parameters()], "lr": rate},
                {"params": list(self.readers.parameters()), "lr": rate},
                {"params": [p for e in self.encoders for p in e.attention.parameters()], "lr": 2.5 * rate},
            ],
            betas=(0.9, 0.99),
            weight_decay=0.0,
            fused=True,
        )
        lips = np.stack([frames.lip_opening, frames.lip_width], axis=1)
        spread = np.maximum(lips.std(axis=0), 1e-5)
        self.lips = torch.from_numpy(((lips - lips.mean(axis=0)) / spread).astype(np.float32)).to(frames.device)

    def step(self, iteration: int) -> dict[str, float]:
        """See :class:`Stage`."""
        chosen = torch.randint(len(self.frames), (self.settings.batch,), generator=self.generator)
        partner = chosen[torch.randperm(len(chosen), generator=self.generator)]
        share = torch.rand(len(chosen), 1, generator=self.generator).to(self.frames.device)
        target = torch.lerp(self.lips[chosen], self.lips[partner], share)
        losses = []
        for encoder, reader in zip(self.encoders, self.readers, strict=True):
            sound = torch.lerp(self._sound(chosen), self._sound(partner), share[:, :, None, None])
            losses.append(functional.smooth_l1_loss(reader(encode(encoder, sound)), target))
        loss = torch.stack(losses).mean()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return {"loss": loss.item()}

    def _sound(self, chosen: Tensor) -> Tensor:
        """Noisy windows (B, 8, 16, C) around the chosen frames (B,)."""
        windows = self.frames.windows[neighbours(chosen, len(self.frames))]
        noise = torch.randn(windows.shape, generator=self.generator).to(windows.device)
        return windows + self.settings.noise * noise

    def tensors(self) -> dict[str, Tensor]:
        """See :class:`Stage`."""
        readers = {f"readers.{name}": tensor for name, tensor in self.readers.state_dict().items()}
        return {**optimiser_tensors(self.optimiser, "optimiser"), **readers}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """See :class:`Stage`."""
        restore_optimiser(self.optimiser, "optimiser", tensors)
        self.readers.load_state_dict(
            {name.removeprefix("readers."): t for name, t in tensors.items() if name.startswith("readers.")}
        )


def encode(encoder: AudioEncoder, sound: Tensor) -> Tensor:
    """Codes (B, 32) of windows already gathered around each frame (B, 8, 16, C)."""
    batch, around = sound.shape[:2]
    return encoder.attention(encoder.net(sound.flatten(0, 1)).reshape(batch, around, CODE_SIZE))
