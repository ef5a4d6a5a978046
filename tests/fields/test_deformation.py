"""Deformation fields: sizes, the quiet start, the frozen twin, gradients."""

import dataclasses

import pytest
import torch

from d3talker.config.method import D3TALKER, INSTAG, TALKINGGAUSSIAN
from d3talker.fields.aligner import MotionAligner
from d3talker.fields.deformation import DeformationField, Displacement
from d3talker.fields.together import positions_together

FACE, MOUTH = TALKINGGAUSSIAN.face.fields[0], TALKINGGAUSSIAN.mouth.fields[0]
HOOKED, GENERAL = INSTAG.mouth.fields[0], D3TALKER.mouth.fields[0]


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


@pytest.mark.parametrize("settings", [FACE, MOUTH, HOOKED, GENERAL])
def test_the_frozen_twin_agrees(settings) -> None:
    field = DeformationField(settings, seeded())
    with torch.no_grad():
        field.tables.normal_(generator=seeded())
        resting = field.rest(points())
        resting = dataclasses.replace(resting, size=1 + 0.2 * torch.rand(500, 3, generator=seeded()))
        frozen = field.frozen(resting)
        for seed in range(100):
            code = torch.randn(32, generator=seeded(seed))
            expression = torch.rand(6, generator=seeded(seed))
            hook = torch.randn(3, generator=seeded(seed))
            live, cached = field(resting, code, expression, hook), frozen(code, expression, hook)
            assert (live.position - cached.position).abs().max() < 1e-6
            if live.scale is not None:
                torch.testing.assert_close(live.scale, cached.scale, atol=1e-5, rtol=1e-4)


def test_sizes_of_the_other_methods() -> None:
    """Spec 1, section 12; the paper's code has outputs that it never uses."""
    universal, personal = (DeformationField(field, seeded()) for field in INSTAG.face.fields)
    assert count(universal, "decoder") == 9_536 - 64
    assert count(personal, "decoder") == 3_744 - 32
    inside, own = (DeformationField(field, seeded()) for field in INSTAG.mouth.fields)
    assert count(inside, "scaler") == 896
    assert count(inside, "decoder") == 3_520 - 4 * 32
    assert inside.tables.numel() == 3 * 46_600
    assert count(own, "decoder") == 1_456 - 4 * 16
    assert own.tables.numel() == 3 * 9_464
    assert sum(p.numel() for p in MotionAligner(32, True, seeded()).network) == 1_344
    assert sum(p.numel() for p in MotionAligner(16, False, seeded()).network) == 672 - 3 * 16
    general, individual, own = (DeformationField(field, seeded()) for field in D3TALKER.face.fields)
    assert count(general, "decoder") == count(individual, "decoder") == 74 * 64 + 64 * 64 + 64 * 10
    assert count(own, "decoder") == 3_744 - 32
    assert count(DeformationField(GENERAL, seeded()), "signal_attention") == 2_176
    assert count(DeformationField(GENERAL, seeded()), "decoder") == 71 * 32 + 32 * 32 + 32 * 3
    assert count(DeformationField(GENERAL, seeded()), "scaler") == 896


def test_the_hook_scales_what_the_mouth_does() -> None:
    field = DeformationField(HOOKED, seeded())
    with torch.no_grad():
        field.tables.normal_(generator=seeded())
        resting, code = field.rest(points()), torch.randn(32, generator=seeded())
        still, moving = (
            field(resting, code, torch.zeros(6), hook).position for hook in (torch.zeros(3), torch.tensor([1.0, -1, 2]))
        )
        for weight in field.scaler:
            weight.zero_()
        plain = field(resting, code, torch.zeros(6), torch.zeros(3)).position
    assert (still - moving).abs().max() > 1e-4
    assert (still - plain).abs().max() > 1e-5  # without a scaler's say the factor is 1


def test_the_aligner_starts_where_everything_is() -> None:
    offset, size = MotionAligner(32, True, seeded())(points())
    assert offset.abs().max() < 1e-6
    assert (size - 1).abs().max() < 1e-4


def test_the_aligner_keeps_its_range_and_is_the_identity_without_an_answer() -> None:
    aligner = MotionAligner(32, True, seeded())
    with torch.no_grad():
        aligner.tables.normal_(0, 100.0, generator=seeded())
        size = aligner(points())[1]
        aligner.network[-1].zero_()
        offset, same = aligner(points())
    assert 0.75 <= float(size.min()) < 0.76
    assert 1.24 < float(size.max()) <= 1.25
    assert torch.equal(offset, torch.zeros(500, 3))
    assert torch.equal(same, torch.ones(500, 3))


@pytest.mark.parametrize("settings", [D3TALKER.face.fields[2], D3TALKER.mouth.fields[2], INSTAG.mouth.fields[1]])
def test_many_fields_together_answer_as_each_alone(settings) -> None:
    fields = [DeformationField(settings, seeded(seed)) for seed in range(5)]
    codes, expression = torch.randn(5, 32, generator=seeded(), requires_grad=True), torch.rand(6, generator=seeded())
    with torch.no_grad():
        for number, field in enumerate(fields):
            field.tables.normal_(0, 3.0, generator=seeded(10 + number))
        alone = [f(f.rest(points()), code, expression).position for f, code in zip(fields, codes, strict=True)]
    together = positions_together(fields, points(), codes, expression)
    assert together.abs().max() > 1e-3
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-7, rtol=1e-5)
    assert not together.requires_grad


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
