"""Contrast of fields: values known in closed form, exact gradients, who gets one, and which points are chosen."""

import math

import pytest
import torch

from d3talker.losses.contrast import (
    FLOOR,
    LIP_RADIUS,
    cosine,
    magnitude_ratio,
    negative_contrast,
    sample_points,
    similarity_contrast,
)

MILLIMETRE = 1e-3


def motions(*shape: int, size: float = MILLIMETRE, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return size * torch.randn(*shape, 3, generator=generator, dtype=torch.float64)


def test_parallel_millimetres():
    own = torch.zeros(7, 3)
    own[:, 1] = MILLIMETRE
    assert negative_contrast(own, own[None]).item() == pytest.approx(1e-6)
    assert negative_contrast(own, own[None], unit=MILLIMETRE).item() == pytest.approx(1.0)
    assert negative_contrast(own, own.expand(4, 7, 3), unit=MILLIMETRE).item() == pytest.approx(4.0)
    assert negative_contrast(own, -own[None]).item() == 0.0
    assert negative_contrast(own, own[None, :, [1, 0, 2]]).item() == 0.0


def test_each_point_is_truncated_before_the_mean():
    own = torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, 3], [0, 0, 0]])
    other = torch.tensor([[5.0, 1, 1], [0, -9, 0], [0, 0, 1], [4, 4, 4]])
    assert negative_contrast(own, other[None]).item() == pytest.approx((5 + 3) / 4)


def test_negative_contrast_moves_only_its_own_field():
    own, others = motions(20, seed=1).requires_grad_(), motions(3, 20, seed=2).requires_grad_()
    negative_contrast(own, others).backward()
    assert others.grad is None
    products = (own * others).sum(-1)
    expected = (others * (products > 0)[..., None]).sum(0) / 20
    torch.testing.assert_close(own.grad, expected)
    assert torch.autograd.gradcheck(lambda v: negative_contrast(v, others.detach(), MILLIMETRE), own, eps=1e-9)


def test_without_others_there_is_nothing_to_contrast():
    own = motions(5).requires_grad_()
    loss = negative_contrast(own, own.new_zeros(0, 5, 3))
    loss.backward()
    assert loss.item() == 0.0
    assert not own.grad.any()


def test_identical_fields_are_a_guess_among_five():
    general, individual = motions(50, seed=1), motions(50, seed=2)
    for positive in range(5):
        loss = similarity_contrast(general, individual.expand(5, 50, 3), positive)
        assert loss.item() == pytest.approx(math.log(5), abs=1e-12)


def test_aligned_positive_and_opposite_negatives():
    general = motions(50)
    fields = torch.stack([-general, -general, general, -general, -general])
    assert similarity_contrast(general, fields, 2).item() == pytest.approx(math.log1p(4 * math.exp(-20)), rel=1e-6)
    assert similarity_contrast(general, fields, 1).item() == pytest.approx(20 + math.log1p(4 * math.exp(-20)))
    wide = similarity_contrast(general, fields, 2, temperature=0.5).item()
    assert wide == pytest.approx(math.log1p(4 * math.exp(-4)))


