"""The face-mouth hook: extremes, no gradient, few Gaussians."""

import torch

from d3talker.fields.hook import face_hook, hooks_at


def test_the_hook_is_the_tenth_extreme_in_centimetres() -> None:
    rises = torch.linspace(-0.002, 0.006, 81)[torch.randperm(81, generator=torch.Generator().manual_seed(0))]
    up, down, apart = face_hook(rises).tolist()
    assert abs(up - 0.6 + 9 * 0.01) < 1e-6
    assert abs(down + 0.2 - 9 * 0.01) < 1e-6
    assert abs(apart - (up - down)) < 1e-6


def test_one_stray_gaussian_changes_nothing() -> None:
    rises = 0.001 * torch.randn(500, generator=torch.Generator().manual_seed(0))
    strayed = rises.clone()
    strayed[7] = 1.0
    assert (face_hook(rises) - face_hook(strayed)).abs().max() < 0.02


def test_frames_come_together_and_few_gaussians_are_enough() -> None:
    rises = torch.randn(5, 100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(face_hook(rises, 20)[3], face_hook(rises[3], 20))
    assert torch.equal(face_hook(torch.tensor([0.01, -0.02]), 10), torch.tensor([-2.0, 1.0, -3.0]))


def test_no_gradient_passes() -> None:
    assert not face_hook(torch.randn(50, requires_grad=True)).requires_grad


def test_several_extremes_come_as_each_alone() -> None:
    rises = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
    together = hooks_at(rises, range(10, 51))
    assert together.shape == (3, 41, 3)
    for place, extreme in enumerate(range(10, 51)):
        assert torch.equal(together[:, place], face_hook(rises, extreme))
