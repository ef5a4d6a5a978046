"""Runs the stages, writes down where they are, and goes on from there after any kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from d3talker.config.method import MethodSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_file
from d3talker.core.progress import Progress
from d3talker.models.head import Head
from d3talker.models.person import head_from_tensors, head_tensors, write_tensors
from d3talker.recipes.adapt.held_out import last_tenth, out_of_patience
from d3talker.recipes.adapt.stage import Stage

NOTE_EVERY = 20
"""Iterations between two points of the loss curve."""
MOST_BAD_STEPS = 20
"""So many losses in a row that are not numbers end the run."""


@dataclass
class Run:
    """Where a run is: the head as it stands, the stage, the iteration, and what was noted on the way."""

    head: Head
    generator: torch.Generator
    stage: int = 0
    iteration: int = 0
    seconds: float = 0.0
    history: list[dict[str, float | str]] = field(default_factory=list)
    pending: dict[str, Tensor] = field(default_factory=dict)
    """State of the running stage, read from the checkpoint and not yet taken up."""


def run_stages(
    run: Run,
    stages: Sequence[Callable[[Head], Stage]],
    checkpoint: Path,
    save_every: float,
    progress: Progress,
    note: Callable[[dict[str, float | str]], None],
    done: Callable[[str], None],
) -> None:
    """Runs every stage from where ``run`` is; ``note`` hears each point of the curves, ``done`` each finished stage.

    Raises:
        D3Error: the loss stopped being a number.
    """
    while run.stage < len(stages):
        stage = stages[run.stage](run.head)
        if run.pending:
            stage.restore(run.pending)
            run.pending = {}
        _run_stage(run, stage, checkpoint, save_every, progress, note)
        done(stage.name)
        run.stage, run.iteration = run.stage + 1, 0
        save_checkpoint(checkpoint, run, {})


def _run_stage(
    run: Run,
    stage: Stage,
    checkpoint: Path,
    save_every: float,
    progress: Progress,
    note: Callable[[dict[str, float | str]], None],
) -> None:
    bad, losses, saved, started = 0, [], time.monotonic(), time.monotonic()
    before = run.seconds
    with progress.stage(f"train {stage.name}", stage.iterations, run.iteration) as advance:
        while run.iteration < stage.iterations:
            run.iteration += 1
            told = stage.step(run.iteration)
            bad = bad + 1 if told["loss"] != told["loss"] else 0
            if bad > MOST_BAD_STEPS:
                raise D3Error(
                    f"the loss of the {stage.name} stage is not a number since iteration {run.iteration - bad + 1}",
                    "finite losses",
                    "Look at the clip's report.html for broken frames; if it looks right, report a bug with it.",
                )
            if not bad:
                losses.append(told["loss"])
            unseen = stage.unseen_error(run.iteration)
            if run.iteration % NOTE_EVERY == 0 and losses:
                mean = sum(losses) / len(losses)
                point: dict[str, float | str] = {"stage": stage.name, "iteration": run.iteration, **told, "loss": mean}
                if unseen is not None:
                    point["unseen"] = unseen
                run.history.append(point)
                note(point)
                losses = []
            advance(note=f"loss {told['loss']:.4f}")
            if unseen is not None and out_of_patience(_unseen_errors(run, stage), stage.patience):
                left = last_tenth(stage.iterations)
                progress.say(f"the {stage.name} stage learns nothing more that holds for unseen frames: on to its end")
                advance(left - run.iteration)
                run.iteration = left
            run.seconds = before + time.monotonic() - started
            if time.monotonic() - saved > save_every:
                save_checkpoint(checkpoint, run, stage.tensors())
                saved = time.monotonic()


def _unseen_errors(run: Run, stage: Stage) -> list[float]:
    return [float(point["unseen"]) for point in run.history if point["stage"] == stage.name and "unseen" in point]


def save_checkpoint(path: Path, run: Run, stage: dict[str, Tensor]) -> None:
    """Writes the whole state as one file, atomically."""
    tensors = {f"head.{name}": tensor for name, tensor in head_tensors(run.head).items()}
    tensors |= {f"stage.{name}": tensor for name, tensor in stage.items()}
    tensors["generator"] = run.generator.get_state()
    state = {"stage": run.stage, "iteration": run.iteration, "seconds": run.seconds, "history": run.history}
    with atomic_file(path) as partial:
        write_tensors(partial, tensors, state)


def load_checkpoint(path: Path, method: MethodSettings, channels: int, device: torch.device) -> Run | None:
    """The run written at ``path``, or None where there is none.

    Raises:
        D3Error: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state: dict[str, Any] = json.loads(file.metadata()["state"])
    except (SafetensorError, OSError, KeyError, ValueError):
        raise D3Error(f"{path} is damaged", "a whole checkpoint", "Run again with --restart.") from None

    def part(prefix: str) -> dict[str, Tensor]:
        return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    generator = torch.Generator()
    generator.set_state(tensors["generator"])
    head = head_from_tensors(method, channels, part("head.")).to(device)
    return Run(head, generator, pending=part("stage."), **state)
