"""Stages that begin with coarse pictures and end when a held-out second no longer gets better."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from d3talker.config.method import TALKINGGAUSSIAN, adapted
from d3talker.config.presets import TINY
from d3talker.config.training import FieldRates, GaussianRates
from d3talker.core.progress import Silent
from d3talker.models.head import build_head
from d3talker.ops.camera import project
from d3talker.recipes.adapt import adapt
from d3talker.recipes.adapt.face import FaceStage
from d3talker.recipes.adapt.frames import COARSE, TrainingFrames, read_training_frames
from d3talker.recipes.adapt.held_out import HeldOut, last_tenth, out_of_patience
from d3talker.recipes.adapt.mouth import MouthStage
from d3talker.recipes.adapt.start import start_face, start_mouth
from d3talker.recipes.hearing import hearing
from d3talker.tracking.clip import load_clip

PATIENT = dataclasses.replace(TINY.face, iterations=200, warm_up=30, patience=2)
STANDSTILL = dataclasses.replace(
    PATIENT,
    gaussians=GaussianRates(position=1e-30, position_end=1e-30, colour=0, opacity=0, scale=0, rotation=0),
    fields=FieldRates(grid=0, network=0, attention=0, encoder=0),
    density=dataclasses.replace(TINY.face.density, stop=0),
)
"""Of a stage that learns nothing."""


def test_patience_ends_when_the_best_is_that_many_looks_old() -> None:
    assert not out_of_patience([3.0, 2.0], 2)
    assert not out_of_patience([3.0, 2.0, 2.5], 2)
    assert out_of_patience([3.0, 2.0, 2.5, 2.0], 2)
    assert not out_of_patience([3.0, 2.0, 2.5, 1.9], 2)


def test_the_held_out_second_is_learned_from_in_the_last_tenth_only() -> None:
    everyone = np.arange(100)
    held_out = HeldOut(PATIENT, everyone)
    assert held_out.held.tolist() == list(range(75, 100))
    assert held_out.candidates(180).tolist() == list(range(75))
    assert held_out.candidates(181).tolist() == list(range(100))
    without = HeldOut(dataclasses.replace(PATIENT, patience=0), everyone)
    assert without.candidates(1).tolist() == list(range(100))
    assert without.error(40, lambda frame: torch.tensor(1.0)) is None


def test_it_is_looked_at_about_fifty_times_while_the_head_moves() -> None:
    held_out = HeldOut(dataclasses.replace(PATIENT, iterations=6000, warm_up=600), np.arange(100))
    seen: list[int] = []

    def of_frame(frame: int) -> torch.Tensor:
        seen.append(frame)
        return torch.tensor(float(frame))

    looks = [i for i in range(1, 6001) if held_out.error(i, of_frame) is not None]
    assert looks == list(range(720, 5400, 120))
    assert set(seen) == set(range(75, 100, 2))
    assert held_out.error(720, of_frame) == pytest.approx(87.0)


@pytest.mark.parametrize("learns", [True, False])
def test_a_stage_that_learns_nothing_goes_on_to_its_last_tenth(
    prepared_clip: Path, tmp_path: Path, learns: bool
) -> None:
    face = dataclasses.replace(PATIENT, iterations=100, warm_up=10, patience=4) if learns else STANDSTILL
    quick = dataclasses.replace(
        TINY,
        resolution=64,
        listen=dataclasses.replace(TINY.listen, iterations=5),
        face=face,
        mouth=dataclasses.replace(TINY.mouth, iterations=5),
        fuse=dataclasses.replace(TINY.fuse, iterations=5),
    )
    told = Silent()
    adapt(prepared_clip, tmp_path / "person", TALKINGGAUSSIAN, quick, seconds=3.2, progress=told)
    lines = (tmp_path / "person/work/notebook/metrics.jsonl").read_text().splitlines()
    points = [point for point in map(json.loads, lines) if point["stage"] == "face"]
    iterations = [point["iteration"] for point in points]
    errors = [point["unseen"] for point in points if "unseen" in point]
    if learns:
        assert iterations == list(range(20, 101, 20))
        assert len(errors) == 4
        assert min(errors) < errors[0]
    else:
        assert iterations == [20, 40, 60, 80, 200]  # looked at from 40 on, out of patience at 80, then 181 to 200
        assert len(set(errors)) == 1  # no noise on what is compared
        assert last_tenth(200) == 180
    assert any("nothing more" in line for line in told.said) != learns


@pytest.fixture(scope="module")
def large(prepared_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingFrames:
    clip, cache = load_clip(prepared_clip), tmp_path_factory.mktemp("coarse") / "frames"
    ears = hearing(TALKINGGAUSSIAN, "logmel")
    return read_training_frames(clip, 60, 384, ears, cache, torch.device("cpu"), Silent(), coarse=True)


def test_coarse_frames_show_the_same(large: TrainingFrames) -> None:
    coarse = large.coarse
    assert coarse is not None
    assert (coarse.resolution, coarse.picture(3).shape) == (COARSE, (1, COARSE, COARSE, 3))
    assert large.for_iteration(10, 10) is coarse
    assert large.for_iteration(11, 10) is large
    fine = torch.nn.functional.interpolate(large.picture(3).permute(0, 3, 1, 2), COARSE, mode="area")
    assert (fine.permute(0, 2, 3, 1) - coarse.picture(3)).abs().mean() < 0.01
    pixels = [project(f.face_shape, f.world_to_cam[3], f.intrinsics)[0] for f in (large, coarse)]
    torch.testing.assert_close(pixels[0] * COARSE / 384, pixels[1])
    assert np.abs(large.lip_boxes * COARSE / 384 - coarse.lip_boxes).max() <= 1.5
    assert np.array_equal(coarse.fitted, large.fitted)


@pytest.mark.parametrize("make", [FaceStage, MouthStage])
def test_coarse_and_fine_pictures_teach_the_same(
    large: TrainingFrames, prepared_clip: Path, make: type[FaceStage] | type[MouthStage]
) -> None:
    method, clip = adapted(TALKINGGAUSSIAN), load_clip(prepared_clip)
    losses, sizes = [], []
    for coarse_until in (1, 0):
        change = {"iterations": 20, "warm_up": 0, "coarse_until": coarse_until, "shape_from": 0}
        face, mouth = (dataclasses.replace(stage, **change) for stage in (TINY.face, TINY.mouth))
        rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
        clouds = start_face(clip, large, method.face, rng), start_mouth(clip, large, method.mouth, rng)
        head = build_head(method, large.signals["audio"].shape[-1], *clouds, generator)
        stage = make(head, large, dataclasses.replace(TINY, face=face, mouth=mouth), generator)
        losses.append(stage.learn(1)["loss"])
        sizes.append(stage.density.largest)
    assert losses[0] == pytest.approx(losses[1], rel=0.2)
    seen = (sizes[0] > 0) & (sizes[1] > 0)
    assert seen.sum() > 100
    rounding = 512 / COARSE + 3 * 0.3 * (512 / COARSE - 512 / 384)  # up to whole pixels, and the blur of a pixel
    assert (sizes[0] - sizes[1])[seen].abs().max() < 2 * rounding
    assert sizes[1][seen].mean() == pytest.approx(sizes[0][seen].mean().item(), rel=0.3)
