"""A trained head in motion: all that does not change between frames is computed once, memory does not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from d3talker.core.errors import D3Error
from d3talker.fields.deformation import EXPRESSION_SIZE, Displacement, FrozenField
from d3talker.fields.encoder import CODE_SIZE
from d3talker.fields.hook import face_hook
from d3talker.models.gaussians import draw, draw_together
from d3talker.models.head import Branch, Counted, DrivenField, Head, Signals, total
from d3talker.models.refiner import fastest_refiner
from d3talker.ops.recorded import recorded

SMOOTHING = (0.25, 0.5, 0.25)
"""Weights of three neighbouring codes: what an encoder invents for one frame alone is no motion of lips."""


@dataclass(frozen=True)
class Codes:
    """The signal codes (32,) of one frame, one for each field of a branch."""

    face: list[Tensor]
    mouth: list[Tensor]


@dataclass(frozen=True)
class Gain:
    """How much of the motion that speech causes is shown."""

    factor: float
    rest: Codes
    """Those of silence: the face that the motion starts from."""


class Moves:
    """The displacements of a head whose Gaussians and fields stand still, the same in training and in drawing.

    On a GPU those of one frame take the place of those of the frame before.
    """

    @torch.no_grad()
    def __init__(self, head: Head, counted: Counted = "all", gain: Gain | None = None) -> None:
        fields = FrozenFields.of(head, counted)
        move = fields.moved if gain is None else fields.moved_with(gain)
        self._move = recorded(move, *fields.silence(head.face.gaussians.device))

    @torch.no_grad()
    def __call__(self, codes: Codes, expression: Tensor) -> tuple[Displacement, Displacement]:
        """Face and mouth in one frame."""
        return self._move(expression, *codes.face, *codes.mouth)


@dataclass(frozen=True)
class FrozenFields:
    """The fields of both branches that count, with their places, over Gaussians that stand still."""

    face: list[tuple[int, FrozenField]]
    mouth: list[tuple[int, FrozenField]]
    sizes: tuple[int, int]  # all fields of either branch
    whole: float  # what their sum is multiplied by

    @staticmethod
    def of(head: Head, counted: Counted) -> FrozenFields:
        """Those of a head."""
        face, mouth = (_frozen(branch, counted) for branch in (head.face, head.mouth))
        if not face or not mouth:
            raise D3Error(f"this head has no {counted} field", "a person of d3talker", "Leave --fields out.")
        shares = [head.face.driven[place].field.settings.share for place, _ in face]
        whole = 1.0 if counted == "all" else 1.0 / sum(shares)
        return FrozenFields(face, mouth, (len(head.face.driven), len(head.mouth.driven)), whole)

    def moved(self, expression: Tensor, *codes: Tensor) -> tuple[Displacement, Displacement]:
        """Face and mouth in one frame, by the codes of all fields; the mouth hears how far the face moves."""
        face_codes, mouth_codes = codes[: self.sizes[0]], codes[self.sizes[0] :]
        face = total([field(face_codes[place], expression) for place, field in self.face]).times(self.whole)
        hook = face_hook(face.position[:, 1])
        mouth = total([field(mouth_codes[place], expression, hook) for place, field in self.mouth])
        return face, mouth.times(self.whole)

    def moved_with(self, gain: Gain) -> Callable[..., tuple[Displacement, Displacement]]:
        """As :meth:`moved`, farther from or nearer to where the face is while nobody speaks."""
        rest = (*gain.rest.face, *gain.rest.mouth)

        def moved(expression: Tensor, *codes: Tensor) -> tuple[Displacement, Displacement]:
            still, now = self.moved(expression, *rest), self.moved(expression, *codes)
            face, mouth = (a.times(1.0 - gain.factor) + b.times(gain.factor) for a, b in zip(still, now, strict=True))
            return face, mouth

        return moved

    def silence(self, device: torch.device) -> list[Tensor]:
        """Arguments of :meth:`moved`."""
        return [torch.zeros(EXPRESSION_SIZE, device=device), *torch.zeros(sum(self.sizes), CODE_SIZE, device=device)]


def _frozen(branch: Branch, counted: Counted) -> list[tuple[int, FrozenField]]:
    resting = branch.rest()
    return [(place, branch.driven[place].field.frozen(resting[place])) for place in branch.counts(counted)]


@dataclass(frozen=True)
class Coarse:
    """A frame as the Gaussians show it, before it is refined."""

    picture: Tensor
    """(1, R, R, 3), the face over the inside of the mouth over what lies behind."""
    face: Tensor
    """(1, R, R): the alpha of the face branch."""
    mouth: Tensor
    """(1, R, R): that of the inside of the mouth."""

    @property
    def alpha(self) -> Tensor:
        """(R, R): that of the head."""
        return (1.0 - (1.0 - self.face) * (1.0 - self.mouth))[0]


def draw_coarse(
    head: Head, moved: tuple[Displacement, Displacement], world_to_cam: Tensor, intrinsics: Tensor, behind: Tensor
) -> Coarse:
    """One frame of a head displaced by ``moved``, over ``behind`` (1, R, R, 3) (TalkingGaussian, section 3.3)."""
    way = draw_at_once if behind.is_cuda else draw_in_turn
    return way(head, moved, world_to_cam, intrinsics, behind)


def draw_in_turn(
    head: Head, moved: tuple[Displacement, Displacement], world_to_cam: Tensor, intrinsics: Tensor, behind: Tensor
) -> Coarse:
    """As a CPU does it: each branch is blended onto what is behind it as it is drawn, so no picture is walked twice."""
    size = behind.shape[1]
    mouth = draw(head.mouth.gaussians, moved[1], world_to_cam, intrinsics, size, behind)
    face = draw(head.face.gaussians, moved[0], world_to_cam, intrinsics, size, mouth.features)
    return Coarse(face.features, face.alpha, mouth.alpha)


def draw_at_once(
    head: Head, moved: tuple[Displacement, Displacement], world_to_cam: Tensor, intrinsics: Tensor, behind: Tensor
) -> Coarse:
    """As a GPU does it: both branches in one call, which leaves it less idle than two, then one over the other."""
    clouds = [(head.face.gaussians, moved[0]), (head.mouth.gaussians, moved[1])]
    both = draw_together(clouds, world_to_cam, intrinsics, behind.shape[1])
    (face, mouth), alphas = both.features.split(1), both.alpha.split(1)
    left_by_face, left_by_mouth = ((1.0 - alpha)[..., None] for alpha in alphas)
    inner = torch.addcmul(mouth, left_by_mouth, behind)
    return Coarse(torch.addcmul(face, left_by_face, inner), *alphas)


class Animation:
    """Draws frames of a head whose Gaussians no longer change."""

    def __init__(self, head: Head, counted: Counted = "all", gain: Gain | None = None) -> None:
        self._head = head
        self._moves = Moves(head, counted, gain)
        self._refiner = None if head.refiner is None else fastest_refiner(head.refiner)

    @torch.no_grad()
    def frame(
        self, codes: Codes, expression: Tensor, world_to_cam: Tensor, intrinsics: Tensor, behind: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The picture (R, R, 3) in [0, 1] over ``behind`` (R, R, 3), and the alpha (R, R) of the head."""
        coarse = self.coarse(codes, expression, world_to_cam, intrinsics, behind)
        return self.refined(coarse), coarse.alpha

    @torch.no_grad()
    def coarse(
        self, codes: Codes, expression: Tensor, world_to_cam: Tensor, intrinsics: Tensor, behind: Tensor
    ) -> Coarse:
        """What the Gaussians show, over ``behind`` (R, R, 3)."""
        coarse = draw_coarse(self._head, self._moves(codes, expression), world_to_cam, intrinsics, behind[None])
        return replace(coarse, picture=coarse.picture.clamp_(0.0, 1.0))

    @torch.no_grad()
    def refined(self, coarse: Coarse) -> Tensor:
        """The final picture (R, R, 3); the coarse one where the head has no refiner."""
        if self._refiner is None:
            return coarse.picture[0]
        return self._refiner(coarse.picture, coarse.face, coarse.mouth)[0]


