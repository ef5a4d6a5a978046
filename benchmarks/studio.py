"""The built-in speaker for benchmarks: its film, its prepared clip and its people, made once in a folder and kept.

Filming takes longer than anything it is for, so five seconds are filmed and shown to and fro until the film is long
enough: every picture follows its neighbour, and whoever prepares it or learns from it has as much to do. What is not to
be measured is made by a process of its own (``python -m benchmarks.studio DIR film 20`` or ``... person 256``), so that
its memory is not that of what is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.timing import Spent
from d3talker.config.method import D3TALKER
from d3talker.config.presets import CPU
from d3talker.config.training import AdaptSettings
from d3talker.core.progress import Progress, Silent
from d3talker.media.video import VideoWriter, read_frames
from d3talker.models.person import Person
from d3talker.models.prior import default_prior
from d3talker.recipes.adapt import adapt
from d3talker.recipes.prepare import prepare
from d3talker.speaker.speech import built_in_speech
from d3talker.speaker.video import make_speaker_video

FILMED, LENGTH, LEARNED = 5.0, 20.0, 10.0
"""Seconds that are filmed, that the film then has, and that a head learns from."""


@contextmanager
def opened(folder: Path | None) -> Iterator[Path]:
    """The studio's folder, or one that is gone afterwards."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)


def film(studio: Path, seconds: float = LENGTH) -> Path:
    """The speaker, 512 x 512, with sound."""
    studio.mkdir(parents=True, exist_ok=True)
    path, shot = studio / f"film-{seconds:g}.mp4", studio / "shot.mp4"
    if path.exists():
        return path
    if not shot.exists():
        make_speaker_video(shot, seconds=min(seconds, FILMED))
    pictures = list(read_frames(shot))
    there = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    speech = built_in_speech("training")
    with VideoWriter(path, *pictures[0].shape[1::-1], sound_rate=speech.rate) as writer:
        for i in range(round(25 * seconds)):
            writer.write(pictures[there[i % len(there)]])
        writer.write_sound(np.resize(speech.samples, round(seconds * speech.rate)))
    return path


def clip(studio: Path, seconds: float = LENGTH) -> Path:
    """The prepared film."""
    folder = studio / f"clip-{seconds:g}"
    if not (folder / "clip.json").exists():
        prepare(film(studio, seconds), folder)
    return folder


def quick(resolution: int) -> AdaptSettings:
    """The preset ``cpu`` with next to no steps; the cloud grows to the size that heads have, then all losses count."""
    face = replace(
        CPU.face,
        iterations=280,
        warm_up=50,
        shape_from=240,
        curriculum_stop=200,
        density=replace(CPU.face.density, start=50, every=50, stop=240, gradient=0.0),
    )
    mouth = replace(CPU.mouth, iterations=40, warm_up=10, curriculum_stop=30, colours_only_from=0)
    listen, refine = replace(CPU.listen, iterations=40), replace(CPU.refine, iterations=16)
    fuse = replace(CPU.fuse, iterations=24)
    return replace(CPU, resolution=resolution, face=face, mouth=mouth, fuse=fuse, listen=listen, refine=refine)


def make_person(
    studio: Path,
    resolution: int,
    progress: Progress | None = None,
    seconds: float = LEARNED,
    length: float = LENGTH,
    preset: Callable[[int], AdaptSettings] = quick,
) -> Person:
    """The speaker as a person whose looks are poor, but who costs what people cost; read where it is there already."""
    folder, source = studio / f"person-{resolution}", clip(studio, length)
    told: dict[str, Any] = {"seconds": seconds, "prior": default_prior(D3TALKER), "progress": progress}
    return adapt(source, folder, D3TALKER, preset(resolution), **told)


@dataclass
class StageClock(Silent):
    """Hears a recipe's progress and notes how long every step of every stage took, wall and processor."""

    stages: dict[str, Spent] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, total: int, done: int = 0) -> Iterator[Callable[..., None]]:
        """See :class:`Progress`."""
        spent = self.stages.setdefault(name, Spent())
        last = [time.perf_counter(), time.process_time()]

        def advance(steps: int = 1, note: str = "") -> None:
            now = [time.perf_counter(), time.process_time()]
            spent.wall.append(1e3 * (now[0] - last[0]))
            spent.cpu.append(1e3 * (now[1] - last[1]))
            last[:] = now

        yield advance


def aside(studio: Path, what: Literal["film", "person"], size: float) -> None:
    """Makes a film of ``size`` seconds or a person of so many pixels in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.studio", str(studio), what, f"{size:g}"]
    subprocess.run(command, check=True)


def main() -> None:
    studio, what, size = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    if what == "film":
        film(studio, size)
    else:
        make_person(studio, int(size))


if __name__ == "__main__":
    main()