def test_sizes_do_not_matter_above_the_floor():
    general, fields = motions(50, seed=1), motions(5, 50, seed=2)
    expected = similarity_contrast(general, fields, 3)
    sizes = torch.tensor([0.05, 0.3, 1.0, 7.0, 20.0], dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(similarity_contrast(4.0 * general, sizes * fields, 3), expected)


def test_a_field_at_rest_is_like_no_other():
    general = motions(50)
    resting = general / general.square().sum(-1).mean().sqrt() * FLOOR / 10
    assert cosine(general, resting).item() == pytest.approx(0.1)
    assert cosine(general, torch.zeros_like(general)).item() == 0.0
    assert cosine(resting, resting).item() == pytest.approx(0.01)


def test_negatives_get_no_gradient():
    general = motions(30, seed=1).requires_grad_()
    fields = [motions(30, seed=seed).requires_grad_() for seed in (2, 3, 4)]
    similarity_contrast(general, fields, 1).backward()
    assert [field.grad is None for field in fields] == [True, False, True]
    assert general.grad.norm() > 0
    assert fields[1].grad.norm() > 0
    stacked = torch.stack(fields).detach().requires_grad_()
    similarity_contrast(general, stacked, 1).backward()
    torch.testing.assert_close(stacked.grad[1], fields[1].grad)
    assert not stacked.grad[[0, 2]].any()


@pytest.mark.parametrize("size", [MILLIMETRE, FLOOR / 100])
def test_similarity_gradients_match_finite_differences(size):
    fields = motions(4, 8, size=size, seed=1)

    def loss(general, own):
        return similarity_contrast(general, [fields[0], fields[1], own, fields[3]], 2)

    inputs = (motions(8, size=size, seed=2).requires_grad_(), fields[2].clone().requires_grad_())
    assert torch.autograd.gradcheck(loss, inputs, eps=1e-5 * size, rtol=1e-4)


def test_descent_turns_the_own_field_towards_the_general_one():
    general, fields = motions(40, seed=1), motions(3, 40, seed=2)
    own = fields[0].clone().requires_grad_()
    similarity_contrast(general, [own, *fields[1:]], 0).backward()
    step = own.detach() - 1e-7 * own.grad
    assert cosine(general, step) > cosine(general, own) + 1e-4


def test_static_points_do_not_rule_the_gradient():
    moving = torch.zeros(1000, dtype=torch.bool)
    moving[:100] = True
    sizes = torch.where(moving, MILLIMETRE, 1e-9)[:, None]
    general, fields = motions(1000, size=1.0, seed=1) * sizes, motions(5, 1000, size=1.0, seed=2) * sizes

    def gradient(chosen, loss):
        own = fields[0, chosen].clone().requires_grad_()
        loss(general[chosen], [own, *fields[1:, chosen]], 0).backward()
        return own.grad

    def point_by_point(general, individuals, positive):
        logits = 10 * torch.cosine_similarity(general, torch.stack(list(individuals)), dim=-1, eps=1e-12).mean(-1)
        return logits.logsumexp(0) - logits[positive]

    every = torch.ones_like(moving)
    alone, together = gradient(moving, similarity_contrast), gradient(every, similarity_contrast)
    torch.testing.assert_close(together[moving], alone, rtol=1e-6, atol=0)
    assert together[~moving].norm() < 1e-5 * together.norm()
    mean_of_cosines = gradient(every, point_by_point)
    assert mean_of_cosines[~moving].norm() > 1e4 * mean_of_cosines[moving].norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gradient_is_bounded_at_rest(dtype):
    points = 2048
    general = motions(points).to(dtype)
    own = torch.zeros_like(general).requires_grad_()
    similarity_contrast(general, [own, *motions(4, points, seed=3).to(dtype)], 0, temperature=0.1).backward()
    assert 0 < own.grad.norm() <= 1 / (0.1 * FLOOR * math.sqrt(points))


def test_monitors_of_a_healthy_field():
    general, across = motions(50, seed=1), motions(50, seed=2)
    across = across - general * (across * general).sum() / general.square().sum()
    individual = 0.3 * (0.6 * general + 0.8 * across * (general.norm() / across.norm()))
    assert cosine(general, individual).item() == pytest.approx(0.6)
    assert magnitude_ratio(individual, general).item() == pytest.approx(0.3)
    assert magnitude_ratio(torch.zeros_like(general), general).item() == 0.0
    assert magnitude_ratio(general, torch.zeros_like(general)).isfinite()
    assert cosine(general, torch.stack([general, -general])).tolist() == pytest.approx([1.0, -1.0])


def face(lips: int, rest: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Shuffled points near and far from the middle of the lips, that middle, and which are near."""
    generator = torch.Generator().manual_seed(0)
    middle = torch.tensor([0.0, -0.05, 0.08])
    directions = torch.nn.functional.normalize(torch.randn(lips + rest, 3, generator=generator), dim=-1)
    near = torch.arange(lips + rest) < lips
    radii = torch.where(near, 0.9 * LIP_RADIUS, 1.1 * LIP_RADIUS)
    order = torch.randperm(lips + rest, generator=generator)
    return (middle + directions * radii[:, None])[order], middle, near[order]


@pytest.mark.parametrize(
    ("lips", "rest", "inside"), [(3000, 7000, 1024), (300, 9700, 300), (9000, 1000, 1048), (5000, 0, 2048)]
)
def test_half_of_the_sample_lies_about_the_lips(lips, rest, inside):
    points, middle, near = face(lips, rest)
    chosen = sample_points(points, middle, torch.Generator().manual_seed(1))
    assert len(chosen) == len(chosen.unique()) == 2048
    assert near[chosen].sum() == inside


def test_samples_are_seeded_and_take_a_mask():
    points, middle, near = face(3000, 7000)
    draw = [sample_points(points, lips, torch.Generator().manual_seed(1), 100) for lips in (middle, middle, near)]
    assert torch.equal(draw[0], draw[1])
    assert torch.equal(draw[0], draw[2])
    assert not torch.equal(draw[0], sample_points(points, middle, torch.Generator().manual_seed(2), 100))


def test_few_points_are_all_taken():
    points, middle, _ = face(20, 30)
    assert torch.equal(sample_points(points, middle, torch.Generator().manual_seed(0)), torch.arange(50))
