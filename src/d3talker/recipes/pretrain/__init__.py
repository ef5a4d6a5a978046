"""Pre-training: from clips of several people to a prior (InsTaG, section 3.2; D3-Talker, section 3.3).

The story: every person gets a head of their own, whose General fields are everybody's; the encoders learn to hear, then
faces and insides of mouths learn in turns, people's own fields told apart by contrast, and a refiner learns what all
their pictures lack. What the prior keeps is the exponential mean of the General fields and the refiner. Facial motion
is predicted from sound throughout.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from d3talker import __version__
from d3talker.config.method import MethodSettings
from d3talker.config.pretraining import PretrainSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import writable_folder
from d3talker.core.progress import Progress, Silent
from d3talker.losses.perceptual import judge_at_hand
from d3talker.models.person import as_plain
from d3talker.models.prior import save_prior, shared_tensors
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.adapt.loop import NOTE_EVERY
from d3talker.recipes.adapt.refine import tell_judge
from d3talker.recipes.hearing import fingerprints, hearing
from d3talker.recipes.pretrain.checkpoint import Course, load_course, save_course
from d3talker.recipes.pretrain.crowd import Crowd
from d3talker.recipes.pretrain.people import Pupil, PupilSource, apart, read_pupils
from d3talker.recipes.pretrain.ranks import Ranks, ranks_of_torchrun
from d3talker.recipes.pretrain.report import write_pretrain_report
from d3talker.recipes.pretrain.stages import listening, looking, refining
from d3talker.signals import front_ends


def pretrain(
    clips: list[Path],
    out: Path,
    method: MethodSettings,
    preset: PretrainSettings,
    *,
    work: Path,
    folds: Path | None = None,
    pictures_only: Sequence[Path] = (),
    front_end: str = front_ends.DEFAULT,
    device: torch.device | None = None,
    restart: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Learns a prior and writes it to ``out``.

    Args:
        clips: videos, or folders that ``prepare`` wrote, one for each person (two of one person count as two).
        out: the prior, ``.safetensors``; a ``.json`` beside it tells how it was made.
        method: what heads are made of.
        preset: how long, at which size.
        work: folder of the cached frames and the checkpoint; a killed run goes on there.
        folds: motion that networks predicted which never saw the person (``scripts/train_audio2motion.py --folds``);
            the shipped networks' motion otherwise.
        pictures_only: more clips, whose sound is not to be trusted: of them only the refiner learns.
        front_end: the speech features.
        device: where to compute; the CPU if None.
        restart: forget an earlier run in ``work``.
        progress: hears of stages and steps.

    Raises:
        D3Error: the clips or folders cannot be used, or the method shares nothing.
    """
    progress, device = progress or Silent(), device or torch.device("cpu")
    if not any(field.shared for branch in (method.face, method.mouth) for field in branch.fields):
        raise D3Error(f"{method.name} shares nothing between people", "instag or d3talker", "It needs no prior.")
    if out.suffix != ".safetensors":
        raise D3Error(f"the prior {out}", "a name that ends in .safetensors", "Change --out.")
    writable_folder(out.parent)
    if not clips:
        raise D3Error("no clips are given", "videos or prepared clips, a person each", "See d3talker pretrain --help.")
    people = len(clips) + len(pictures_only)
    with ranks_of_torchrun(device) as ranks, quiet_threads(device):
        progress = progress if ranks.number == 0 else Silent()
        if people == 1:
            progress.say("One person only: nobody to be told apart from, so what is General is not known. Going on.")
        if ranks.count > people:
            seen = f"{ranks.count} processes for {people} people"
            raise D3Error(seen, "a person for each process", "Start fewer processes.")
        ears = hearing(method, front_end)
        person, seed = preset.person, preset.person.seed
        sources = [PupilSource(clip, folds) for clip in clips]
        sources += [PupilSource(clip, None, pictures_only=True) for clip in pictures_only]
        pupils = read_pupils(
            sources, method, ears, person.resolution, writable_folder(work), seed, ranks, device, progress
        )
        path = work / f"course-{ranks.number}.safetensors"
        if restart:
            path.unlink(missing_ok=True)
        judge = None if method.refiner is None else judge_at_hand()
        plan = _plan(method, preset, pupils, front_end, ranks) | {"judge": judge}
        course = load_course(path, pupils, plan)
        if judge is not None:
            tell_judge(judge, progress)
        stages: list[Callable[[], Crowd]] = [
            lambda: listening(pupils, preset, ranks),
            lambda: looking("face", pupils, method, preset, ranks),
            lambda: looking("mouth", pupils, method, preset, ranks),
            *([] if judge is None else [lambda: refining(pupils, preset, judge, ranks)]),
        ]
        while course.stage < len(stages):
            _run(stages[course.stage](), course, pupils, preset, work, ranks, progress)
            course.stage, course.iteration, course.pending = course.stage + 1, 0, {}
            save_course(path, course, pupils, {}, ranks)
        if ranks.number == 0:
            meta = _meta(method, preset, pupils, front_end, folds, course) | {"judge": judge}
            save_prior(out, course.mean, meta)
            write_pretrain_report(work / "report.html", meta, course.history)
            progress.say(f"{out} is written; {work / 'report.html'} has its curves")
    return out


