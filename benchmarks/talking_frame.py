"""What the parts of a talking frame cost on one thread, what they must do at the least, and what 8 bits do to it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from benchmarks.refiner import refiner_work
from benchmarks.results import Kernel, Work
from benchmarks.timing import Spent
from benchmarks.work import mlp_work, needed_pairs, rasterizer_work
from d3talker.fields.deformation import DeformationField, Displacement
from d3talker.media.blocks import FrameBlocks
from d3talker.media.video import VideoWriter
from d3talker.models.animate import Animation, Coarse, Codes, Moves, draw_coarse, stream_codes
from d3talker.models.gaussians import Gaussians, _moved
from d3talker.models.head import Branch, Head, Signals
from d3talker.models.person import Person
from d3talker.models.refiner import fastest_refiner
from d3talker.ops.pool import pool_of
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.hearing import hearing_again
from d3talker.recipes.sound import clean_sound
from d3talker.signals.speech import RATE

Result = TypeVar("Result")
FLOAT_REFINER, REFINER = "refine, float32", "refine, as talk does"


class Parts:
    """Processor milliseconds by name."""

    def __init__(self) -> None:
        self.seen: dict[str, Spent] = {}

    def time(self, name: str, work: Callable[..., Result], *arguments: Any, frames: int = 1) -> Result:
        """Does ``work`` of so many frames and notes what a frame cost."""
        with self.seen.setdefault(name, Spent()).run(frames):
            return work(*arguments)

    def medians(self) -> dict[str, float]:
        """A number a part."""
        return {name: spent.median for name, spent in self.seen.items()}


@torch.no_grad()
def part_costs(person: Person, sound: Path, folder: Path, count: int) -> tuple[dict[str, float], dict[str, Work]]:
    """What the parts of ``count`` frames cost, and the least that the last of them had to do."""
    head, device, parts = person.head, torch.device("cpu"), Parts()
    ears = hearing_again(person.method, person.meta, "the person")

    def hear() -> list[Signals]:
        return list(ears.stream(lambda: clean_sound(sound, RATE), device))

    def encode(signals: list[Signals]) -> list[Codes]:
        return list(stream_codes(head, iter(signals)))

    def behind(place: int) -> Tensor:
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
                parts.time(FLOAT_REFINER, head.refiner, coarse.picture, coarse.face, coarse.mouth)
            picture = parts.time(REFINER, animation.refined, coarse)
            drawn.append((picture * 255).round().to(torch.uint8).numpy())
        for _ in range(3):
            parts.time("H.264", write, drawn, frames=count)
    return parts.medians(), frame_work(head, moved, camera, intrinsics, coarse)


def frame_kernels(size: int, costs: dict[str, float], works: dict[str, Work]) -> list[Kernel]:
    """The parts whose work is counted, and the whole frame."""
    kernels = [Kernel(f"frame: {name}, {size}", costs[name], work) for name, work in works.items()]
    counted = {name: work for name, work in works.items() if name != FLOAT_REFINER}
    total = sum(cost for name, cost in costs.items() if name != FLOAT_REFINER)
    besides = total - sum(costs[name] for name in counted)
    note = f"{besides:.1f} ms of it, hearing, plates and H.264, count as no work"
    return [*kernels, Kernel(f"whole frame, {size}", total, sum(counted.values(), Work()), note)]


def frame_work(
    head: Head, moved: tuple[Displacement, Displacement], camera: Tensor, intrinsics: Tensor, coarse: Coarse
) -> dict[str, Work]:
    """Of the parts of one frame: fields, rasterizer, and the refiner in floats and as ``talk`` has it."""
    size, drawn = coarse.picture.shape[1], Work()
    for branch, displacement in zip((head.face, head.mouth), moved, strict=True):
        scene = _scene(branch.gaussians, displacement, camera, intrinsics)
        drawn = drawn + rasterizer_work(needed_pairs(scene, size), len(branch.gaussians), size)[0]
    works = {"fields": _branch_work(head.face) + _branch_work(head.mouth), "rasterize": drawn}
    if head.refiner is not None:
        given = coarse.picture, coarse.face, coarse.mouth
        int8 = fastest_refiner(head.refiner) is not head.refiner
        works[FLOAT_REFINER] = refiner_work(head.refiner, given)[1]
        works[REFINER] = refiner_work(head.refiner, given, int8)[1]
    return works


def _scene(gaussians: Gaussians, displacement: Displacement, camera: Tensor, intrinsics: Tensor) -> dict[str, Tensor]:
    cloud = _moved(gaussians, displacement)
    shape = {"means": cloud.means, "quats": cloud.rotations, "scales": cloud.scales, "opacities": cloud.opacities}
    return {**shape, "world_to_cam": camera[None], "intrinsics": intrinsics[None]}


def _branch_work(branch: Branch) -> Work:
    """Of frozen fields: the encoding's share of the first layer is known, attentions and what is fixed are left."""
    works = [_field_work(driven.field, len(branch.gaussians)) for driven in branch.driven]
    return sum(works, Work())


def _field_work(field: DeformationField, count: int) -> Work:
    outputs, hidden = field.decoder[-1].shape
    encoding = 3 * field.settings.levels
    attended = 32 * field.settings.region_attention + 6 * field.settings.expression
    work = mlp_work(count, (attended or encoding, hidden, hidden, outputs), keep=False)[0]
    return work + mlp_work(count, (encoding, 16, 16, 1), keep=False)[0].times(field.scaler is not None)


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
