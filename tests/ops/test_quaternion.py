import math

import pytest
import torch

from d3talker.ops.quaternion import from_axis_angle, from_matrix, multiply, slerp, to_matrix


def _random(*shape: int) -> torch.Tensor:
    quaternions = torch.randn(*shape, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return quaternions / quaternions.norm(dim=-1, keepdim=True)


def test_quarter_turns_by_hand():
    half = math.sqrt(0.5)
    about_z = to_matrix(torch.tensor([half, 0.0, 0.0, half], dtype=torch.float64))
    torch.testing.assert_close(
        about_z @ torch.tensor([1.0, 0, 0], dtype=torch.float64), about_z.new_tensor([0, 1.0, 0])
    )
    about_x = to_matrix(torch.tensor([half, half, 0.0, 0.0], dtype=torch.float64))
    torch.testing.assert_close(
        about_x @ torch.tensor([0, 1.0, 0], dtype=torch.float64), about_x.new_tensor([0, 0, 1.0])
    )


def test_matrices_are_rotations_whatever_the_length():
    quaternions = _random(5, 20)
    matrices = to_matrix(3.7 * quaternions)
    torch.testing.assert_close(matrices, to_matrix(quaternions))
    torch.testing.assert_close(matrices @ matrices.mT, torch.eye(3, dtype=torch.float64).expand(5, 20, 3, 3))
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(5, 20, dtype=torch.float64))


def test_matrix_round_trip():
    half_turns = torch.eye(
        4, dtype=torch.float64
    )  # no turn, and half a turn about each axis: where formulas divide by 0
    quaternions = torch.cat([_random(200), half_turns])
    back = from_matrix(to_matrix(quaternions))
    assert (back[:, 0] >= 0).all()
    sign = torch.where((back * quaternions).sum(-1, keepdim=True) < 0, -1.0, 1.0)
    torch.testing.assert_close(back * sign, quaternions)


def test_product_turns_by_the_second_first():
    a, b = _random(2, 30)
    torch.testing.assert_close(to_matrix(multiply(a, b)), to_matrix(a) @ to_matrix(b))


def test_axis_angle():
    turn = from_axis_angle(torch.tensor([0.0, math.pi / 3, 0.0], dtype=torch.float64))
    torch.testing.assert_close(turn, turn.new_tensor([math.cos(math.pi / 6), 0.0, 0.5, 0.0]))
    vectors = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    skew = torch.zeros(50, 3, 3, dtype=torch.float64)
    skew[:, 0, 1], skew[:, 0, 2], skew[:, 1, 2] = -vectors[:, 2], vectors[:, 1], -vectors[:, 0]
    torch.testing.assert_close(to_matrix(from_axis_angle(vectors)), torch.linalg.matrix_exp(skew - skew.mT))


def test_axis_angle_of_no_turn_has_a_gradient():
    still = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(from_axis_angle, still)
    torch.testing.assert_close(jacobian, torch.cat([torch.zeros(1, 3), torch.eye(3) / 2]).double())


@pytest.mark.parametrize(
    "function", [to_matrix, lambda q: from_matrix(to_matrix(q)), lambda q: from_axis_angle(q[:, 1:])]
)
def test_gradients(function):
    assert torch.autograd.gradcheck(function, (_random(6).requires_grad_(),))


def test_slerp_moves_at_one_speed():
    about_y = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)
    start, end = from_axis_angle(0.2 * about_y), from_axis_angle(1.4 * about_y)
    for fraction in (0.0, 0.25, 0.5, 1.0):
        torch.testing.assert_close(slerp(start, end, fraction), from_axis_angle((0.2 + 1.2 * fraction) * about_y))


def test_slerp_takes_the_shorter_way():
    start, end = _random(2, 40)
    fractions = torch.linspace(0, 1, 40, dtype=torch.float64)
    torch.testing.assert_close(to_matrix(slerp(start, end, fractions)), to_matrix(slerp(start, -2 * end, fractions)))
    middle = slerp(start, end, 0.5)
    torch.testing.assert_close((middle * start).sum(-1).abs(), (middle * end).sum(-1).abs())


def test_slerp_between_equal_rotations_is_exact_and_differentiable():
    start = _random(3).requires_grad_()
    middle = slerp(start, start.detach(), 0.3)
    torch.testing.assert_close(middle, start)
    middle.sum().backward()
    assert start.grad.isfinite().all()
