"""Deformation fields: sizes, the quiet start, the frozen twin, gradients."""

import dataclasses

import pytest
import torch

from d3talker.config.method import TALKINGGAUSSIAN
from d3talker.fields.deformation import DeformationField, Displacement

FACE, MOUTH = TALKINGGAUSSIAN.face.fields[0], TALKINGGAUSSIAN.mouth.fields[0]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(count: int = 500) -> torch.Tensor:
    return (torch.rand(count, 3, generator=seeded(1)) - 0.5) * 0.25


def count(field: DeformationField, name: str) -> int:
    return sum(p.numel() for p in getattr(field, name))


def test_sizes_are_those_of_the_paper_code() -> None:
    face, mouth = DeformationField(FACE, seeded()), DeformationField(MOUTH, seeded())
    assert face.tables.numel() == 3 * 9_464
    assert mouth.tables.numel() == 3 * 46_600
    assert count(face, "signal_attention") == 2_176
    assert count(face, "expression_attention") == 672
    assert count(face, "expression_mix") == 160
    assert count(face, "decoder") == 9_536 - 64  # the paper's code has an eleventh output that it never uses
    assert count(mouth, "decoder") == 68 * 32 + 32 * 32 + 32 * 3


@pytest.mark.parametrize("settings", [FACE, MOUTH])
def test_the_start_is_quiet(settings) -> None:
    field = DeformationField(settings, seeded())
    moved = field(field.rest(points()), torch.randn(32, generator=seeded()), torch.rand(6, generator=seeded()))
    assert moved.position.abs().max() < (1e-6 if settings.region_attention else 1e-2)
    if settings.region_attention:
        assert moved.rotation.abs().max() < 1e-4


def test_outside_two_planes_nothing_moves() -> None:
    field = DeformationField(FACE, seeded())
    with torch.no_grad():
        field.tables.normal_(generator=seeded())
    outside = torch.tensor([[0.2, 0.2, 0.0], [0.2, 0.0, 0.2], [0.2, 0.2, 0.2]])
    moved = field(field.rest(outside), torch.ones(32), torch.ones(6))
    assert torch.equal(moved.position, torch.zeros(3, 3))
    one_plane = field(field.rest(torch.tensor([[0.2, 0.0, 0.0]])), torch.ones(32), torch.ones(6))
    assert one_plane.position.abs().max() > 0


def test_damping_holds_back_the_mouth_sideways() -> None:
    field = DeformationField(MOUTH, seeded())
    free = DeformationField(dataclasses.replace(MOUTH, damping=(1.0, 1.0, 1.0)), seeded())
    code, expression = torch.randn(32, generator=seeded()), torch.zeros(6)
    held, loose = (f(f.rest(points()), code, expression).position for f in (field, free))
    torch.testing.assert_close(held, loose * torch.tensor([0.2, 1.0, 0.2]))


@pytest.mark.parametrize("settings", [FACE, MOUTH])
def test_the_frozen_twin_agrees(settings) -> None:
    field = DeformationField(settings, seeded())
    with torch.no_grad():
        field.tables.normal_(generator=seeded())
        resting = field.rest(points())
        frozen = field.frozen(resting)
        for seed in range(20):
            code = torch.randn(32, generator=seeded(seed))
            expression = torch.rand(6, generator=seeded(seed))
            live, cached = field(resting, code, expression), frozen(code, expression)
            assert (live.position - cached.position).abs().max() < 1e-6
            if live.scale is not None:
                torch.testing.assert_close(live.scale, cached.scale, atol=1e-5, rtol=1e-4)


def test_every_parameter_learns() -> None:
    field = DeformationField(FACE, seeded())
    with torch.no_grad():
        field.tables.normal_(generator=seeded())
    moved = field(field.rest(points()), torch.randn(32, generator=seeded()), torch.rand(6, generator=seeded()))
    (moved.position.square().sum() + moved.rotation.square().sum() + moved.scale.square().sum()).backward()
    for name, parameter in field.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_displacements_add_up() -> None:
    a = Displacement(torch.ones(2, 3), torch.ones(2, 4), None)
    b = Displacement(2 * torch.ones(2, 3), None, None)
    both = a + b
    assert torch.equal(both.position, 3 * torch.ones(2, 3))
    assert torch.equal(both.rotation, torch.ones(2, 4))
    assert both.scale is None
