"""How fast a head talks, end to end with encoding, in how much memory, and what each part of a frame costs.

    python -m benchmarks.talking [--person DIR] [--resolution 256] [--seconds 10] [--json FILE]

Without a person, the built-in speaker is filmed and learned for a minute: its looks are poor, but it has as many
Gaussians and the same networks as one of preset ``cpu``. Frames a second are the whole of ``talk``: reading the sound,
hearing, drawing, refining, H.264 and AAC, the median of several runs. One of them speaks for a minute, and its memory
is watched frame by frame. Parts are processor milliseconds, the median over frames, one part after the other on one
thread.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

import numpy as np  # noqa: E402

from benchmarks.memory import peak, resident  # noqa: E402
from benchmarks.part import part_parser, run_part  # noqa: E402
from benchmarks.results import Measured, Report, table  # noqa: E402
from benchmarks.studio import aside, opened  # noqa: E402
from benchmarks.talking_frame import frame_kernels, part_costs, rounding  # noqa: E402
from d3talker.core.progress import Progress, Silent  # noqa: E402
from d3talker.media.audio import write_wav  # noqa: E402
from d3talker.media.video import probe  # noqa: E402
from d3talker.models.person import Person, load_person  # noqa: E402
from d3talker.ops.pool import cores  # noqa: E402
from d3talker.recipes.talk import TalkSettings, talk  # noqa: E402
from d3talker.speaker.speech import built_in_speech  # noqa: E402

TARGETS = {(256, True): 25.0, (512, False): 35.0, (512, True): 10.0}
"""Frames a second on two cores, by resolution and whether the picture is refined."""
MEMORY, GROWTH = 1500.0, 1.05
"""Megabytes at the peak, and the peak of a long speech's second half by that of its first, at most."""
_SETTLED = 30.0  # seconds of speech in which memory may still rise: on the way plates and buffers are met first


class Watched(Silent):
    """Notes the memory of the process after every frame, where the system tells it."""

    def __init__(self) -> None:
        super().__init__()
        self.megabytes: list[float] = []

    @contextmanager
    def stage(self, name: str, total: int, done: int = 0) -> Iterator[Callable[..., None]]:
        """See :class:`Progress`."""

        def advance(steps: int = 1, note: str = "") -> None:
            if (megabytes := resident()) is not None:
                self.megabytes.append(megabytes)

        yield advance

    def halves(self) -> tuple[float, float]:
        """The peaks of the first and the second half."""
        middle = len(self.megabytes) // 2
        return max(self.megabytes[:middle]), max(self.megabytes[middle:])


def speech(folder: Path, seconds: float) -> Path:
    """A sound of so many seconds, the shipped one again and again."""
    shipped, sound = built_in_speech("driving"), folder / f"speech-{seconds:g}.wav"
    write_wav(sound, np.resize(shipped.samples, round(seconds * shipped.rate)), shipped.rate)
    return sound


def frames_a_second(person: Person, sound: Path, refine: bool, folder: Path, progress: Progress | None = None) -> float:
    """Of a whole ``talk``."""
    start = time.perf_counter()
    video = talk(person, sound, folder / "out.mp4", TalkSettings(refine=refine), progress)
    spent = time.perf_counter() - start
    return round(25 * probe(video).duration) / spent


def speeds(person: Person, options: Any, folder: Path) -> list[Measured]:
    """Frames a second with and without the refiner, and the memory of the longest speech."""
    size, sound, watched = person.resolution, speech(folder, options.seconds), Watched()
    talk(person, speech(folder, min(2.0, options.seconds)), folder / "warm.mp4")
    told = []
    for refine in (True, False):
        rates = [frames_a_second(person, sound, refine, folder) for _ in range(options.rounds - refine)]
        if refine:
            rates.append(frames_a_second(person, speech(folder, options.watched), True, folder, watched))
        name, target = f"talk, {size}, refiner {'on' if refine else 'off'}", TARGETS.get((size, refine))
        rate, note = statistics.median(rates), f"end to end, best {max(rates):.1f}"
        told.append(Measured(name, rate, "frames/s", target=target, better="more", note=note))
    told.append(Measured(f"talk, {size}, peak memory", peak(), "MB", target=MEMORY))
    if watched.megabytes and options.watched >= 2 * _SETTLED:
        before, after = watched.halves()
        name, half = f"talk, {size}, memory in the second half of {options.watched:g} s", options.watched / 2
        told.append(Measured(name, after, "MB", f"first {half:g} s: {before:.0f}", after / before, GROWTH))
    return told


def made(studio: Path, resolution: int) -> Path:
    """The built-in speaker's folder; another process learns it, whose memory is not that of talking."""
    folder = studio / f"person-{resolution}"
    if not (folder / "person.json").exists():
        aside(studio, "person", resolution)
    return folder


def measure(options: Any) -> Report:
    """Of one person."""
    if options.quick:
        options.seconds, options.watched, options.rounds = 2.0, 4.0, 1
    with opened(options.studio) as studio, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        person = load_person(options.person or made(studio, options.resolution))
        report = Report(speeds(person, options, folder))
        costs, works = part_costs(person, speech(folder, options.seconds), folder, 10 if options.quick else 60)
        rounded = rounding(person, 20)
    size, head = person.resolution, person.head
    report.kernels = frame_kernels(size, costs, works)
    report.facts = {**costs, **rounded}
    clouds = f"{len(head.face.gaussians):,} and {len(head.mouth.gaussians):,} Gaussians"
    report.notes = [
        f"talk, {size} x {size}, {clouds}, {cores()} cores, {options.seconds:g} s of speech:",
        "",
        table(["part", "CPU-ms a frame"], [[name, f"{cost:.1f}"] for name, cost in costs.items()]),
    ]
    if rounded:
        told = f"{rounded['rounding']:.2f} of 255; the refiner changes {rounded['change']:.2f}"
        report.notes += ["", f"8 bits round a picture by {told}."]
    return report


def main() -> None:
    parser = part_parser("talking", __doc__)
    parser.add_argument("--person", type=Path, help="a folder that adapt wrote; the built-in speaker by default")
    parser.add_argument("--studio", type=Path, help="keeps the built-in speaker there")
    parser.add_argument("--resolution", type=int, default=256, help="of the built-in speaker")
    parser.add_argument("--seconds", type=float, default=10.0, help="of speech")
    parser.add_argument("--watched", type=float, default=60.0, help="of the speech whose memory is watched")
    parser.add_argument("--rounds", type=int, default=3, help="the median counts")
    run_part(parser.parse_args(), measure)


if __name__ == "__main__":
    main()
