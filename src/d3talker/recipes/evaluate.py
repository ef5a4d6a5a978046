"""Evaluation: a person on frames it has not seen, driven by their own sound, poses and expression."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from d3talker import __version__
from d3talker.config.evaluate import EvaluateSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of, writable_folder
from d3talker.core.progress import Progress, Silent
from d3talker.media.video import VideoWriter, read_frames
from d3talker.models.animate import Animation, Codes, Counted, stream_codes
from d3talker.models.person import Person
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.adapt.frames import lip_boxes, resize
from d3talker.recipes.adapt.report import to_bytes
from d3talker.recipes.cross_drive import drive
from d3talker.recipes.evaluate_closures import closings, since
from d3talker.recipes.evaluate_judges import SAVED, open_judges, sync_numbers, unit_numbers
from d3talker.recipes.evaluate_report import write_evaluation_report, write_numbers
from d3talker.recipes.evaluate_scores import SMALLEST, Scorer
from d3talker.recipes.hearing import hearing_again
from d3talker.recipes.prepare import prepare, prepared
from d3talker.signals.speech import FRAME_SAMPLES, RATE
from d3talker.tracking.clip import Clip, load_clip

FEWEST = 25
"""Unseen frames below which no number is given."""


@dataclass(frozen=True)
class Seen:
    """One frame of the evaluation."""

    index: int
    pictures: dict[str, np.ndarray]  # (R, R, 3) uint8: truth, predicted, still (mouth), frozen (frame)
    labels: np.ndarray  # (R, R) uint8
    seconds: float  # that drawing took


def evaluate(
    person: Person,
    source: Path,
    settings: EvaluateSettings | None = None,
    *,
    video: Path | None = None,
    counted: Counted = "all",
    speaker: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures ``person`` on the frames of ``source`` that it did not learn from, as drawn, without loss.

    Args:
        person: the trained person.
        source: a video of the same person, or the folder that ``prepare`` made of it.
        settings: what else is looked at, and where numbers are written.
        video: folder for ``pred.mp4`` and ``truth.mp4`` (the same frames, with sound, near-lossless).
        counted: which fields move the head.
        speaker: a video of somebody else, or its prepared folder: the person also says what is said there, and
            ``driven`` tells how well its lips fit the speaker's.
        progress: hears of stages and steps.

    Returns:
        The numbers, in groups (docs/measures.md); every number of pictures and landmarks stands beside that of a still
        mouth that follows the true head and that of one frozen frame; ``not_computed`` says of what is not there why.

    Raises:
        D3Error: nothing is left to measure on, a place cannot be written, or ``speaker`` beside ``counted``.
    """
    settings, progress = settings or EvaluateSettings(), progress or Silent()
    if speaker is not None and counted != "all":
        raise D3Error(f"the {counted} field alone and the words of another clip", "one of them", "Leave one out.")
    for folder in (video, *(place.parent for place in (settings.json, settings.frames) if place)):
        if folder is not None:
            writable_folder(folder)
    clip = _clip_of(person, source, progress)
    first = _first_unseen(person, clip)
    other = None if speaker is None else _speaker_clip(person, speaker, progress)
    told = since(closings(clip.sound(), len(clip), settings.closures), first)
    frames = range(first, len(clip))
    size, device = person.resolution, person.head.face.gaussians.device
    boxes = lip_boxes(clip.landmarks * (size / clip.meta["size"]), size, size, SMALLEST)
    judges = open_judges(device)
    units = unit_numbers(settings.action_units, judges.reasons)
    scorer, seconds = Scorer(len(frames), ("still", "frozen"), judges), []
    sound = clip.sound()[first * FRAME_SAMPLES : len(clip) * FRAME_SAMPLES]
    with (
        TemporaryDirectory() as scratch,
        quiet_threads(device),
        progress.stage("draw and score", len(frames)) as advance,
    ):
        saved = video or (Path(scratch) if judges.syncnet else None)
        videos = {} if saved is None else {kind: saved / name for kind, name in SAVED.items()}
        with ExitStack() as stack:
            writers = {
                kind: stack.enter_context(VideoWriter(path, size, size, style="precise", sound_rate=RATE))
                for kind, path in videos.items()
            }
            for seen in _draw(person, clip, first, counted):
                scorer.add(seen.pictures, seen.labels, boxes[seen.index])
                seconds.append(seen.seconds)
                for kind, writer in writers.items():
                    writer.write(seen.pictures[kind])
                advance()
            for writer in writers.values():
                writer.write_sound(sound)
        shown = {kind: read_frames(path) for kind, path in videos.items()}
        sync = sync_numbers(judges, shown, scorer.points(), sound, device)
    heard = "english" if settings.closures == "english" else "phones"  # a text is of the person's own words
    driven = {} if other is None else {"driven": drive(person, other, judges, heard=heard, progress=progress)}
    scores = scorer.numbers(told)
    scores["face"] |= units
    numbers = {
        "d3talker": __version__,
        "person": person.meta["name"],
        "method": person.meta["method"]["name"],
        "preset": person.meta["preset"]["name"],
        "clip": clip.meta["source"]["name"],
        "frames": {"first": first, "count": len(frames), "learned": person.meta["frames"]},
        "resolution": size,
        "training_seconds": person.meta["training_seconds"],
        **scores,
        "speed": {"frames_per_second": 1.0 / float(np.median(seconds))},
        "sync": sync,
        **driven,
        "not_computed": judges.reasons,
    }
    write_numbers(settings, numbers, scorer)
    write_evaluation_report(person.path / "evaluation.html", numbers, scorer)
    return numbers


