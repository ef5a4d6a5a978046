"""A trained head in motion: all that does not change between frames is computed once, memory does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from d3talker.fields.audio import NEIGHBOURS, AudioEncoder
from d3talker.models.gaussians import draw
from d3talker.models.head import Branch, Head, compose, total
from d3talker.ops.rasterize import Rendered

SMOOTHING = (0.25, 0.5, 0.25)
"""Weights of three neighbouring codes: what an encoder invents for one frame alone is no motion of lips."""


@dataclass(frozen=True)
class Codes:
    """The signal codes (32,) of one frame, one for each field of a branch."""

    face: list[Tensor]
    mouth: list[Tensor]


class Animation:
    """Draws frames of a head whose Gaussians no longer change."""

    def __init__(self, head: Head) -> None:
        self._head = head
        with torch.no_grad():
            self._fields = {
                name: [driven.field.frozen(rest) for driven, rest in zip(branch.driven, branch.rest(), strict=True)]
                for name, branch in (("face", head.face), ("mouth", head.mouth))
            }

    @torch.no_grad()
    def branches(
        self, codes: Codes, expression: Tensor, world_to_cam: Tensor, intrinsics: Tensor, resolution: int
    ) -> tuple[Rendered, Rendered]:
        """Face and mouth of one frame over black."""
        drawn = []
        for name, branch, code in (("face", self._head.face, codes.face), ("mouth", self._head.mouth, codes.mouth)):
            moved = total([field(c, expression) for field, c in zip(self._fields[name], code, strict=True)])
            drawn.append(draw(branch.gaussians, moved, world_to_cam, intrinsics, resolution))
        return drawn[0], drawn[1]

    def frame(
        self, codes: Codes, expression: Tensor, world_to_cam: Tensor, intrinsics: Tensor, behind: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The picture (R, R, 3) in [0, 1] over ``behind`` (R, R, 3), and the alpha (R, R) of the head."""
        face, mouth = self.branches(codes, expression, world_to_cam, intrinsics, len(behind))
        alpha = 1.0 - (1.0 - face.alpha[0]) * (1.0 - mouth.alpha[0])
        return compose(face, mouth, behind[None])[0].clamp(0.0, 1.0), alpha


@torch.no_grad()
def stream_codes(head: Head, pieces: Iterator[Tensor]) -> Iterator[Codes]:
    """The codes of every frame in order, from speech windows in pieces (n, 16, C).

    The attention looks three frames ahead and the smoothing one, so the codes come that much later than the windows.
    """
    encoders = [driven.encoder for branch in (head.face, head.mouth) for driven in branch.driven]
    faces = len(head.face.driven)
    recent: list[Tensor] = []
    for attended in _attended(encoders, pieces):
        recent = [*(recent or [attended]), attended][-3:]  # before the first frame stands the first one
        if len(recent) == 3:
            yield _smoothed(recent, faces)
    if recent:
        yield _smoothed([*recent, recent[-1]][-3:], faces)


def _smoothed(three: list[Tensor], faces: int) -> Codes:
    weighted = sum(weight * codes for weight, codes in zip(SMOOTHING, three, strict=True))
    codes = list(torch.as_tensor(weighted))
    return Codes(codes[:faces], codes[faces:])


def _attended(encoders: list[AudioEncoder], pieces: Iterator[Tensor]) -> Iterator[Tensor]:
    """The codes of all encoders (E, 32), frame by frame."""
    held: list[Tensor] | None = None
    before, after = NEIGHBOURS // 2, NEIGHBOURS - NEIGHBOURS // 2 - 1
    for windows in pieces:
        fresh = [encoder.net(windows) for encoder in encoders]
        if held is None:
            held = [code[:1].expand(before, -1) for code in fresh]
        held = [torch.cat(pair) for pair in zip(held, fresh, strict=True)]
        ready = len(held[0]) - NEIGHBOURS + 1
        yield from _attend(encoders, held, ready)
        held = [code[max(0, ready) :] for code in held]
    if held is not None:
        held = [torch.cat([code, code[-1:].expand(after, -1)]) for code in held]
        yield from _attend(encoders, held, len(held[0]) - NEIGHBOURS + 1)


def _attend(encoders: list[AudioEncoder], held: list[Tensor], count: int) -> Iterator[Tensor]:
    if count > 0:
        codes = [
            encoder.attention(code.unfold(0, NEIGHBOURS, 1)[:count].transpose(1, 2))
            for encoder, code in zip(encoders, held, strict=True)
        ]
        yield from torch.stack(codes, dim=1)


@torch.no_grad()
def clip_codes(branch: Branch, windows: Tensor) -> list[Tensor]:
    """The codes (T, 32) of every frame of a clip for each field of a branch, as :func:`stream_codes` gives them."""
    smoothed = []
    for codes in branch.codes(windows, torch.arange(len(windows))):
        padded = torch.cat([codes[:1], codes, codes[-1:]])
        smoothed.append(sum(weight * padded[i : i + len(codes)] for i, weight in enumerate(SMOOTHING)))
    return [torch.as_tensor(codes) for codes in smoothed]
