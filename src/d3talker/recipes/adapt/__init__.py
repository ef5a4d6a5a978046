"""Adaptation: from a clip of a talking person to a head that talks.

The story: prepare the clip, start the Gaussians on the tracked surface, teach the encoders to hear the lips, train
the face, the inside of the mouth and both together, teach the refiner, write the person's folder and a report to look
at. Every step can be killed and goes on where it was.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from d3talker import __version__
from d3talker.config.method import MethodSettings, adapted
from d3talker.config.presets import for_method
from d3talker.config.training import AdaptSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, writable_folder, write_json
from d3talker.core.progress import Progress, Silent
from d3talker.losses.perceptual import Judge, judge_at_hand, load_perceptual
from d3talker.models.head import Head, build_head
from d3talker.models.person import Person, as_plain, load_person, save_person
from d3talker.models.prior import Prior, load_prior, require_same_ears, take_up, teaches_refiner
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.adapt.face import FaceStage
from d3talker.recipes.adapt.frames import TrainingFrames, read_training_frames
from d3talker.recipes.adapt.fuse import FuseStage
from d3talker.recipes.adapt.listen import ListenStage
from d3talker.recipes.adapt.loop import Run, load_checkpoint, run_stages
from d3talker.recipes.adapt.mouth import MouthStage
from d3talker.recipes.adapt.plates import write_plates
from d3talker.recipes.adapt.refine import RefineStage, tell_judge
from d3talker.recipes.adapt.report import Notebook, write_adapt_report
from d3talker.recipes.adapt.stage import Stage
from d3talker.recipes.adapt.start import start_face, start_mouth
from d3talker.recipes.adapt.told import shipped_speech
from d3talker.recipes.hearing import Hearing, fingerprints, hearing
from d3talker.recipes.manner import manner
from d3talker.recipes.prepare import prepared
from d3talker.signals import front_ends
from d3talker.signals.motion_style import MotionStyle
from d3talker.tracking.clip import Clip

SHORTEST = 3.0
"""Seconds of clip below which nothing useful is learned."""


def adapt(
    source: Path,
    out: Path,
    method: MethodSettings,
    preset: AdaptSettings,
    *,
    seconds: float | None = None,
    front_end: str = front_ends.DEFAULT,
    prior: str = "none",
    device: torch.device | None = None,
    restart: bool = False,
    progress: Progress | None = None,
    picture_every: float | None = None,
) -> Person:
    """Turns a video, or a folder that ``prepare`` wrote, into a person.

    Args:
        source: the video or the prepared clip.
        out: the person's folder; a killed run in it goes on, a finished one is read.
        method: what the head is made of.
        preset: how long to train and at which size.
        seconds: learn from the first so many seconds of the clip; None for all of it.
        front_end: the speech features.
        prior: ``shipped``, a file that ``pretrain`` wrote, or ``none`` to learn everything from the clip.
        device: where to compute; the CPU if None.
        restart: forget what is in ``out`` and train anew; a clip prepared there is kept.
        progress: hears of stages and steps.
        picture_every: seconds between pictures of the training head, ``work/notebook/now.png``; None draws none but
            those after every stage.

    Raises:
        D3Error: the source or the folder cannot be used.
    """
    progress, device = progress or Silent(), device or torch.device("cpu")
    if any(stage.loss.perceptual > 0.0 for stage in (preset.face, preset.mouth, preset.fuse)):
        load_perceptual()  # told now rather than after an hour
    method = adapted(method)
    preset = for_method(preset, method)
    taught = None if prior == "none" else load_prior(prior, method)
    heard = fingerprints(method, front_end)  # a wrong name is told before the clip is prepared
    if taught is not None:
        require_same_ears(taught, heard)
    work = writable_folder(out / "work")
    if restart:
        _forget(out, work)
    clip = prepared(source, work / "clip", progress)
    count = _frames_to_learn(clip, seconds)
    style = _style(clip, count, work / "plan.json") if "motion" in method.signals else None
    ears = hearing(method, front_end, style=style)
    judge = None if method.refiner is None else judge_at_hand()
    plan = _plan(clip, count, method, preset, ears, taught) | {"judge": judge}
    _hold_to_plan(work / "plan.json", plan)
    if (out / "person.json").exists():
        progress.say(f"{out} is a finished person of this very run; --restart trains it anew.")
        return load_person(out, device)

    besides = shipped_speech()
    coarse = preset.face.coarse_until > 0 or preset.mouth.coarse_until > 0
    frames = read_training_frames(
        clip, count, preset.resolution, ears, work / "frames", device, progress, besides, coarse
    )
    checkpoint = work / "checkpoint.safetensors"
    run = load_checkpoint(checkpoint, method, ears.features.channels, device)
    if run is None:
        run = _new_run(clip, frames, method, preset, ears, taught)
    else:
        progress.say(f"going on at stage {run.stage + 1}, iteration {run.iteration}")
    notebook = Notebook(work, frames)
    stages = _stages(frames, method, preset, run.generator, judge, taught)
    if judge is not None:
        tell_judge(judge, progress)

    def note(point: dict[str, float | str]) -> None:
        notebook.note(point)
        if picture_every is not None:
            notebook.look(run, picture_every)

    with quiet_threads(device):
        run_stages(run, stages, checkpoint, preset.save_every, progress, note, partial(notebook.picture, run))

    person = _person(out, clip, run, frames, plan)
    write_plates(clip, count, preset.resolution, out, progress)
    write_adapt_report(out / "report.html", person, run.history, frames, notebook)
    save_person(person)
    shutil.rmtree(work / "frames")
    return person


def _stages(
    frames: TrainingFrames,
    method: MethodSettings,
    preset: AdaptSettings,
    generator: torch.Generator,
    judge: Judge | None,
    prior: Prior | None,
) -> list[Callable[[Head], Stage]]:
    taught = prior is not None
    refines = teaches_refiner(prior, method)
    slower = preset.face.fields.shared if taught else 1.0
    return [
        lambda head: ListenStage(head, frames, preset, generator, taught),
        lambda head: FaceStage(head, frames, preset, generator, slower),
        lambda head: MouthStage(head, frames, preset, generator, slower),
        lambda head: FuseStage(head, frames, preset, generator),
        *([] if judge is None else [lambda head: RefineStage(head, frames, preset, generator, judge, refines)]),
    ]


def _forget(out: Path, work: Path) -> None:
    for file in (out / "person.json", work / "plan.json", work / "checkpoint.safetensors"):
        file.unlink(missing_ok=True)
    for folder in (work / "frames", work / "notebook"):
        shutil.rmtree(folder, ignore_errors=True)


def _frames_to_learn(clip: Clip, seconds: float | None) -> int:
    if not clip.has_sound:
        raise D3Error(
            f"{clip.meta['source']['name']} has no sound", "a clip of a person who talks", "Record it with sound."
        )
    count = len(clip) if seconds is None else round(25 * min(len(clip) / 25, max(0.0, seconds)))
    if count < SHORTEST * 25:
        raise D3Error(
            f"there are {count / 25:.1f} s to learn from", f"at least {SHORTEST:.0f} s", "Give more --seconds."
        )
    return count


def _style(clip: Clip, count: int, plan: Path) -> MotionStyle:
    """The person's, as it was found when the run began: on other cores its last digits differ."""
    begun = read_json(plan, "Run again with --restart.").get("motion") if plan.exists() else None
    return manner(clip, count) if begun is None else MotionStyle.from_json(begun["style"])


