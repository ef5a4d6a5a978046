"""What a bench runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from d3talker.config.method import METHODS
from d3talker.config.training import AdaptSettings

AT_TEST = ("general", "individual")
"""Rows of the ablation table that train nothing: the full head with half of its fields."""


@dataclass(frozen=True)
class BenchSettings:
    """The matrix, and how each cell is trained."""

    preset: AdaptSettings
    """How long to train, at which size."""
    methods: tuple[str, ...] = tuple(METHODS)
    """Rows of Tables 1 to 3."""
    seconds: tuple[float, ...] = (10.0,)
    """Of each clip to learn from."""
    seeds: tuple[int, ...] = (0,)
    """Trainings of every cell."""
    ablations: tuple[str, ...] = ()
    """Rows of Table 4: names of :data:`d3talker.config.ablation.ABLATIONS` and :data:`AT_TEST`."""
    priors: Path | None = None
    """Folder of priors, in place of the shipped ones."""
    front_end: str = "phone29"
    """What hears the sound."""
    english: tuple[str, ...] = ()
    """Clips whose p, b and m are found by pocketsphinx in place of the phone encoder."""
    driven_seconds: float = 20.0
    """Of another clip's words that each head says."""
    workers: int = 1
    """Processes that train at once."""
    device: str = "auto"
    """Where to compute."""
