import pytest
import torch
from benchmarks.machine import Ceiling, Ceilings
from benchmarks.results import Kernel, Work
from benchmarks.roofline import least_milliseconds, roofline_table
from benchmarks.scene import head_scene
from benchmarks.work import grid_work, mlp_work, needed_pairs, network_work, rasterizer_work, ssim_work
from torch import nn

from d3talker.ops.grid import GridShape
from d3talker.ops.rasterize.reference import MIN_ALPHA, MIN_TRANSMITTANCE, project

CEILINGS = Ceilings(Ceiling(10e9, 12e9), Ceiling(100e9, 120e9), Ceiling(400e9, 480e9))


def test_the_slower_of_operations_and_bytes_bounds() -> None:
    assert least_milliseconds(Work(float32=1e9, bytes=1e6), CEILINGS) == (pytest.approx(10.0), "operations")
    assert least_milliseconds(Work(float32=1e6, bytes=1e9), CEILINGS) == (pytest.approx(100.0), "bytes")
    assert least_milliseconds(Work(float32=1e9, int8=4e9), CEILINGS) == (pytest.approx(20.0), "operations")
    without = Ceilings(CEILINGS.bandwidth, CEILINGS.float32, None)
    assert least_milliseconds(Work(int8=4e9), without)[0] == pytest.approx(40.0)


def test_the_distance_is_the_time_over_the_least() -> None:
    row = roofline_table([Kernel("k", 25.0, Work(float32=1e9, bytes=1e6))], CEILINGS).splitlines()[2]
    assert row == "| k | 1,000 | 1 | 10 | operations | 25 | 2.5 |"


def test_works_add_up() -> None:
    assert Work(1, 2, 3) + Work(10, 20, 30).times(2) == Work(21, 42, 63)


def test_pairs_are_those_that_the_reference_blends() -> None:
    scene, size = head_scene(300, 48), 48
    shapes = (scene[name] for name in ("means", "quats", "scales", "opacities"))
    seen = project(*shapes, scene["world_to_cam"][0], scene["intrinsics"][0], size, size, near=0.01)
    order = torch.argsort(seen.depths)
    place = torch.arange(size) + 0.5
    pixels = torch.stack(torch.meshgrid(place, place, indexing="xy"), dim=-1).reshape(-1, 1, 2)
    dx, dy = (pixels - seen.centres[order]).unbind(-1)
    conics = seen.conics[order]
    falloff = 0.5 * (conics[:, 0] * dx * dx + conics[:, 2] * dy * dy) + conics[:, 1] * dx * dy
    alpha = (scene["opacities"][order] * torch.exp(-falloff)).clamp_max(0.99)
    alpha = torch.where(alpha >= MIN_ALPHA, alpha, 0.0)
    blended = (alpha > 0) & ((1 - alpha).cumprod(dim=1) > MIN_TRANSMITTANCE)
    assert needed_pairs(scene, size) == pytest.approx(int(blended.sum()), rel=1e-3)


def test_work_of_layers_is_two_operations_a_weight_and_place() -> None:
    network = nn.Sequential(nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.Conv2d(8, 2, 1))
    work = network_work(network, torch.zeros(1, 4, 8, 8))
    assert work.float32 == 2 * (4 * 8 * 9 + 8 * 2) * 16
    assert work.bytes == 4 * (4 * 64 + 4 * 8 * 9 + 8 * 2 + 2 * 16)
    small = network_work(network, torch.zeros(1, 4, 8, 8), int8=True)
    assert (small.int8, small.float32) == (2 * 4 * 8 * 9 * 16, 2 * 8 * 2 * 16)


def test_backward_of_a_perceptron_is_twice_forward() -> None:
    forward, backward = mlp_work(1000, (74, 64, 64, 10))
    assert forward.float32 == 2 * 1000 * (74 * 64 + 64 * 64 + 64 * 10)
    assert backward.float32 == 2 * forward.float32
    assert mlp_work(1000, (74, 64, 10), keep=False)[0].bytes == 4 * (1000 * 84 + 74 * 64 + 64 * 10)


def test_counts_grow_with_what_is_counted() -> None:
    shape = GridShape(16, 38.4)
    assert grid_work(2000, shape)[0].float32 == 2 * grid_work(1000, shape)[0].float32
    assert grid_work(1000, shape, points_learn=True)[1].float32 > grid_work(1000, shape)[1].float32
    assert ssim_work(512)[0].float32 == 4 * ssim_work(256)[0].float32
    few, many = rasterizer_work(10**5, 1000, 64), rasterizer_work(2 * 10**5, 1000, 64)
    assert many[0].float32 > few[0].float32
    assert many[1].bytes == few[1].bytes