def _plan(
    clip: Clip, count: int, method: MethodSettings, preset: AdaptSettings, ears: Hearing, prior: Prior | None
) -> dict[str, Any]:
    return {
        "source": clip.meta["source"],
        "frames": count,
        "method": as_plain(method),
        "preset": as_plain(preset),
        "prior": None if prior is None else {"name": prior.path.name, "fingerprint": prior.fingerprint()},
        **ears.meta(),
    }


def _hold_to_plan(path: Path, plan: dict[str, Any]) -> None:
    """A run goes on only as it was begun."""
    if not path.exists():
        write_json(path, plan)
        return
    begun = read_json(path, "Run again with --restart.")
    different = [key for key in plan if begun.get(key) != plan[key]]
    if different:
        raise D3Error(
            f"{path.parent.parent} holds a run with another {' and '.join(different)}",
            "the same command as before",
            "Give --restart to train anew, or another --out.",
        )


def _new_run(
    clip: Clip,
    frames: TrainingFrames,
    method: MethodSettings,
    preset: AdaptSettings,
    ears: Hearing,
    prior: Prior | None,
) -> Run:
    rng = np.random.default_rng(preset.seed)
    generator = torch.Generator().manual_seed(preset.seed)
    face = start_face(clip, frames, method.face, rng)
    mouth = start_mouth(clip, frames, method.mouth, rng)
    head = build_head(method, ears.features.channels, face, mouth, generator)
    if prior is not None:
        take_up(head, prior, method)
    return Run(head.to(frames.device), generator)


def _person(out: Path, clip: Clip, run: Run, frames: TrainingFrames, plan: dict[str, Any]) -> Person:
    identity = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:16]
    meta = {
        "d3talker": __version__,
        "name": out.name,
        "identity": identity,
        "resolution": frames.resolution,
        "crop_size": clip.meta["size"],
        "crop": clip.meta["crop"],
        "focal": clip.meta["focal"],
        "training_seconds": round(run.seconds, 1),
        "gaussians": {"face": len(run.head.face.gaussians), "mouth": len(run.head.mouth.gaussians)},
        **plan,
    }
    count = len(frames)
    return Person(
        out, meta, run.head, clip.world_to_cam[:count], clip.expression[:count], clip.blink[:count], clip.face_shape
    )


def with_resolution(preset: AdaptSettings, resolution: int | None) -> AdaptSettings:
    """The preset at another picture size.

    Raises:
        D3Error: a size that makes no sense.
    """
    if resolution is None:
        return preset
    if not 32 <= resolution <= 2048:
        raise D3Error(f"--resolution {resolution}", "32 to 2048 pixels", "Leave it out to take the preset's.")
    return dataclasses.replace(preset, resolution=resolution)
