"""Coarse-to-Fine: a network that repaints the rendered head (D3-Talker, equation 11)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d3talker.config.refiner import WIDTHS, RefinerSettings
from d3talker.core.errors import D3Error
from d3talker.models.refiner.lean import LeanUnet
from d3talker.models.refiner.region import head_region
from d3talker.models.refiner.styleunet import StyleUnet, StyleUnetChange


class Refiner(nn.Module):
    """The final picture from the composite; what lies outside the head and its rim passes untouched, bit for bit."""

    def __init__(self, network: LeanUnet | StyleUnetChange) -> None:
        super().__init__()
        self.network = network

    def forward(self, coarse: Tensor, alpha_face: Tensor, alpha_mouth: Tensor) -> Tensor:
        """Pictures (B, H, W, 3) in [0, 1] from composites of that shape and range.

        The alphas (B, H, W) in [0, 1] of both branches say where the head is. The same frame gives the same picture
        at every call.
        """
        shown = head_region(alpha_face, alpha_mouth)[..., None]
        change = self.network(torch.cat((coarse, alpha_face[..., None], alpha_mouth[..., None]), dim=3))
        return torch.where(shown > 0.0, torch.addcmul(coarse, change, shown).clamp(0.0, 1.0), coarse)


def build_refiner(settings: RefinerSettings, generator: torch.Generator) -> Refiner:
    """A refiner of ``settings``, its weights freshly drawn from ``generator``.

    Raises:
        D3Error: for another kind or width than the networks have.
    """
    if settings.width not in WIDTHS:
        raise D3Error(f"A refiner of width {settings.width}", "1, 0.5 or 0.25", "Set one of these.")
    if settings.kind == "lean":
        return Refiner(LeanUnet(settings.width, generator))
    if settings.kind == "styleunet":
        return Refiner(StyleUnetChange(StyleUnet(settings.width, generator)))
    raise D3Error(f'A refiner called "{settings.kind}"', "lean or styleunet", "Set one of these.")
