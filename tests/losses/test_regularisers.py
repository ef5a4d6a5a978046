"""Regularisers: known values."""

import pytest
import torch

from d3talker.fields.deformation import Displacement
from d3talker.losses.regularisers import coverage, landmark_error, misplaced_attention, motion_size


def test_coverage_is_zero_where_all_is_in_place() -> None:
    inside = torch.zeros(1, 4, 4)
    inside[:, :2] = 1.0
    assert coverage(inside, inside, 1 - inside).item() == 0.0
    assert coverage(1 - inside, inside, 1 - inside).item() == pytest.approx(1.0)
    assert coverage(torch.full((1, 4, 4), 0.5), inside, 1 - inside).item() == pytest.approx(0.5)


def test_motion_size_adds_the_means() -> None:
    moved = Displacement(torch.full((5, 3), -0.1), torch.full((5, 4), 0.2), None)
    assert motion_size(moved).item() == pytest.approx(0.3)


def test_landmark_error_in_centimetres() -> None:
    moved = Displacement(torch.tensor([[0.01, 0.0, 0.0], [0.0, 0.0, 0.0]]), None, None)
    tracked = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.03, 0.04]])
    assert landmark_error(moved, tracked, torch.tensor([0.75, 0.25])).item() == pytest.approx(0.75 + 0.25 * 5.0)


def test_attention_counts_only_where_it_does_not_belong() -> None:
    attention = torch.tensor([[3.0, 4.0], [6.0, 8.0]], requires_grad=True)
    opacities = torch.ones(2, requires_grad=True)
    loss = misplaced_attention(attention, opacities, torch.tensor([True, False]))
    assert loss.item() == pytest.approx(5.0)
    loss.backward()
    assert torch.equal(attention.grad[1], torch.zeros(2))
    assert opacities.grad is None
    assert misplaced_attention(attention, opacities, torch.tensor([False, False])).item() == 0.0
