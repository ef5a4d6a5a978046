"""Whole steps: nothing is farther off than a step, zero stays zero, and nothing wraps around."""

import pytest
import torch

from d3talker.ops.steps import in_steps


@pytest.mark.parametrize(("least", "largest"), [(-1.0, 1.0), (0.0, 3.0), (-2.0, 0.0), (-0.01, 5.0), (1.0, 2.0)])
def test_nothing_is_farther_off_than_a_step(least: float, largest: float) -> None:
    x = torch.rand(2, 5, 7, 9, generator=torch.Generator().manual_seed(0)) * (largest - least) + least
    x[0, 0, 0, :2] = torch.tensor([least, largest])
    x[1, 2, 3, 4] = max(0.0, least)
    steps, size, zero = in_steps(x)
    assert steps.dtype == torch.uint8
    assert steps.shape == x.shape
    back = (steps.float() - zero) * size
    assert (back - x).abs().max() <= 1.001 * size
    assert size == pytest.approx((max(0.0, largest) - min(0.0, least)) / 255)
    if least <= 0.0:
        assert back[1, 2, 3, 4] == 0.0


def test_zeros() -> None:
    steps, _, zero = in_steps(torch.zeros(1, 2, 3, 4))
    assert torch.equal(steps, torch.full_like(steps, zero))