@torch.no_grad()
def stream_codes(head: Head, pieces: Iterator[Signals]) -> Iterator[Codes]:
    """The codes of every frame in order, from the signals in pieces of n frames.

    The encoders look three or four frames ahead and the smoothing one, so the codes come that much later.
    """
    driven = [driven for branch in (head.face, head.mouth) for driven in branch.driven]
    faces = len(head.face.driven)
    recent: list[Tensor] = []
    for codes in _looked(driven, pieces):
        recent = [*(recent or [codes]), codes][-3:]  # before the first frame stands the first one
        if len(recent) == 3:
            yield _smoothed(recent, faces)
    if recent:
        yield _smoothed([*recent, recent[-1]][-3:], faces)


def _smoothed(three: list[Tensor], faces: int) -> Codes:
    weighted = sum(weight * codes for weight, codes in zip(SMOOTHING, three, strict=True))
    codes = list(torch.as_tensor(weighted))
    return Codes(codes[:faces], codes[faces:])


def _looked(driven: list[DrivenField], pieces: Iterator[Signals]) -> Iterator[Tensor]:
    """The codes of all fields (E, 32), frame by frame."""
    before, after = (max(getattr(d.encoder, side) for d in driven) for side in ("before", "after"))
    held: list[Tensor] | None = None
    for piece in pieces:
        fresh = [d.encoder.net(piece[d.field.settings.signal]) for d in driven]
        if held is None:
            held = [features[:1].expand(before, -1) for features in fresh]
        held = [torch.cat(pair) for pair in zip(held, fresh, strict=True)]
        ready = len(held[0]) - before - after
        yield from _look(driven, held, before, ready)
        held = [features[max(0, ready) :] for features in held]
    if held is not None:
        held = [torch.cat([features, features[-1:].expand(after, -1)]) for features in held]
        yield from _look(driven, held, before, len(held[0]) - before - after)


def _look(driven: list[DrivenField], held: list[Tensor], before: int, count: int) -> Iterator[Tensor]:
    if count > 0:
        codes = []
        for d, features in zip(driven, held, strict=True):
            around = features[before - d.encoder.before :].unfold(0, d.encoder.before + 1 + d.encoder.after, 1)
            codes.append(d.encoder.look(around[:count].transpose(1, 2)))
        yield from torch.stack(codes, dim=1)


@torch.no_grad()
def clip_codes(branch: Branch, signals: Signals) -> list[Tensor]:
    """The codes (T, 32) of every frame of a clip for each field of a branch, as :func:`stream_codes` gives them."""
    smoothed = []
    for driven in branch.driven:
        codes = driven.clip_codes(signals)
        padded = torch.cat([codes[:1], codes, codes[-1:]])
        smoothed.append(sum(weight * padded[i : i + len(codes)] for i, weight in enumerate(SMOOTHING)))
    return [torch.as_tensor(codes) for codes in smoothed]
