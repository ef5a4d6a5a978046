import math

import numpy as np
import pytest
import torch

from d3talker.ops.spherical_harmonics import colours, to_degree0


def _functions(directions: torch.Tensor) -> torch.Tensor:
    """The 9 functions at directions (N, 3), read through the public function: (N, 9)."""
    values = []
    for k in range(9):
        coefficients = torch.zeros(len(directions), 9, 3, dtype=directions.dtype)
        coefficients[:, k, 0] = 0.1  # small enough for the clamp at 0 to stay away
        values.append((colours(coefficients, directions)[:, 0] - 0.5) / 0.1)
    return torch.stack(values, dim=1)


def test_functions_are_orthonormal():
    """Gauss-Legendre nodes in z and equal steps around the axis integrate degree 4 exactly."""
    z, weights = np.polynomial.legendre.leggauss(8)
    around = np.arange(16) * 2 * np.pi / 16
    radius = np.sqrt(1 - z**2)[:, None]
    x, y = radius * np.cos(around), radius * np.sin(around)
    directions = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], axis=-1).reshape(-1, 3)
    area = torch.from_numpy(np.repeat(weights, 16) * 2 * np.pi / 16)
    functions = _functions(torch.from_numpy(directions))
    torch.testing.assert_close(functions.T @ (functions * area[:, None]), torch.eye(9, dtype=torch.float64))


def test_signs_and_order_are_those_of_gaussian_splatting():
    directions = torch.nn.functional.normalize(torch.tensor([[0.3, -0.5, 0.8]], dtype=torch.float64), dim=-1)
    x, y, z = directions[0].tolist()
    c1 = 0.4886025119029199
    wanted = [
        0.28209479177387814,
        -c1 * y,
        c1 * z,
        -c1 * x,
        1.0925484305920792 * x * y,
        -1.0925484305920792 * y * z,
        0.31539156525252005 * (2 * z * z - x * x - y * y),
        -1.0925484305920792 * x * z,
        0.5462742152960396 * (x * x - y * y),
    ]
    assert _functions(directions)[0].tolist() == pytest.approx(wanted, rel=1e-12)


def test_degree0_round_trip():
    rgb = torch.rand(20, 3, generator=torch.Generator().manual_seed(0))
    directions = torch.nn.functional.normalize(torch.randn(20, 3, generator=torch.Generator().manual_seed(1)), dim=-1)
    for count in (1, 4, 9):
        coefficients = torch.zeros(20, count, 3)
        coefficients[:, 0] = to_degree0(rgb)
        torch.testing.assert_close(colours(coefficients, directions), rgb)
    assert float(to_degree0(torch.ones(1))) == pytest.approx(math.sqrt(math.pi))


@pytest.mark.parametrize("count", [1, 4, 9])
def test_gradients(count):
    generator = torch.Generator().manual_seed(count)
    coefficients = 0.1 * torch.randn(4, count, 3, generator=generator, dtype=torch.float64)
    directions = torch.nn.functional.normalize(torch.randn(4, 3, generator=generator, dtype=torch.float64), dim=-1)
    assert torch.autograd.gradcheck(colours, (coefficients.requires_grad_(), directions.requires_grad_()))


def test_darker_than_black_is_black_without_gradient():
    coefficients = torch.full((1, 1, 3), -3.0, requires_grad=True)
    shown = colours(coefficients, torch.tensor([[0.0, 0.0, 1.0]]))
    shown.sum().backward()
    assert shown.tolist() == [[0.0, 0.0, 0.0]]
    assert not coefficients.grad.any()


def test_other_counts_are_refused():
    with pytest.raises(ValueError, match="wanted 1, 4 or 9"):
        colours(torch.zeros(2, 5, 3), torch.zeros(2, 3))
