"""How fast a head talks, end to end with encoding, and what each part of a frame costs.

    python -m benchmarks.talking [--person DIR] [--resolution 256] [--seconds 15] [--json FILE]

Without a person, the built-in speaker is filmed and learned for a minute: its looks are poor, but it has as many
Gaussians and the same networks as one of preset ``cpu``. Frames a second are the whole of ``talk``: reading the sound,
hearing, drawing, refining, H.264 and AAC. Parts are processor milliseconds, the median over frames, one part after the
other on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

import numpy as np  # noqa: E402
import torch  # noqa: E402

from d3talker.config.method import D3TALKER  # noqa: E402
from d3talker.config.presets import CPU  # noqa: E402
from d3talker.config.training import AdaptSettings  # noqa: E402
from d3talker.media.audio import write_wav  # noqa: E402
from d3talker.media.blocks import FrameBlocks  # noqa: E402
from d3talker.media.video import VideoWriter, probe  # noqa: E402
from d3talker.models.animate import Animation, Codes, Moves, draw_coarse, stream_codes  # noqa: E402
from d3talker.models.head import Signals  # noqa: E402
from d3talker.models.person import Person, load_person  # noqa: E402
from d3talker.models.prior import default_prior  # noqa: E402
from d3talker.models.refiner import fastest_refiner  # noqa: E402
from d3talker.ops.pool import cores, pool_of  # noqa: E402
from d3talker.ops.threads import quiet_threads  # noqa: E402
from d3talker.recipes.adapt import adapt  # noqa: E402
from d3talker.recipes.hearing import hearing_again  # noqa: E402
from d3talker.recipes.sound import clean_sound  # noqa: E402
from d3talker.recipes.talk import TalkSettings, talk  # noqa: E402
from d3talker.signals.speech import RATE  # noqa: E402
from d3talker.speaker.speech import built_in_speech  # noqa: E402
from d3talker.speaker.video import make_speaker_video  # noqa: E402

TARGETS = {(256, True): 25.0, (512, False): 35.0, (512, True): 10.0}
"""Frames a second on two cores, by resolution and whether the picture is refined."""
Result = TypeVar("Result")


def quick(resolution: int) -> AdaptSettings:
    """The preset ``cpu`` with next to no steps; the cloud grows to the size that heads have."""
    face = replace(
        CPU.face,
        iterations=250,
        warm_up=50,
        shape_from=0,
        curriculum_stop=200,
        density=replace(CPU.face.density, start=50, every=50, stop=240, gradient=0.0),
    )
    mouth = replace(CPU.mouth, iterations=40, warm_up=10, curriculum_stop=30, colours_only_from=0)
    listen, refine = replace(CPU.listen, iterations=50), replace(CPU.refine, iterations=10)
    fuse = replace(CPU.fuse, iterations=20)
    return replace(CPU, resolution=resolution, face=face, mouth=mouth, fuse=fuse, listen=listen, refine=refine)


def make_person(folder: Path, resolution: int) -> Person:
    """A person of the built-in speaker in ``folder``."""
    clip = folder / "speaker.mp4"
    make_speaker_video(clip, seconds=4.0)
    return adapt(clip, folder / "person", D3TALKER, quick(resolution), prior=default_prior(D3TALKER))


def frames_a_second(person: Person, sound: Path, refine: bool, folder: Path) -> float:
    """Of a whole ``talk``."""
    start = time.perf_counter()
    video = talk(person, sound, folder / "out.mp4", TalkSettings(refine=refine))
    spent = time.perf_counter() - start
    return round(25 * probe(video).duration) / spent


class Parts:
    """Processor milliseconds by name."""

    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = {}

    def time(self, name: str, work: Callable[..., Result], *arguments: Any, frames: int = 1) -> Result:
        """Does ``work`` of so many frames and notes what a frame cost."""
        start = time.process_time()
        result = work(*arguments)
        self.seen.setdefault(name, []).append(1e3 * (time.process_time() - start) / frames)
        return result

    def medians(self) -> dict[str, float]:
        """A number a part."""
        return {name: statistics.median(spent) for name, spent in self.seen.items()}


@torch.no_grad()
def part_costs(person: Person, sound: Path, folder: Path, count: int) -> dict[str, float]:
    """What the parts of ``count`` frames cost."""
    head, device, parts = person.head, torch.device("cpu"), Parts()
    ears = hearing_again(person.method, person.meta, "the person")

    def hear() -> list[Signals]:
        return list(ears.stream(lambda: clean_sound(sound, RATE), device))

    def encode(signals: list[Signals]) -> list[Codes]:
        return list(stream_codes(head, iter(signals)))

    def behind(place: int) -> torch.Tensor:
        return torch.from_numpy(plates[place] * (torsos[place] >= 0)).float()[None] / 255

    def write(pictures: list[np.ndarray]) -> None:
        with VideoWriter(folder / "parts.mp4", person.resolution, person.resolution, style="share") as video:
            for picture in pictures:
                video.write(picture)

    with quiet_threads(device), pool_of(1):
        frames = sum(len(piece["audio"]) for piece in hear())
        for _ in range(3):
            signals = parts.time("hear", hear, frames=frames)
            codes = parts.time("encode what is heard", encode, signals, frames=frames)
        moves, animation = Moves(head), Animation(head)
        plates, torsos = FrameBlocks(person.path / "plates.mp4"), FrameBlocks(person.path / "torso.mkv", channels=1)
        intrinsics = torch.from_numpy(person.intrinsics.astype(np.float32))
        drawn = []
        for i in range(count):
            place = i % len(person.world_to_cam)
            camera = torch.from_numpy(person.world_to_cam[place].astype(np.float32))
            expression = torch.from_numpy(person.expression[place].astype(np.float32))
            plate = parts.time("plates", behind, place)
            moved = parts.time("fields", moves, codes[i % len(codes)], expression)
            coarse = parts.time("rasterize", draw_coarse, head, moved, camera, intrinsics, plate)
            coarse = replace(coarse, picture=coarse.picture.clamp(0, 1))
            if head.refiner is not None:
                parts.time("refine, float32", head.refiner, coarse.picture, coarse.face, coarse.mouth)
            picture = parts.time("refine, as talk does", animation.refined, coarse)
            drawn.append((picture * 255).round().to(torch.uint8).numpy())
        for _ in range(3):
            parts.time("H.264", write, drawn, frames=count)
    return parts.medians()


@torch.no_grad()
def rounding(person: Person, count: int) -> dict[str, float]:
    """Refined pictures as talk draws them against those in float32: levels of 255, and the refiner's own change."""
    head = person.head
    if head.refiner is None or fastest_refiner(head.refiner) is head.refiner:
        return {}
    errors, changes = [], []
    animation, moves = Animation(head), Moves(head)
    generator = torch.Generator().manual_seed(0)
    intrinsics = torch.from_numpy(person.intrinsics.astype(np.float32))
    plates = FrameBlocks(person.path / "plates.mp4")
    for i in range(count):
        place = i * len(person.world_to_cam) // count
        branches = head.face.driven, head.mouth.driven
        codes = Codes(*([0.3 * torch.randn(32, generator=generator) for _ in driven] for driven in branches))
        expression = torch.from_numpy(person.expression[place].astype(np.float32))
        camera = torch.from_numpy(person.world_to_cam[place].astype(np.float32))
        plate = torch.from_numpy(plates[place]).float()[None] / 255
        coarse = draw_coarse(head, moves(codes, expression), camera, intrinsics, plate)
        coarse = replace(coarse, picture=coarse.picture.clamp(0, 1))
        exact = head.refiner(coarse.picture, coarse.face, coarse.mouth)[0]
        errors.append(float((animation.refined(coarse) - exact).square().mean()))
        changes.append(float((exact - coarse.picture[0]).square().mean()))
    return {name: 255 * statistics.mean(seen) ** 0.5 for name, seen in (("rounding", errors), ("change", changes))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--person", type=Path, help="a folder that adapt wrote; the built-in speaker by default")
    parser.add_argument("--resolution", type=int, default=256, help="of the built-in speaker")
    parser.add_argument("--seconds", type=float, default=15.0, help="of speech")
    parser.add_argument("--rounds", type=int, default=3, help="the median counts")
    parser.add_argument("--json", type=Path, help="writes the numbers there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        person = load_person(options.person) if options.person else make_person(folder, options.resolution)
        speech = built_in_speech("driving")
        samples = np.resize(speech.samples, round(options.seconds * speech.rate))
        sound = folder / "speech.wav"
        write_wav(sound, samples, speech.rate)
        size, head = person.resolution, person.head
        clouds = f"{len(head.face.gaussians):,} and {len(head.mouth.gaussians):,} Gaussians"
        print(f"{size} x {size}, {clouds}, {cores()} cores, {options.seconds:.0f} s of speech\n")
        talk(person, sound, folder / "warm.mp4")
        speeds: dict[str, float] = {}
        for refine in (True, False):
            rates = [frames_a_second(person, sound, refine, folder) for _ in range(options.rounds)]
            name, target = f"refiner {'on' if refine else 'off'}", TARGETS.get((size, refine))
            speeds[name] = statistics.median(rates)
            wanted = "" if target is None else f" (wanted {target:.0f})"
            print(f"talk, {name}: {speeds[name]:.1f} frames a second{wanted}, best {max(rates):.1f}")
        costs = part_costs(person, sound, folder, 60)
        print("\n| part | CPU-ms a frame |\n|-|-|")
        for name, cost in costs.items():
            print(f"| {name} | {cost:.1f} |")
        rounded = rounding(person, 20)
        if rounded:
            print(f"\n8 bits: {rounded['rounding']:.2f} of 255; the refiner changes {rounded['change']:.2f}")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"\npeak memory {memory:.2f} GB")
        if options.json:
            told = {"resolution": size, "frames_a_second": speeds, "parts": costs, "rounding": rounded}
            options.json.write_text(json.dumps(told | {"memory": memory}, indent=1))


if __name__ == "__main__":
    main()
