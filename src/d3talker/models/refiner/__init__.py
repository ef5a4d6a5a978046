"""Coarse-to-Fine: a network that repaints the rendered head (D3-Talker, equation 11)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from d3talker.config.refiner import WIDTHS, RefinerSettings
from d3talker.core.errors import D3Error
from d3talker.models.refiner.int8 import in_int8, int8_runs_here
from d3talker.models.refiner.lean import LeanUnet
from d3talker.models.refiner.region import head_box, head_region
from d3talker.models.refiner.styleunet import StyleUnet, StyleUnetChange


class Refiner(nn.Module):
    """The final picture from the composite; what lies outside the head and its rim passes untouched, bit for bit.

    A network with a ``stride`` sees the head's box alone, half a picture or less; one without sees the whole picture.
    """

    def __init__(self, network: LeanUnet | StyleUnetChange) -> None:
        super().__init__()
        self.network = network

    def forward(self, coarse: Tensor, alpha_face: Tensor, alpha_mouth: Tensor) -> Tensor:
        """Pictures (B, H, W, 3) in [0, 1] from composites of that shape and range.

        The alphas (B, H, W) in [0, 1] of both branches say where the head is. The same frame gives the same picture
        at every call.
        """
        rows, columns = self.box(alpha_face, alpha_mouth)
        if rows.stop == rows.start:
            return coarse
        picture = coarse[:, rows, columns]
        alphas = alpha_face[:, rows, columns], alpha_mouth[:, rows, columns]
        shown = head_region(*alphas, longer=max(coarse.shape[1:3]))[..., None]
        change = self.network(torch.cat((picture, *(alpha[..., None] for alpha in alphas)), dim=3))
        painted = torch.where(shown > 0.0, torch.addcmul(picture, change, shown).clamp(0.0, 1.0), picture)
        if painted.shape == coarse.shape:
            return painted
        refined = coarse.clone()
        refined[:, rows, columns] = painted
        return refined

    def box(self, alpha_face: Tensor, alpha_mouth: Tensor) -> tuple[slice, slice]:
        """Rows and columns outside which :meth:`forward` changes nothing."""
        return head_box(alpha_face, alpha_mouth, self.network.stride)


def fastest_refiner(refiner: Refiner) -> Refiner:
    """The refiner as this machine runs it fastest, for drawing: in 16 bits on a GPU, in 8 on a CPU, or as it is.

    16 bits are no gain on a CPU: processors that have them for convolutions and no VNNI are hardly met.
    """
    device = next(refiner.parameters()).device
    if device.type == "cuda":
        return in_bfloat16(refiner)
    if isinstance(refiner.network, LeanUnet) and int8_runs_here(device):
        return Refiner(in_int8(refiner.network))
    return refiner


def in_bfloat16(refiner: Refiner) -> Refiner:
    """A copy of ``refiner``, for use without gradients, whose maps and weights have 16 bits; pictures stay as exact."""
    twin = copy.deepcopy(refiner).requires_grad_(False)
    return twin.to(torch.bfloat16, memory_format=torch.channels_last)  # type: ignore[call-overload]


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
