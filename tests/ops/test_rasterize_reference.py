import pytest
import torch
from rasterize_scenes import GAUSSIANS, random_scene

from d3talker.ops.rasterize import available_backends, rasterize


def tiny(seed: int = 3) -> dict[str, torch.Tensor]:
    scene = {name: value.double() for name, value in random_scene(4, 6, 5, channels=2, cameras=2, seed=seed).items()}
    scene["means"] = scene["means"] * 0.5
    scene["scales"] = scene["scales"] * 8.0
    return scene


def test_gradients_match_finite_differences() -> None:
    scene = tiny()
    intrinsics = scene.pop("intrinsics")
    names = list(scene)
    random = torch.Generator().manual_seed(0)
    extra = [torch.rand(2, 5, 6, 2, generator=random).double(), torch.zeros(2, 4, 2).double()]

    def render(*values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        inputs = dict(zip(names, values, strict=False))
        out = rasterize(
            **inputs, intrinsics=intrinsics, width=6, height=5, background=values[-2], screen_probe=values[-1]
        )
        return out.features, out.alpha, out.depth

    inputs = [value.clone().requires_grad_() for value in (*scene.values(), *extra)]
    assert torch.autograd.gradcheck(render, inputs, eps=1e-6, atol=1e-6, rtol=1e-4)


def test_gradient_of_a_background_colour_is_the_light_left() -> None:
    scene = tiny()
    colour = torch.tensor([0.2, 0.7], dtype=torch.float64, requires_grad=True)
    out = rasterize(**scene, width=6, height=5, background=colour)
    out.features[..., 0].sum().backward()
    assert colour.grad.tolist() == pytest.approx([(1.0 - out.alpha).sum().item(), 0.0], abs=1e-12)


def test_the_probe_moves_the_projected_mean() -> None:
    scene = tiny()
    shifted = {**scene, "intrinsics": scene["intrinsics"].clone()}
    shifted["intrinsics"][:, 0, 2] += 1.5
    probe = torch.zeros(2, 4, 2, dtype=torch.float64)
    probe[..., 0] = 1.5
    moved = rasterize(**scene, width=6, height=5, screen_probe=probe)
    expected = rasterize(**shifted, width=6, height=5)
    assert torch.allclose(moved.features, expected.features, atol=1e-9)


@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_one_gaussian_has_the_known_values(backend: str) -> None:
    distance, focal, sigma, opacity = 0.5, 100.0, 0.01, 1.0
    inputs = {
        "means": torch.tensor([[0.0, 0.0, distance]]),
        "quats": torch.tensor([[2.0, 0.0, 0.0, 0.0]]),
        "scales": torch.full((1, 3), sigma),
        "opacities": torch.tensor([opacity]),
        "features": torch.tensor([[0.25, 0.5, 1.0, 3.0, 7.0]]),
        "world_to_cam": torch.eye(4)[None],
        "intrinsics": torch.tensor([[[focal, 0.0, 20.5], [0.0, focal, 10.5], [0.0, 0.0, 1.0]]]),
    }
    out = rasterize(**inputs, width=40, height=21, backend=backend)
    variance = (focal * sigma / distance) ** 2 + 0.3
    assert out.radii.tolist() == [[7]]  # ceil(3 sqrt(4.3)) = ceil(6.22)
    assert out.alpha[0, 10, 20].item() == pytest.approx(0.99, abs=1e-6)
    assert out.alpha[0, 10, 23].item() == pytest.approx(torch.tensor(-4.5 / variance).exp().item(), rel=1e-5)
    assert out.alpha[0, 10, 29].item() == 0.0  # exp(-81 / 8.6) < 1 / 255
    assert out.features[0, 10, 20].tolist() == pytest.approx([0.99 * c for c in (0.25, 0.5, 1.0, 3.0, 7.0)], rel=1e-6)
    assert out.depth[0, 10, 20].item() == pytest.approx(distance, rel=1e-6)
    assert out.depth[0, 0, 0].item() == 0.0


def test_auto_takes_the_reference_for_float64() -> None:
    scene = tiny()
    auto = rasterize(**scene, width=6, height=5)
    assert auto.features.dtype == torch.float64
    assert torch.equal(auto.features, rasterize(**scene, width=6, height=5, backend="reference").features)


def test_wrong_arguments_are_named() -> None:
    scene = random_scene(4, 8, 8)
    states = available_backends()
    assert (states["cpu"], states["reference"]) == ("ready", "ready")
    with pytest.raises(ValueError, match=r"quats has shape \(3, 4\), wanted \(4, 4\)"):
        rasterize(**{**scene, "quats": scene["quats"][:3]}, width=8, height=8)
    with pytest.raises(ValueError, match="intrinsics require a gradient"):
        rasterize(**{**scene, "intrinsics": scene["intrinsics"].requires_grad_()}, width=8, height=8)
    scene["intrinsics"] = scene["intrinsics"].detach()
    with pytest.raises(ValueError, match="mix types or devices: torch.float64"):
        rasterize(**{**scene, "scales": scene["scales"].double()}, width=8, height=8)
    with pytest.raises(ValueError, match="takes float32 on the CPU, not torch.float64"):
        rasterize(**{name: value.double() for name, value in scene.items()}, width=8, height=8, backend="cpu")
    with pytest.raises(ValueError, match="'fast' cannot be used: there is reference, cpu, gsplat"):
        rasterize(**scene, width=8, height=8, backend="fast")
    with pytest.raises(ValueError, match=r"background has shape \(2,\), wanted \(3,\)"):
        rasterize(**scene, width=8, height=8, background=torch.zeros(2))
    with pytest.raises(ValueError, match="near 0"):
        rasterize(**scene, width=8, height=8, near=0.0)
    assert set(GAUSSIANS) < set(scene)
