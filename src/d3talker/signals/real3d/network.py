"""The network: HuBERT rows and pitch at 50 Hz to 64 expression coefficients of the BFM face at 25 Hz.

A conditional variational autoencoder over time after Real3D-Portrait (Ye et al. 2024) and GeneFace++ (Ye et al. 2023),
written from a description (spec 2, sections 1.1 to 1.5); the names of the members are the keys of the published
checkpoint. Latents run at 6.25 Hz; their prior is a normal distribution bent by a flow that the sound conditions.
Everything is a convolution: a coefficient depends on the sound within :data:`REACH` rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d3talker.signals.real3d.wavenet import WaveNet

FEATURES = 1024
"""Channels of HuBERT-large."""
COEFFICIENTS = 64
"""Expression coefficients of the face model, in standard deviations."""
LATENTS = 16
"""Channels of a latent."""
ROWS_PER_LATENT = 8
"""Rows at 50 Hz, 4 video frames."""
REACH = 192
"""Rows at 50 Hz on either side that a coefficient may depend on (24 latents; 158 would do)."""
PITCH_CODES = 300
_CONDITION, _WIDTH, _STRIDE = 128, 256, 4


class PitchContourVae(nn.Module):
    """The whole network; ``mouth_amp`` and ``eye_amp`` say which of the two amplitudes it was trained with."""

    def __init__(self, mouth_amp: bool = True, eye_amp: bool = False) -> None:
        super().__init__()
        inputs = 3 + mouth_amp + eye_amp
        self.mouth_amp_embed = nn.Parameter(torch.randn(_CONDITION)) if mouth_amp else None
        self.eye_amp_embed = nn.Parameter(torch.randn(_CONDITION)) if eye_amp else None
        self.blink_embed = nn.Embedding(2, _CONDITION)
        self.pitch_embed = nn.Embedding(PITCH_CODES, _CONDITION)
        self.mel_encoder = _encoder(FEATURES)
        self.pitch_encoder = _encoder(_CONDITION)
        self.cond_proj = nn.Linear(inputs * _CONDITION, _CONDITION)
        self.vae = _Vae()

    def forward(
        self,
        features: Tensor,
        pitch_codes: Tensor,
        noise: Tensor,
        mouth_amp: Tensor | None = None,
        eye_amp: Tensor | None = None,
    ) -> Tensor:
        """Motion from sound.

        Args:
            features: (B, T, 1024) rows of HuBERT at 50 Hz, T a multiple of 8.
            pitch_codes: (B, T) int64, 1 unvoiced.
            noise: (B, T / 8, 16) draws from the prior, already times the temperature; 0 gives the likeliest motion.
            mouth_amp: (B,) how far the mouth opens; needed where the network has that input.
            eye_amp: (B,), likewise.

        Returns:
            (B, T / 2, 64) coefficients at 25 Hz, in standard deviations.
        """
        condition = self.condition(features, pitch_codes, mouth_amp, eye_amp)
        latent = self.vae.prior_flow(noise.transpose(1, 2), self.vae.g_pre_net(condition), inverse=True)
        return self.vae.decoder(latent, condition).transpose(1, 2)

    def condition(
        self, features: Tensor, pitch_codes: Tensor, mouth_amp: Tensor | None = None, eye_amp: Tensor | None = None
    ) -> Tensor:
        """What the sound says, (B, 128, T / 2); arguments as in :meth:`forward`."""
        heard = self.mel_encoder(features[:, ::2].transpose(1, 2))
        pitch = self.pitch_encoder(self.pitch_embed(pitch_codes[:, ::2]).transpose(1, 2))
        open_eyes = self.blink_embed.weight[0][None, :, None].expand_as(heard)
        parts = [heard, pitch, open_eyes]
        for embedding, amplitude in ((self.mouth_amp_embed, mouth_amp), (self.eye_amp_embed, eye_amp)):
            if embedding is not None:
                if amplitude is None:
                    raise ValueError("the network was trained with an amplitude that is not given")
                parts.append((amplitude[:, None] * embedding)[:, :, None].expand_as(heard))
        return self.cond_proj(torch.cat(parts, dim=1).transpose(1, 2)).transpose(1, 2)

    def posterior(self, motion: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and logarithm of the spread of the latents (B, T / 8, 16) behind ``motion`` (B, T / 2, 64)."""
        found = self.vae.encoder(motion.transpose(1, 2), self.vae.g_pre_net(condition))
        mean, log_spread = found.transpose(1, 2).chunk(2, dim=2)
        return mean, log_spread


class _Vae(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.g_pre_net = nn.Sequential(nn.Conv1d(_CONDITION, _CONDITION, 2 * _STRIDE, _STRIDE, _STRIDE // 2))
        self.encoder = _Encoder()
        self.prior_flow = _Flow()
        self.decoder = _Decoder()


class _Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pre_net = nn.Sequential(nn.Conv1d(COEFFICIENTS, _WIDTH, 2 * _STRIDE, _STRIDE, _STRIDE // 2))
        self.wn = WaveNet(_WIDTH, 5, 8, _CONDITION)
        self.out_proj = nn.Conv1d(_WIDTH, 2 * LATENTS, 1)

    def forward(self, motion: Tensor, condition: Tensor) -> Tensor:
        return self.out_proj(self.wn(self.pre_net(motion), condition))


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pre_net = nn.Sequential(nn.ConvTranspose1d(LATENTS, _WIDTH, _STRIDE, _STRIDE))
        self.wn = WaveNet(_WIDTH, 5, 4, _CONDITION)
        self.out_proj = nn.Conv1d(_WIDTH, COEFFICIENTS, 1)

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        return self.out_proj(self.wn(self.pre_net(latent), condition))


class _Flow(nn.Module):
    """Couplings that shift one half of the channels by what the other half says (Dinh et al. 2014); keeps volumes."""

    def __init__(self, couplings: int = 4) -> None:
        super().__init__()
        self.flows = nn.ModuleList(module for _ in range(couplings) for module in (_Coupling(), _Flip()))

    def forward(self, x: Tensor, condition: Tensor, inverse: bool = False) -> Tensor:
        """Latents (B, 16, n) to what is normally distributed; the inverse makes latents of such draws."""
        for flow in reversed(self.flows) if inverse else self.flows:
            x = flow(x, condition, inverse)
        return x


class _Flip(nn.Module):
    def forward(self, x: Tensor, condition: Tensor, inverse: bool) -> Tensor:
        return x.flip(1)


class _Coupling(nn.Module):
    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.pre = nn.Conv1d(LATENTS // 2, width, 1)
        self.enc = WaveNet(width, 3, 4, _CONDITION)
        self.post = nn.Conv1d(width, LATENTS // 2, 1)
        for parameter in self.post.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor, condition: Tensor, inverse: bool) -> Tensor:
        kept, moved = x.chunk(2, dim=1)
        shift = self.post(self.enc(self.pre(kept), condition))
        return torch.cat([kept, moved - shift if inverse else moved + shift], dim=1)


def _encoder(inputs: int) -> nn.Sequential:
    """Two convolutions over three steps each, (B, inputs, T) to (B, 128, T)."""
    return nn.Sequential(
        nn.Conv1d(inputs, _CONDITION, 3, padding=1, bias=False),
        nn.BatchNorm1d(_CONDITION),
        nn.GELU(),
        nn.Conv1d(_CONDITION, _CONDITION, 3, padding=1, bias=False),
    )
