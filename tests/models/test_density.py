"""Density control: growth where asked, pruning, limits, momenta that follow their Gaussians."""

import dataclasses

import torch

from d3talker.config.training import DensitySettings, GaussianRates
from d3talker.models.density import DensityControl, lower_opacities, regroup, remove
from d3talker.models.gaussians import PARAMETERS, start_gaussians
from d3talker.recipes.adapt.stage import gaussian_optimiser, optimiser_tensors, restore_optimiser

SETTINGS = DensitySettings(start=0, every=10, stop=1000, limit=500, opacity_start=0.005, opacity_end=0.005)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def make(count: int = 100, size: float = 0.002):
    points = torch.rand(count, 3, generator=seeded()) * 0.1
    gaussians = start_gaussians(points, torch.rand(count, 3), torch.full((count,), size), 1)
    optimiser = gaussian_optimiser(gaussians, GaussianRates())
    sum(getattr(gaussians, name).square().sum() for name in PARAMETERS).backward()
    optimiser.step()
    return gaussians, optimiser


def watched(control: DensityControl, wanted: torch.Tensor) -> None:
    probe = torch.zeros(1, len(wanted), 2, requires_grad=True)
    probe.grad = wanted[None, :, None] * torch.ones(2)
    control.observe(probe, torch.full((1, len(wanted)), 3), 256)


def test_small_ones_are_cloned() -> None:
    gaussians, optimiser = make(size=1e-4)
    wanted = torch.arange(100) < 7
    control = DensityControl(SETTINGS, 0.15, gaussians)
    watched(control, wanted)
    before = gaussians.means.detach().clone()
    control.step(10, gaussians, optimiser, seeded())
    assert len(gaussians) == 107
    assert torch.equal(gaussians.means[:100], before)
    assert torch.equal(gaussians.means[100:], before[:7])


def test_large_ones_are_split_into_two_smaller_ones_nearby() -> None:
    gaussians, optimiser = make()
    wanted = torch.arange(100) < 7
    control = DensityControl(SETTINGS, 0.15, gaussians)
    watched(control, wanted)
    before, scale = gaussians.means.detach().clone(), gaussians.scales.detach().clone()
    control.step(10, gaussians, optimiser, seeded())
    assert len(gaussians) == 107
    torch.testing.assert_close(gaussians.scales[93:], scale[:7].repeat(2, 1) / 1.6, rtol=1e-4, atol=1e-8)
    distance = (gaussians.means[93:] - before[:7].repeat(2, 1)).norm(dim=1)
    assert distance.max() < 5 * scale.max()
    assert distance.min() > 0


def test_the_number_is_bounded_and_the_neediest_come_first() -> None:
    gaussians, optimiser = make(size=1e-4)
    control = DensityControl(dataclasses.replace(SETTINGS, limit=110), 0.15, gaussians)
    probe = torch.zeros(1, 100, 2, requires_grad=True)
    probe.grad = (torch.arange(100) / 100.0 + 0.1)[None, :, None] * torch.tensor([1.0, 0.0])
    control.observe(probe, torch.full((1, 100), 3), 256)
    before = gaussians.means.detach().clone()
    control.step(10, gaussians, optimiser, seeded())
    assert len(gaussians) == 110
    assert torch.equal(gaussians.means[100:], before[90:])


def test_faint_and_huge_ones_go() -> None:
    gaussians, optimiser = make()
    with torch.no_grad():
        gaussians.raw_opacities[:5] = -9.0
        gaussians.raw_scales[5:8] = 0.0
    control = DensityControl(dataclasses.replace(SETTINGS, large_after=5), 0.15, gaussians)
    control.step(10, gaussians, optimiser, seeded())
    assert len(gaussians) == 92


def test_never_all_of_them() -> None:
    gaussians, optimiser = make()
    with torch.no_grad():
        gaussians.raw_opacities[:] = -9.0
    DensityControl(SETTINGS, 0.15, gaussians).step(10, gaussians, optimiser, seeded())
    assert len(gaussians) == 100


def test_momenta_follow_and_newcomers_start_without() -> None:
    gaussians, optimiser = make(4)
    old = optimiser.state[gaussians.means]["exp_avg"].clone()
    source = torch.tensor([2, 0, 2])
    regroup(gaussians, optimiser, source, torch.tensor([False, False, True]))
    new = optimiser.state[gaussians.means]["exp_avg"]
    assert torch.equal(new[:2], old[[2, 0]])
    assert torch.equal(new[2], torch.zeros(3))
    assert optimiser.param_groups[0]["params"][0] is gaussians.means
    gaussians.means.sum().backward()
    optimiser.step()


def test_a_restored_optimiser_keeps_its_own_rates() -> None:
    """The published code takes the old ones back with the momenta."""
    gaussians, fast = make(4)
    slow = gaussian_optimiser(gaussians, dataclasses.replace(GaussianRates(), opacity=1e-4))
    restore_optimiser(slow, "old", optimiser_tensors(fast, "old"))
    assert torch.equal(slow.state[gaussians.means]["exp_avg"], fast.state[gaussians.means]["exp_avg"])
    assert [group["lr"] for group in slow.param_groups if group["params"][0] is gaussians.raw_opacities] == [1e-4]
    before = gaussians.raw_opacities.detach().clone()
    slow.step()
    assert 0 < (gaussians.raw_opacities - before).abs().max() < 1.1e-4


def test_removal_and_reset() -> None:
    gaussians, optimiser = make(10)
    remove(gaussians, optimiser, torch.arange(10) % 2 == 0)
    assert len(gaussians) == 5
    with torch.no_grad():
        gaussians.raw_opacities[:] = 3.0
    lower_opacities(gaussians, optimiser)
    torch.testing.assert_close(gaussians.opacities, torch.full((5,), 0.01))
    assert torch.equal(optimiser.state[gaussians.raw_opacities]["exp_avg"], torch.zeros(5))


def test_outside_its_time_nothing_happens() -> None:
    gaussians, optimiser = make()
    control = DensityControl(SETTINGS, 0.15, gaussians)
    watched(control, torch.ones(100, dtype=torch.bool))
    for iteration in (5, 11, 1010):
        control.step(iteration, gaussians, optimiser, seeded())
    assert len(gaussians) == 100
