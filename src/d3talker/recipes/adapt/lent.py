"""What tracking knows and the fields cannot, lent to the Gaussians while they learn (ours).

No field tells from sound just where the lips are in a frame. Gaussians that fields alone move are fitted to pictures
of lips that are elsewhere: they learn to be blurred, half open or half shut, and no longer show what the fields say.
So in training the Gaussians about the mouth go where the face points were tracked; the fields learn that from the
points. When a head is drawn nothing is lent, and its Gaussians follow the fields (docs/methods.md has the comparison).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from d3talker.faces.points import LIPS, LOWER_FACE
from d3talker.fields.deformation import Displacement
from d3talker.models.animate import Codes, Moves
from d3talker.models.head import Branch, Head, total
from d3talker.recipes.adapt.frames import TrainingFrames

_SHARPNESS = 5e-4  # metres: face points nearer than this count alike
_REACH = 8e-3  # metres from the nearest face point at which a third is still lent; nothing at twice that


class Lender:
    """Moves the Gaussians of a face on, to where the points of the lower face were tracked.

    Args:
        face: the branch; its Gaussians may wander, split and go between calls.
        frames: of the clip.
    """

    def __init__(self, face: Branch, frames: TrainingFrames) -> None:
        self._face, self._motion = face, frames.face_motion
        self._lower = torch.from_numpy(np.unique(np.concatenate([LIPS, LOWER_FACE]))).to(frames.device)
        self._points = frames.face_shape[self._lower]

    def __call__(self, displacement: Displacement, frame: int, said: Tensor) -> Displacement:
        """The ``displacement`` of the Gaussians and what is lent, where fields moved the face points by ``said``.

        ``said`` is (468, 3) in metres and gets no gradient.
        """
        left = (self._motion[frame] - said)[self._lower].detach()
        return replace(displacement, position=displacement.position + self._spread(left))

    @torch.no_grad()
    def _spread(self, left: Tensor) -> Tensor:
        """What is ``left`` at the points of the lower face (P, 3), at the Gaussians (N, 3): that of the nearest."""
        means, points = self._face.gaussians.means, self._points
        low, high = points.amin(dim=0) - 2 * _REACH, points.amax(dim=0) + 2 * _REACH
        (about,) = ((means > low) & (means < high)).all(dim=1).nonzero(as_tuple=True)
        squares = torch.cdist(means[about], points, compute_mode="donot_use_mm_for_euclid_dist").square()
        weights = (squares + _SHARPNESS**2).pow(-2.0)
        weights *= torch.exp(-squares.amin(dim=1, keepdim=True) / _REACH**2) / weights.sum(dim=1, keepdim=True)
        return torch.zeros_like(means).index_copy(0, about, weights @ left)


class LentMoves:
    """The displacements of a head whose Gaussians and fields stand still, with what tracking lends where it does."""

    @torch.no_grad()
    def __init__(self, head: Head, frames: TrainingFrames, lend: bool) -> None:
        self._moves, self._face, self._frames = Moves(head), head.face, frames
        self._points = head.face.rest_at(frames.face_shape)
        self._lender = Lender(head.face, frames) if lend else None

    @torch.no_grad()
    def __call__(self, frame: int, codes: Codes) -> tuple[Displacement, Displacement]:
        """Face and mouth in one frame of the clip, at ``codes``, which may have noise."""
        expression = self._frames.expression[frame]
        face, mouth = self._moves(codes, expression)
        if self._lender is None:
            return face, mouth
        said = total(self._face.parts(self._points, codes.face, expression))
        return self._lender(face, frame, said.position), mouth
