"""The people that pre-training learns from: each with a head of its own, whose shared fields are everybody's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from d3talker.config.method import MethodSettings
from d3talker.config.prepare import PrepareSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import read_arrays, read_json, writable_folder
from d3talker.core.progress import Progress
from d3talker.faces.model import FaceModel
from d3talker.models.gaussians import Gaussians, start_gaussians
from d3talker.models.head import DrivenField, Head, build_head
from d3talker.recipes.adapt.frames import TrainingFrames, read_training_frames
from d3talker.recipes.adapt.start import start_face, start_mouth
from d3talker.recipes.hearing import Hearing
from d3talker.recipes.manner import manner
from d3talker.recipes.prepare import prepared
from d3talker.recipes.pretrain.ranks import Ranks
from d3talker.signals.motion import AudioToMotion
from d3talker.signals.motion_style import MotionStyle, Mouth, Said, stream_styled
from d3talker.signals.speech import SoundSource
from d3talker.tracking.clip import Clip

_SECOND = round(PrepareSettings.fps)
_HELD_OUT = 4  # every so manieth second
_FIX = "Run scripts/train_audio2motion.py --folds over the same clips again."


@dataclass(frozen=True)
class PupilSource:
    """Where to read a person."""

    clip: Path
    folds: Path | None
    pictures_only: bool = False

    @property
    def name(self) -> str:
        """Of the person: the folder's or the video's."""
        return self.clip.stem if self.clip.is_file() else self.clip.name


@dataclass
class Pupil:
    """One person."""

    name: str
    head: Head
    generator: torch.Generator
    learned_from: TrainingFrames | None
    """None for people who live in other processes: of them only the fields are known here."""
    pictures_only: bool = False
    """Whose sound is not to be trusted: of them only the refiner learns."""

    @property
    def frames(self) -> TrainingFrames:
        """The frames of somebody who lives here."""
        assert self.learned_from is not None
        return self.learned_from


class FoldMotion:
    """The motion of a clip as networks predict it that never saw the person, in the person's style.

    What a network says of people it learned from is far better than what it will ever say of a new one; a General
    field that learned on that would rely on it.
    """

    name = "folds"

    def __init__(self, said: Said, style: MotionStyle, face_model: FaceModel) -> None:
        self.face_model, self.style = face_model, style
        self._said = said

    def fingerprint(self) -> str:
        """The source's own is told by who made the folds."""
        return "folds"

    def coefficients(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """Those of the clip's own sound."""
        yield from stream_styled([self._said], self.style, Mouth.of(self.face_model))


def apart(pupils: list[Pupil]) -> frozenset[int]:
    """The places of those of whom the shared fields learn nothing."""
    return frozenset(place for place, pupil in enumerate(pupils) if pupil.pictures_only)


def read_pupils(
    sources: list[PupilSource],
    method: MethodSettings,
    ears: Hearing,
    resolution: int,
    work: Path,
    seed: int,
    ranks: Ranks,
    device: torch.device,
    progress: Progress,
) -> list[Pupil]:
    """Reads the prepared clips and starts a head for each; the shared fields are the first one's.

    Raises:
        D3Error: a folder is no prepared clip, two have one name, or a clip is missing in its folds.
    """
    names = [source.name for source in sources]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise D3Error(f"two clips are called {min(twice)}", "names that differ", "Rename one of them.")
    for folds in {source.folds for source in sources if source.folds is not None}:
        _require_folds(folds, [source.name for source in sources if source.folds == folds], ears)
    pupils: list[Pupil] = []
    for number, source in enumerate(sources):
        generator, frames = torch.Generator().manual_seed(seed + number), None
        face = mouth = _nothing()
        if ranks.owns(number):
            own_work = writable_folder(work / source.name)
            clip, rng = prepared(source.clip, own_work / "clip", progress), np.random.default_rng(seed + number)
            _require_talk(clip, source)
            own = ears if ears.motion is None else replace(ears, motion=_motion(clip, source))
            frames = read_training_frames(clip, len(clip), resolution, own, own_work / "frames", device, progress)
            if method.refiner is not None:
                frames = hold_out(frames)
            face, mouth = start_face(clip, frames, method.face, rng), start_mouth(clip, frames, method.mouth, rng)
        head = build_head(method, ears.features.channels, face, mouth, generator).to(device)
        if pupils:
            share(head, pupils[0].head)
        pupils.append(Pupil(source.name, head, generator, frames, source.pictures_only))
    return pupils


def hold_out(frames: TrainingFrames) -> TrainingFrames:
    """The frames with every fourth second kept for the refiner: it must see heads where they were not fitted.

    A clip shorter than four seconds is used twice.
    """
    kept = np.arange(len(frames)) // _SECOND % _HELD_OUT == _HELD_OUT - 1
    return replace(frames, fitted=np.flatnonzero(~kept), refined=np.flatnonzero(kept)) if kept.any() else frames


def _nothing() -> Gaussians:
    """The cloud of somebody who lives elsewhere."""
    return start_gaussians(torch.zeros(1, 3), torch.zeros(1, 3), torch.full((1,), 0.01), 0)


def share(head: Head, first: Head) -> None:
    """Puts the very shared fields, all encoders and the refiner of the ``first`` head into another one."""
    head.refiner = first.refiner
    for own, others in ((head.face, first.face), (head.mouth, first.mouth)):
        own.fields = nn.ModuleList(
            theirs if mine.field.settings.shared else DrivenField(mine.field, theirs.encoder)
            for mine, theirs in zip(own.driven, others.driven, strict=True)
        )


def _require_talk(clip: Clip, source: PupilSource) -> None:
    if not clip.has_sound:
        raise D3Error(f"{source.name} has no sound", "clips of people who talk", "Leave it out.")
    fps = PrepareSettings.fps
    if clip.meta["fps"] != fps:
        raise D3Error(f"{source.name} has {clip.meta['fps']:g} frames a second", f"{fps:g}", "Prepare it again.")


def _motion(clip: Clip, source: PupilSource) -> FoldMotion:
    ears, sound = AudioToMotion(), clip.sound()
    said = Said.joined(ears.raw(lambda: iter([sound])))
    if source.folds is not None:
        told = read_arrays(source.folds / f"{source.name}.safetensors", _FIX)["coefficients"]
        said = Said(told, said.shares[: len(told)], np.zeros((len(told), 0), np.float32))
    return FoldMotion(said, manner(clip, len(clip), said), ears.face_model)


def _require_folds(folds: Path, names: list[str], ears: Hearing) -> None:
    told = read_json(folds / "folds.json", _FIX)
    if ears.motion is not None and told["face_basis"] != ears.motion.face_model.fingerprint():
        raise D3Error(f"{folds} was made on {told['face_basis']}", ears.motion.face_model.fingerprint(), _FIX)
    missing = [name for name in names if not (folds / f"{name}.safetensors").exists()]
    if missing:
        raise D3Error(f"{folds} lacks the motion of {', '.join(missing)}", "every clip's", _FIX)
