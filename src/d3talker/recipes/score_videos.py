"""Scores a saved video of any system against the true one."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from d3talker import __version__
from d3talker.config.evaluate import EvaluateSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import writable_folder
from d3talker.core.progress import Progress, Silent
from d3talker.media.audio import read_audio
from d3talker.media.video import VideoInfo, probe, read_frames
from d3talker.recipes.adapt.frames import lip_boxes
from d3talker.recipes.evaluate import FEWEST
from d3talker.recipes.evaluate_closures import closings
from d3talker.recipes.evaluate_judges import open_judges, sync_numbers, unit_numbers
from d3talker.recipes.evaluate_report import write_numbers
from d3talker.recipes.evaluate_scores import NO_FACE, SMALLEST, Scorer
from d3talker.signals.speech import RATE
from d3talker.tracking.landmarks import open_tracker
from d3talker.tracking.masks import PersonSegmenter, label_frame

NARROWEST = 64
"""Pixels of the shorter side of a video below which no face can be looked at."""


def score_videos(
    predicted: Path,
    truth: Path,
    settings: EvaluateSettings | None = None,
    *,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures the pictures and lips of one video against another's, as :func:`.evaluate.evaluate` does a person's.

    Both are read at 25 frames a second from their first picture on. Where one is longer its rest does not count; where
    sizes differ the prediction is resized to the truth's; both are said in ``notes``. A frozen frame is the truth's
    first. Where people and mouths are is told by tracking the truth.

    Args:
        predicted: what is scored: a video with any codec, also a lossless one.
        truth: the true one; its sound counts, or the prediction's where it has none.
        settings: what else is looked at, and where numbers are written.
        device: where judging networks compute; the CPU if None.
        progress: hears of stages and steps.

    Raises:
        D3Error: a video cannot be read, is shorter than a second, or has no face.
    """
    settings, progress = settings or EvaluateSettings(), progress or Silent()
    device = device or torch.device("cpu")
    told, wanted = probe(predicted), probe(truth)
    for path, info in ((predicted, told), (truth, wanted)):
        if min(info.width, info.height) < NARROWEST:
            raise D3Error(f"{path} is {info.width} x {info.height}", f"{NARROWEST} pixels a side", "Give a larger one.")
    for place in (settings.json, settings.frames):
        if place is not None:
            writable_folder(place.parent)
    found = {"truth": _track(truth, wanted, progress), "predicted": _track(predicted, told, progress)}
    count = min(map(len, found.values()))
    if count < FEWEST:
        raise D3Error(f"the videos share {count} frames", f"at least {FEWEST}", "Give longer videos.")
    notes = _notes(predicted, told, truth, wanted, {kind: len(one) for kind, one in found.items()})
    for note in notes:
        progress.say(note)
    judges = open_judges(device)
    judges.reasons["still mouth"] = "it needs the person, not a video of it"
    units = unit_numbers(settings.action_units, judges.reasons)
    in_files = {kind: one[:count] for kind, one in found.items()}
    tracked = dict(in_files)
    if (told.width, told.height) != (wanted.width, wanted.height):
        tracked["predicted"] = in_files["predicted"] * _scale(told, wanted)
    scorer = _score(predicted, truth, tracked["truth"], Scorer(count, ("frozen",), judges, tracked), progress)
    sound = _sound((truth, wanted), (predicted, told))
    if sound is None:
        judges.reasons["closures"] = judges.reasons["sync"] = "neither video has sound"
    closures = None if sound is None else closings(sound, count, settings.closures)
    shown = {"predicted": read_frames(predicted), "truth": read_frames(truth)}
    scores = scorer.numbers(closures)
    scores["face"] |= units
    numbers = {
        "d3talker": __version__,
        "person": predicted.name,
        "clip": truth.name,
        "frames": {"first": 0, "count": count},
        "resolution": [wanted.width, wanted.height],
        "notes": notes,
        **scores,
        "sync": {} if sound is None else sync_numbers(judges, shown, in_files, sound, device),
        "not_computed": judges.reasons,
    }
    write_numbers(settings, numbers, scorer)
    return numbers


def _track(video: Path, info: VideoInfo, progress: Progress) -> np.ndarray:
    """The face in every frame (T, 478, 3), nan where none is found."""
    tracker, found = open_tracker(), []
    with progress.stage(f"track {video.name}", max(1, round(25 * info.duration))) as advance:
        for frame in read_frames(video):
            faces = tracker.track(frame)
            found.append(faces[0] if faces else NO_FACE)
            advance()
    tracker.close()
    points = np.stack(found) if found else np.zeros((0, 478, 3), np.float32)
    if not np.isfinite(points).any():
        raise D3Error(
            f"no face is found in {video}", "a video of one talking person", "Check that it is the right file."
        )
    return points


def _everywhere(points: np.ndarray) -> np.ndarray:
    """Points (T, 478, 3) with those of the nearest frame where there are none."""
    seen = np.flatnonzero(np.isfinite(points[:, 0, 0]))
    return points[seen[np.abs(np.arange(len(points))[:, None] - seen).argmin(axis=1)]]


def _scale(told: VideoInfo, wanted: VideoInfo) -> np.ndarray:
    """What points of one video are multiplied by to lie in the other's pictures."""
    across, down = wanted.width / told.width, wanted.height / told.height
    return np.array([across, down, across], np.float32)


def _score(predicted: Path, truth: Path, points: np.ndarray, scorer: Scorer, progress: Progress) -> Scorer:
    segmenter, frozen = PersonSegmenter(), None
    frames = zip(read_frames(predicted), read_frames(truth), _everywhere(points), strict=False)
    with progress.stage("score", len(points)) as advance:
        for shown, wanted, face in islice(frames, len(points)):
            frozen = wanted if frozen is None else frozen
            height, width = wanted.shape[:2]
            if shown.shape != wanted.shape:
                shown = np.asarray(Image.fromarray(shown).resize((width, height), Image.Resampling.LANCZOS))
            labels = label_frame(wanted, segmenter.segment(wanted), face)
            box = lip_boxes(face[None], width, height, SMALLEST)[0]
            scorer.add({"truth": wanted, "predicted": shown, "frozen": frozen}, labels, box)
            advance()
    return scorer


def _notes(predicted: Path, told: VideoInfo, truth: Path, wanted: VideoInfo, frames: dict[str, int]) -> list[str]:
    notes = []
    if (told.width, told.height) != (wanted.width, wanted.height):
        notes.append(
            f"{predicted.name} is {told.width} x {told.height}, {truth.name} {wanted.width} x {wanted.height}:"
            " it is resized to that"
        )
    if frames["predicted"] != frames["truth"]:
        shorter = min(frames.values()) / 25
        notes.append(
            f"{predicted.name} lasts {frames['predicted'] / 25:.2f} s, {truth.name} {frames['truth'] / 25:.2f} s:"
            f" the first {shorter:.2f} s count"
        )
    return notes


def _sound(*sources: tuple[Path, VideoInfo]) -> np.ndarray | None:
    for video, info in sources:
        if info.has_sound:
            return read_audio(video, RATE)
    return None
