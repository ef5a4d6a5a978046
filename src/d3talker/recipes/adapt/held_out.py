"""A second of the clip that a stage does not learn from, to see when it stops learning what holds beyond its frames.

The stage then goes on to its last tenth, where the rates are small and the held-out second is learned from as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from d3talker.config.training import StageSettings
from d3talker.models.head import Branch
from d3talker.recipes.adapt.codes import NoisyCodes
from d3talker.recipes.adapt.frames import TrainingFrames

_LOOKS = 50  # a stage, about ...
_LOOK_STEP = 20  # ... and always after a multiple of so many iterations, as the curves are noted
_SECOND = 25
_EVERY_OTHER = 2


class HeldOut:
    """The held-out second of a stage with patience.

    Args:
        settings: of the stage.
        candidates: indices of the frames that the stage could learn from.
    """

    def __init__(self, settings: StageSettings, candidates: np.ndarray) -> None:
        self.settings, self.everyone = settings, candidates
        held = _SECOND if settings.patience and len(candidates) > 2 * _SECOND else 0
        self.learned, self.held = np.split(candidates, [len(candidates) - held])
        self.every = _LOOK_STEP * max(1, round(settings.iterations / _LOOKS / _LOOK_STEP))

    def candidates(self, iteration: int) -> np.ndarray:
        """The frames to learn from in ``iteration``: all of them in the last tenth."""
        return self.learned if iteration <= last_tenth(self.settings.iterations) else self.everyone

    def error(self, iteration: int, of_frame: Callable[[int], Tensor]) -> float | None:
        """The mean of ``of_frame`` over the held-out second if it is time to look, else None."""
        s = self.settings
        if not len(self.held) or iteration % self.every or not s.warm_up < iteration < last_tenth(s.iterations):
            return None
        with torch.no_grad():
            return torch.stack([of_frame(frame) for frame in self.held[::_EVERY_OTHER].tolist()]).mean().item()


def quiet_codes(branch: Branch, frames: TrainingFrames) -> NoisyCodes:
    """The codes of a branch without noise; no randomness that training needs is spent on them."""
    return NoisyCodes(branch, frames, 0.0, torch.Generator(), learn=False)


def last_tenth(iterations: int) -> int:
    """The iteration after which the last tenth of a stage begins."""
    return iterations - iterations // 10


def out_of_patience(errors: Sequence[float], patience: int) -> bool:
    """Whether the last ``patience`` of the ``errors`` on the held-out second were none of them the best so far."""
    return len(errors) > patience and min(errors[-patience:]) >= min(errors[:-patience])