def _plan(
    method: MethodSettings, preset: PretrainSettings, pupils: list[Pupil], front_end: str, ranks: Ranks
) -> dict[str, Any]:
    return {
        "method": as_plain(method),
        "preset": as_plain(preset),
        "people": [pupil.name for pupil in pupils],
        "pictures only": [pupils[place].name for place in sorted(apart(pupils))],
        "ears": fingerprints(method, front_end),
        "number of processes": ranks.count,
    }


def _run(
    crowd: Crowd,
    course: Course,
    pupils: list[Pupil],
    preset: PretrainSettings,
    work: Path,
    ranks: Ranks,
    progress: Progress,
) -> None:
    path = work / f"course-{ranks.number}.safetensors"
    crowd.left_out = set(course.left_out)
    if course.pending:
        crowd.restore(course.pending)
        course.pending = {}
    saved = started = time.monotonic()
    before = course.seconds
    with progress.stage(f"pre-train {crowd.name}", crowd.iterations, course.iteration) as advance:
        while course.iteration < crowd.iterations:
            course.iteration += 1
            told = crowd.step(course.iteration, progress)
            course.left_out = sorted(crowd.left_out)
            _remember(course.mean, shared_tensors(pupils[0].head), preset.memory)
            if course.iteration % NOTE_EVERY == 0 or course.iteration == crowd.iterations:
                course.history.append({"stage": crowd.name, "iteration": course.iteration, **told})
            advance(note=f"loss {told['loss']:.4f}")
            course.seconds = before + time.monotonic() - started
            if _time_to_save(saved, preset.save_every, course.iteration, ranks):
                save_course(path, course, pupils, crowd.tensors(), ranks)
                saved = time.monotonic()


def _time_to_save(saved: float, every: float, iteration: int, ranks: Ranks) -> bool:
    """The first process looks at its clock, and all save at one iteration."""
    due = torch.tensor([int(time.monotonic() - saved > every)])
    if ranks.count > 1:
        if iteration % 10:
            return False
        ranks.pass_on([due], 0)
    return bool(due)


@torch.no_grad()
def _remember(mean: dict[str, Tensor], now: dict[str, Tensor], memory: float) -> None:
    """The exponential mean of every tensor, in place; what is not there yet begins as it is."""
    for name, tensor in now.items():
        if name in mean:
            mean[name].lerp_(tensor, 1.0 - memory)
        else:
            mean[name] = tensor.clone()


def _meta(
    method: MethodSettings,
    preset: PretrainSettings,
    pupils: list[Pupil],
    front_end: str,
    folds: Path | None,
    course: Course,
) -> dict[str, Any]:
    source = "the shipped networks" if folds is None else "leave-one-person-out folds"
    return {
        "d3talker": __version__,
        "method": as_plain(method),
        "preset": as_plain(preset),
        "ears": fingerprints(method, front_end),
        "front_end": front_end,
        **({"motion_of_the_clips": source} if "motion" in method.signals else {}),
        "people": [pupil.name for pupil in pupils],
        "left_out": [pupils[place].name for place in course.left_out],
        "of_these_pictures_only": [pupils[place].name for place in sorted(apart(pupils))],
        "minutes": round(course.seconds / 60, 1),
    }