def _clip_of(person: Person, source: Path, progress: Progress) -> Clip:
    if (source / "clip.json").exists():
        return load_clip(source)
    if not source.exists():
        raise D3Error(f"{source} is missing", "a video or a prepared clip", "Check the path.")
    identity = sha256_of(source) if source.is_file() else ""
    own = person.path / "work" / "clip"
    if identity == person.meta["source"]["sha256"] and (own / "clip.json").exists():
        return load_clip(own)
    folder = person.path / "work" / f"clip-{identity[:12]}"
    if (folder / "clip.json").exists():
        return load_clip(folder)
    return prepare(source, folder, progress=progress, face_shape=person.face_shape)


def _speaker_clip(person: Person, source: Path, progress: Progress) -> Clip:
    if not source.exists():
        raise D3Error(f"{source} is missing", "a video or a prepared clip", "Check the path.")
    name = sha256_of(source)[:12] if source.is_file() else source.name
    clip = prepared(source, person.path / "work" / f"speaker-{name}", progress)
    if not clip.has_sound:
        raise D3Error(f"{clip.meta['source']['name']} has no sound", "a clip of someone who talks", "Give another.")
    return clip


def _first_unseen(person: Person, clip: Clip) -> int:
    if not clip.has_sound:
        raise D3Error(f"{clip.meta['source']['name']} has no sound", "a clip of a person who talks", "Give another.")
    same = clip.meta["source"]["sha256"] == person.meta["source"]["sha256"]
    first = person.meta["frames"] if same else 0
    if len(clip) - first < FEWEST:
        raise D3Error(
            f"the person learned from {first} of the {len(clip)} frames of {clip.meta['source']['name']}",
            f"at least {FEWEST} unseen frames",
            "Adapt with --seconds to leave some out, or evaluate on another clip of the person.",
        )
    return first


@torch.no_grad()
def _draw(person: Person, clip: Clip, first: int, counted: Counted) -> Iterator[Seen]:
    size, device = person.resolution, person.head.face.gaussians.device
    sound = clip.sound()
    ears = hearing_again(person.method, person.meta, "the person")
    codes = list(stream_codes(person.head, ears.stream(lambda: iter([sound]), device)))[: len(clip)]
    resting = Codes(_mean([one.face for one in codes]), _mean([one.mouth for one in codes]))
    animation = Animation(person.head, counted)
    intrinsics = torch.from_numpy(clip.intrinsics(size).astype(np.float32)).to(device)
    for i, (truth, labels, plate) in enumerate(zip(clip.frames(), clip.masks(), clip.plates(), strict=True)):
        if i in (0, first - 1):
            frozen = resize(truth, size)  # the last that was learned
        if i < first:
            continue
        behind = torch.from_numpy(resize(plate, size) / np.float32(255)).to(device)
        expression = torch.from_numpy(clip.expression[i].astype(np.float32)).to(device)
        camera = torch.from_numpy(clip.world_to_cam[i].astype(np.float32)).to(device)
        started = time.perf_counter()
        predicted = to_bytes(animation.frame(codes[i], expression, camera, intrinsics, behind)[0])
        seconds = time.perf_counter() - started
        still = to_bytes(animation.frame(resting, expression, camera, intrinsics, behind)[0])
        pictures = {"truth": resize(truth, size), "predicted": predicted, "still": still, "frozen": frozen}
        yield Seen(i, pictures, resize(labels, size, nearest=True), seconds)


def _mean(codes: list[list[torch.Tensor]]) -> list[torch.Tensor]:
    """Over the frames, for each field."""
    return [torch.stack(field).mean(dim=0) for field in zip(*codes, strict=True)]
