"""What other people's fields say to one person's: negative and similarity contrast (InsTaG; D3-Talker, eq. 10)."""

from __future__ import annotations

import torch
from torch import Tensor

from d3talker.config.method import MethodSettings
from d3talker.config.pretraining import ContrastSettings
from d3talker.faces.points import INNER_LIPS
from d3talker.fields.together import positions_together
from d3talker.losses.contrast import cosine, magnitude_ratio, negative_contrast, sample_points, similarity_contrast
from d3talker.models.head import Branch, DrivenField
from d3talker.recipes.pretrain.people import Pupil


class PeopleContrast:
    """A :class:`Contrast` of one branch of one pupil against all others.

    Args:
        pupils: everybody.
        place: of the pupil among them.
        branch: ``face`` or ``mouth``.
        method: tells which losses there are.
        settings: their weights.
    """

    def __init__(
        self, pupils: list[Pupil], place: int, branch: str, method: MethodSettings, settings: ContrastSettings
    ) -> None:
        self._pupil, self._place, self._settings, self._method = pupils[place], place, settings, method
        self._branch: Branch = getattr(pupils[place].head, branch)
        self._own = [_personal(getattr(pupil.head, branch))[1] for pupil in pupils]
        self._lips = self._pupil.frames.face_shape[list(INNER_LIPS)].mean(dim=0)
        self.strength = 0.0
        """Of the similarity contrast, from 0 to 1."""
        self.monitors: dict[str, float] = {}
        """What was seen last: cosine of General and Individual motion, and the ratio of their sizes."""

    def __call__(self, frame: int, codes: list[Tensor], hook: Tensor | None = None) -> Tensor:
        """See :class:`Contrast`."""
        s, frames = self._settings, self._pupil.frames
        means = self._branch.gaussians.means.detach()
        points = means[sample_points(means, self._lips, self._pupil.generator, s.points)]
        expression = frames.expression[frame]
        (place,) = self._branch.counts("general")
        general, own = (
            driven.field(driven.field.rest(points), codes[at], expression, hook)
            .times(1.0 / driven.field.settings.share)
            .position
            for at, driven in ((place, self._branch.driven[place]), _personal(self._branch))
        )
        fields = [driven.field for driven in self._own]
        everybody = positions_together(fields, points, self._heard(frame), expression)
        others = torch.cat([everybody[: self._place], everybody[self._place + 1 :]])
        loss = torch.zeros((), device=points.device)
        if self._method.contrast:
            loss = loss + s.negative * negative_contrast(own, others, s.unit)
        if self._method.similarity:
            individuals = [*everybody]
            individuals[self._place] = own
            told = similarity_contrast(general, individuals, self._place, s.temperature)
            loss = loss + s.similarity * self.strength * told
        with torch.no_grad():
            self.monitors = {
                "cosine": float(cosine(general, own)),
                "magnitude_ratio": float(magnitude_ratio(own, general)),
            }
        return loss

    @torch.no_grad()
    def _heard(self, frame: int) -> Tensor:
        """The code of this person's sound, once for everybody (I, 32)."""
        code = self._own[self._place].codes(self._pupil.frames.signals, torch.tensor([frame]))
        return code.expand(len(self._own), -1)


def _personal(branch: Branch) -> tuple[int, DrivenField]:
    return next((place, driven) for place, driven in enumerate(branch.driven) if not driven.field.settings.shared)


def wants_contrast(method: MethodSettings, people: int) -> bool:
    """Whether there is anybody to differ from."""
    return people > 1 and (method.contrast or method.similarity)
