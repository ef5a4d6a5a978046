import pytest
import torch

from d3talker.ops.mlp import mlp


def _network(rows: int, widths: list[int], dtype=torch.float32):
    generator = torch.Generator().manual_seed(rows)
    x = torch.randn(rows, widths[0], generator=generator, dtype=dtype)
    weights = [
        torch.randn(b, a, generator=generator, dtype=dtype) / a**0.5
        for a, b in zip(widths[:-1], widths[1:], strict=True)
    ]
    return x, weights


def _gradients(x, weights, backend):
    x, weights = x.clone().requires_grad_(), [weight.clone().requires_grad_() for weight in weights]
    output = mlp(x, weights, backend=backend)
    cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(9)).to(output)
    return [output.detach(), *torch.autograd.grad(output, [x, *weights], cotangent)]


def _relative_error(seen: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((seen.double() - wanted.double()).norm() / wanted.double().norm())


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_by_hand(backend):
    weights = [torch.tensor([[1.0, 0.0], [0.0, -1.0]]), torch.tensor([[2.0, 3.0]])]
    x = torch.tensor([[1.0, 2.0], [-1.0, -2.0], [1.0, -1.0]])
    assert mlp(x, weights, backend=backend).tolist() == [[2.0], [6.0], [5.0]]


def test_no_activation_at_the_end():
    assert mlp(torch.tensor([[2.0]]), [torch.tensor([[-3.0]])]).tolist() == [[-6.0]]


def test_reference_gradients_match_finite_differences():
    x, weights = _network(5, [4, 6, 5, 3], torch.float64)
    inputs = tuple(tensor.requires_grad_() for tensor in [x, *weights])
    assert torch.autograd.gradcheck(lambda x, *weights: mlp(x, weights), inputs)


@pytest.mark.parametrize(
    ("rows", "widths"), [(5000, [74, 64, 64, 10]), (1, [5, 16, 5]), (1025, [36, 32]), (9001, [36, 16, 6])]
)
def test_pool_matches_the_reference(rows, widths):
    x, weights = _network(rows, widths)
    fast = _gradients(x, weights, backend="cpu")
    slow = _gradients(x.double(), [weight.double() for weight in weights], backend="reference")
    for seen, wanted in zip(fast, slow, strict=True):
        assert _relative_error(seen, wanted) < 1e-5


def test_no_rows():
    x, weights = _network(0, [4, 3, 2])
    output, to_x, *to_weights = _gradients(x, weights, backend="cpu")
    assert (output.shape, to_x.shape) == ((0, 2), (0, 4))
    assert not any(gradient.any() for gradient in to_weights)


def test_gradient_spread_from_one_number():
    x, weights = _network(3000, [8, 8, 2])
    weights = [weight.requires_grad_() for weight in weights]
    fast = torch.autograd.grad(mlp(x, weights, backend="cpu").sum(), weights)
    slow = torch.autograd.grad(mlp(x, weights, backend="reference").sum(), weights)
    assert all(_relative_error(a, b) < 1e-5 for a, b in zip(fast, slow, strict=True))


def test_frozen_weights_get_no_gradient():
    x, weights = _network(2000, [8, 8, 2])
    weights[1].requires_grad_()
    x.requires_grad_()
    mlp(x, weights).sum().backward()
    assert weights[0].grad is None
    expected = torch.autograd.grad(mlp(x, weights, backend="reference").sum(), [x, weights[1]])
    assert _relative_error(x.grad, expected[0]) < 1e-5
    assert _relative_error(weights[1].grad, expected[1]) < 1e-5


def test_bits_repeat():
    x, weights = _network(9000, [74, 64, 64, 10])
    first, second = (_gradients(x, weights, backend="cpu") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_inference_mode():
    with torch.inference_mode():
        x, weights = _network(5000, [8, 8, 2])
        torch.testing.assert_close(mlp(x, weights, backend="cpu"), mlp(x, weights, backend="reference"))


def test_leaves_the_threads_of_the_caller_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        mlp(*_network(5000, [8, 8, 2]))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_wrong_arguments_are_refused():
    x, weights = _network(4, [5, 3, 2])
    with pytest.raises(ValueError, match="that chain"):
        mlp(x, weights[::-1])
    with pytest.raises(ValueError, match="that chain"):
        mlp(x, [])
    with pytest.raises(ValueError, match="float32 on the CPU"):
        mlp(x.double(), weights, backend="cpu")


@pytest.mark.parametrize("bias_shape", [None, (16,), (3001, 16)])
@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_rows_side_by_side_and_a_bias(bias_shape, backend):
    """As if the parts were one tensor, with a column of ones for the bias."""
    rows, (first, *others) = _network(3001, [12, 16, 3])
    generator = torch.Generator().manual_seed(1)
    bias = None if bias_shape is None else torch.randn(bias_shape, generator=generator)

    def gradients(parts, dtype, by_hand):
        leaves = [t.to(dtype).requires_grad_() for t in [*parts, first, *others, *([] if bias is None else [bias])]]
        beside, weights = leaves[: len(parts)], leaves[len(parts) : len(parts) + 2]
        told = leaves[-1] if bias is not None else None
        if by_hand:
            hidden = torch.cat(beside, dim=1) @ weights[0].T
            output = torch.relu(hidden if told is None else hidden + told) @ weights[1].T
        else:
            output = mlp(beside, weights, told, backend=backend)
        cotangent = torch.randn(output.shape, generator=torch.Generator().manual_seed(2)).to(dtype)
        return [output.detach(), *torch.autograd.grad(output, leaves, cotangent)]

    parts = rows.split([5, 4, 3], dim=1)
    for seen, wanted in zip(gradients(parts, torch.float32, False), gradients(parts, torch.float64, True), strict=True):
        assert _relative_error(seen, wanted) < 1e-5


def test_parts_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="that chain"):
        mlp([torch.zeros(4, 2), torch.zeros(3, 2)], [torch.zeros(5, 4)])
