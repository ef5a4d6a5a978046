import math

import pytest
import torch

from d3talker.ops.grid import GridShape, encode_triplane

FACE = GridShape(16, 38.4)
MOUTH = GridShape(64, 57.6)
SMALL = GridShape(4, 9, levels=3, bound=0.15)


def _points(count: int, reach: float = 0.14, seed: int = 0, dtype=torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 3, generator=generator, dtype=dtype) * 2 - 1) * reach


def _tables(shape: GridShape, dtype=torch.float32) -> torch.Tensor:
    return torch.randn(3, shape.size, generator=torch.Generator().manual_seed(1), dtype=dtype)


def _gradients(points, tables, shape, cotangent, backend):
    points, tables = points.clone().requires_grad_(), tables.clone().requires_grad_()
    features = encode_triplane(points, tables, shape, backend)
    features.backward(cotangent.to(features))
    return features.detach(), points.grad, tables.grad


def _relative_error(seen: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((seen.double() - wanted.double()).norm() / wanted.double().norm())


def test_layout_matches_the_published_grids():
    assert FACE.resolutions == (16, 18, 19, 21, 22, 24, 26, 28, 31, 33, 36, 39)
    assert MOUTH.resolutions == (64, 64, 63, 63, 62, 62, 61, 60, 60, 59, 59, 58)
    assert (FACE.size, MOUTH.size) == (9464, 46600)
    assert FACE.scales[0] == pytest.approx(15)
    assert FACE.scales[-1] == pytest.approx(37.4)
    assert all(offset % 8 == 0 for offset in FACE.offsets)


def test_single_level():
    assert GridShape(8, 8, levels=1).offsets == (0, 88)


@pytest.mark.parametrize("wrong", [{"levels": 0}, {"lowest": 1.0}, {"bound": 0.0}])
def test_impossible_shapes_are_refused(wrong):
    with pytest.raises(ValueError, match="wanted a level or more"):
        GridShape(**{"lowest": 16.0, "highest": 38.4} | wrong)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_value_at_a_node_is_the_entry_itself(backend):
    """At u = 0.5 / scale the place is exactly one entry from the edge."""
    tables = _tables(SMALL)
    for level, (scale, resolution, offset) in enumerate(
        zip(SMALL.scales, SMALL.resolutions, SMALL.offsets, strict=False)
    ):
        near, far = 0.5 / scale * 0.3 - 0.15, 1.5 / scale * 0.3 - 0.15
        features = encode_triplane(torch.tensor([[near, far, near]]), tables, SMALL, backend).reshape(3, 3)
        stride = resolution + 1
        for plane, (column, row) in enumerate([(1, 2), (2, 1), (1, 1)]):
            wanted = tables[plane, offset + row * stride + column]
            torch.testing.assert_close(features[plane, level], wanted, atol=2e-5, rtol=0)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("axis", "live"),
    [(0, [False, True, False]), (1, [False, False, True]), (2, [True, False, False])],
)
def test_a_plane_is_silent_where_one_of_its_axes_leaves_the_bound(backend, axis, live):
    point = torch.full((1, 3), 0.03)
    point[0, axis] = 0.1501
    tables = _tables(SMALL).abs() + 0.1
    features, to_points, to_tables = _gradients(point, tables, SMALL, torch.ones(1, 9), backend)
    assert (features.reshape(3, 3) != 0).all(dim=1).tolist() == live
    assert (to_tables != 0).any(dim=1).tolist() == live
    assert to_points[0, axis] == 0
    assert (to_points != 0).sum() == 2


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_points_far_away_or_undefined_give_nothing(backend):
    points = torch.tensor([[1.0, -1.0, 7.0], [math.nan, 0.0, math.inf]])
    features, to_points, to_tables = _gradients(points, _tables(SMALL), SMALL, torch.ones(2, 9), backend)
    assert not features.any()
    assert not to_points.nan_to_num(1.0).any()
    assert not to_tables.any()


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_both_ends_of_the_bound_are_inside(backend):
    ends = torch.tensor([[-0.15, -0.15, -0.15], [0.15, 0.15, 0.15]])
    tables = torch.ones(3, SMALL.size)
    torch.testing.assert_close(encode_triplane(ends, tables, SMALL, backend), torch.ones(2, 9))


def test_continuous_across_cells():
    line = torch.linspace(-0.149, 0.149, 20001, dtype=torch.float64)
    points = torch.stack([line, 0.3 * line, -0.7 * line], dim=1)
    for backend, tables in (("reference", _tables(SMALL, torch.float64)), ("cpu", _tables(SMALL))):
        steps = encode_triplane(points.to(tables), tables, SMALL, backend).diff(dim=0).abs().max()
        # a step of 1.5e-5 m is at most 4e-4 cells on each axis, and neighbouring entries differ by less than 10
        assert steps < 1e-2


def test_reference_gradients_match_finite_differences():
    points = _points(7, dtype=torch.float64).requires_grad_()
    tables = _tables(SMALL, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda p, t: encode_triplane(p, t, SMALL), (points, tables))


@pytest.mark.parametrize("shape", [FACE, MOUTH, SMALL])
def test_kernels_match_the_reference(shape):
    points, tables = _points(3001, reach=0.16), _tables(shape)
    cotangent = torch.randn(3001, 3 * shape.levels, generator=torch.Generator().manual_seed(2))
    fast = _gradients(points, tables, shape, cotangent, "cpu")
    slow = _gradients(points.double(), tables.double(), shape, cotangent, "reference")
    for seen, wanted in zip(fast, slow, strict=True):
        assert _relative_error(seen, wanted) < 1e-5


def test_gradient_of_strided_tensors():
    points, tables = _points(64).T.contiguous().T, _tables(SMALL)
    cotangent = torch.randn(9, 64, generator=torch.Generator().manual_seed(2)).T
    fast = _gradients(points, tables, SMALL, cotangent, "cpu")
    slow = _gradients(points, tables, SMALL, cotangent, "reference")
    for seen, wanted in zip(fast, slow, strict=True):
        assert _relative_error(seen, wanted) < 1e-5


def test_bits_repeat():
    points, tables = _points(5000), _tables(FACE)
    cotangent = torch.randn(5000, 36, generator=torch.Generator().manual_seed(2))
    first, second = (_gradients(points, tables, FACE, cotangent, "cpu") for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_frozen_points_get_no_gradient():
    points, tables = _points(10), _tables(SMALL).requires_grad_()
    encode_triplane(points, tables, SMALL).sum().backward()
    assert points.grad is None
    assert float(tables.grad.sum()) == pytest.approx(90, rel=1e-5)  # the weights of the four corners add up to 1


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"wanted \(N, 3\) and \(3, 192\)"):
        encode_triplane(torch.zeros(5, 2), _tables(SMALL), SMALL)
    with pytest.raises(ValueError, match="float32"):
        encode_triplane(_points(2, dtype=torch.float64), _tables(SMALL), SMALL, "cpu")
    with pytest.raises(ValueError, match="wanted auto"):
        encode_triplane(_points(2), _tables(SMALL), SMALL, "cuda")
