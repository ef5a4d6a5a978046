import numpy as np
import pytest
import torch

from d3talker.ops.mesh import rasterize_mesh
from d3talker.ops.pncc import paint


def scene(seed, pictures=2, vertices=40, triangles=60):
    """Triangles in a tangle, some of them outside the picture."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(pictures, vertices, 3, generator=generator) * torch.tensor([60.0, 50.0, 1.5])
    places += torch.tensor([-8.0, -8.0, 0.3])
    corners = torch.randint(0, vertices, (triangles, 3), generator=generator, dtype=torch.int32)
    return places, corners, torch.rand(vertices, 3, generator=generator) * 2 - 1


@pytest.mark.parametrize(("seed", "supersample"), [(0, 1), (1, 2), (2, 3)])
def test_backends_agree(seed, supersample):
    vertices, triangles, colours = scene(seed)
    fast = paint(vertices, triangles, colours, 29, 23, supersample=supersample, backend="cpu")
    plain = paint(vertices, triangles, colours, 29, 23, supersample=supersample, backend="reference")
    assert fast.shape == plain.shape == (2, 3, 23, 29)
    assert fast.dtype == plain.dtype == torch.float32
    torch.testing.assert_close(fast, plain, atol=4e-7, rtol=0)  # so both chose the same triangle at every sample
    assert (fast != -1).float().mean() > 0.5


def test_backends_agree_on_shared_edges_through_sample_points():
    # A grid whose vertices and edges lie exactly on samples: every tie of coverage and depth occurs.
    x, y = torch.meshgrid(torch.arange(9) * 2 + 0.25, torch.arange(9) * 2 + 0.25, indexing="xy")
    vertices = torch.stack([x, y, torch.ones_like(x)], dim=-1).reshape(1, 81, 3)
    corner = (torch.arange(8)[:, None] * 9 + torch.arange(8)).reshape(-1)
    one = torch.stack([corner, corner + 1, corner + 10], dim=1)
    other = torch.stack([corner, corner + 10, corner + 9], dim=1)
    colours = torch.rand(81, 3, generator=torch.Generator().manual_seed(3))
    fast = paint(vertices, torch.cat([one, other]), colours, 18, 18, backend="cpu")
    plain = paint(vertices, torch.cat([one, other]), colours, 18, 18, backend="reference")
    torch.testing.assert_close(fast, plain, atol=4e-7, rtol=0)
    assert (fast[:, :, 1:16, 1:16] >= 0).all()  # no holes: bare samples would pull towards -1


def test_samples_are_those_of_the_mesh_renderer():
    vertices, triangles, colours = scene(4, pictures=1)
    index, weights, _ = rasterize_mesh(vertices[0].numpy(), triangles.numpy(), 45, 37)
    blended = (weights[..., None] * colours.numpy()[triangles.numpy()[index]]).sum(axis=2)
    wanted = np.where(index[..., None] < 0, -1, blended)
    found = paint(vertices, triangles, colours, 45, 37, supersample=1)[0].permute(1, 2, 0)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_pixels_are_the_mean_of_their_samples(backend):
    vertices, triangles, colours = scene(5)
    coarse = paint(vertices, triangles, colours, 24, 20, supersample=2, background=0.25, backend=backend)
    doubled = vertices * torch.tensor([2.0, 2.0, 1.0])
    fine = paint(doubled, triangles, colours, 48, 40, supersample=1, background=0.25, backend=backend)
    torch.testing.assert_close(coarse, torch.nn.functional.avg_pool2d(fine, 2), atol=4e-7, rtol=0)


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_nearest_wins_whatever_its_winding_and_bare_pixels_are_exact(backend):
    square = torch.tensor([[2.0, 2.0], [10.0, 2.0], [10.0, 10.0], [2.0, 10.0]])
    vertices = torch.cat([torch.cat([square, torch.full((4, 1), z)], dim=1) for z in (2.0, 1.0)])[None]
    triangles = torch.tensor([[0, 1, 2], [0, 3, 2], [4, 6, 5], [4, 6, 7]])
    colours = torch.tensor([0.1, 0.7])[torch.arange(8) // 4][:, None].repeat(1, 3)
    picture = paint(vertices, triangles, colours, 12, 12, backend=backend)[0]
    torch.testing.assert_close(picture[:, 2:10, 2:10], torch.full((3, 8, 8), 0.7))
    picture[:, 2:10, 2:10] = -1
    assert torch.equal(picture, torch.full((3, 12, 12), -1.0))


@pytest.mark.parametrize("backend", ["cpu", "reference"])
def test_triangles_that_cannot_be_seen_are_skipped(backend):
    behind, nowhere = [9.0, 0.0, -1.0], [9.0, 9.0, float("nan")]
    vertices = torch.tensor([[[0.0, 0.0, 1.0], behind, [0.0, 9.0, 1.0], nowhere, [9.0, 0.0, 1.0], [-9.0, -9.0, 1.0]]])
    triangles = torch.tensor([[0, 1, 2], [0, 3, 4], [0, 0, 4], [5, 5, 5]])
    assert (paint(vertices, triangles, torch.ones(6, 3), 9, 9, backend=backend) == -1).all()


def test_no_pictures_and_no_triangles_are_fine():
    _, triangles, colours = scene(6)
    assert paint(torch.zeros(0, 40, 3), triangles, colours, 8, 9).shape == (0, 3, 9, 8)
    for backend in ("cpu", "reference"):
        bare = paint(torch.ones(2, 40, 3), torch.zeros(0, 3, dtype=torch.int32), colours, 8, 9, backend=backend)
        assert (bare == -1).all()


def test_pictures_do_not_hang_on_their_neighbours():
    vertices, triangles, colours = scene(7, pictures=40)
    together = paint(vertices, triangles, colours, 30, 30)
    for number in (0, 17, 39):
        assert torch.equal(paint(vertices[number : number + 1], triangles, colours, 30, 30)[0], together[number])


def test_arguments_are_checked():
    vertices, triangles, colours = scene(8)
    with pytest.raises(ValueError, match=r"wanted \(B, V, 3\)"):
        paint(vertices[0], triangles, colours, 8, 8)
    with pytest.raises(ValueError, match="colours"):
        paint(vertices, triangles, colours[:5], 8, 8)
    with pytest.raises(ValueError, match="outside"):
        paint(vertices, triangles + 1, colours, 8, 8)
    with pytest.raises(ValueError, match="float32"):
        paint(vertices.double(), triangles, colours, 8, 8, backend="cpu")
