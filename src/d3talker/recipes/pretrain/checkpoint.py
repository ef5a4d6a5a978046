"""Where a course of pre-training is, and going on from there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_file
from d3talker.models.gaussians import PARAMETERS, Gaussians
from d3talker.models.person import head_tensors, write_tensors
from d3talker.models.prior import shared_tensors
from d3talker.recipes.pretrain.people import Pupil
from d3talker.recipes.pretrain.ranks import Ranks


@dataclass
class Course:
    """The stage, the iteration, the mean of the shared fields, and what was noted on the way."""

    stage: int = 0
    iteration: int = 0
    seconds: float = 0.0
    left_out: list[int] = field(default_factory=list)
    """Places of people whose losses stopped being numbers."""
    history: list[dict[str, Any]] = field(default_factory=list)
    mean: dict[str, Tensor] = field(default_factory=dict)
    pending: dict[str, Tensor] = field(default_factory=dict)
    """State of the running stage, read from the checkpoint and not yet taken up."""
    plan: dict[str, Any] = field(default_factory=dict)
    """What the run was begun with."""


def save_course(path: Path, course: Course, pupils: list[Pupil], stage: dict[str, Tensor], ranks: Ranks) -> None:
    """Writes the state as one file, atomically, in all processes or in none.

    Of people who live in other processes only the fields are true. Generators are kept between stages too: who is
    killed before a stage's first save begins it as it was begun.
    """
    tensors = {f"mean.{name}": tensor for name, tensor in course.mean.items()}
    tensors |= {f"stage.{name}": tensor for name, tensor in stage.items()}
    for place, pupil in enumerate(pupils):
        once = shared_tensors(pupil.head).keys() if place else ()
        own = {name: tensor for name, tensor in head_tensors(pupil.head).items() if name not in once}
        tensors |= {f"head.{place}.{name}": tensor for name, tensor in own.items()}
        tensors[f"generator.{place}"] = pupil.generator.get_state()
    state = {
        "stage": course.stage,
        "iteration": course.iteration,
        "seconds": course.seconds,
        "left_out": course.left_out,
        "history": course.history,
        "plan": course.plan,
    }
    with atomic_file(path) as partial:
        write_tensors(partial, tensors, state)
        ranks.wait()


def load_course(path: Path, pupils: list[Pupil], plan: dict[str, Any]) -> Course:
    """The course written at ``path``, or a new one; the heads of the pupils become those of the checkpoint.

    Raises:
        D3Error: the file is damaged, or holds a run that was begun otherwise.
    """
    if not path.exists():
        return Course(plan=plan)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state: dict[str, Any] = json.loads(file.metadata()["state"])
    except (SafetensorError, OSError, KeyError, ValueError):
        raise D3Error(f"{path} is damaged", "a whole checkpoint", "Run again with --restart.") from None
    different = [key for key in plan if state["plan"].get(key) != plan[key]]
    if different:
        raise D3Error(
            f"{path.parent} holds a run with another {' and '.join(different)}",
            "the same command as before",
            "Give --restart to begin anew, or another --work.",
        )

    def part(prefix: str) -> dict[str, Tensor]:
        return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    for place, pupil in enumerate(pupils):
        own = part(f"head.{place}.")
        for branch in ("face", "mouth"):
            part_of = getattr(pupil.head, branch)
            device = part_of.gaussians.device
            part_of.gaussians = Gaussians({name: own[f"{branch}.gaussians.{name}"].to(device) for name in PARAMETERS})
        pupil.head.load_state_dict(own, strict=False)  # what is shared came with the first one
        pupil.generator.set_state(tensors[f"generator.{place}"])
    return Course(mean=part("mean."), pending=part("stage."), **state)
