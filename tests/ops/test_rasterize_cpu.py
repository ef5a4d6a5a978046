import threading

import pytest
import torch
from rasterize_scenes import random_scene, render_and_differentiate

from d3talker.ops.rasterize import rasterize

CASES = {
    "head": (300, 64, 48, 3, 1, False),
    "one channel": (120, 40, 40, 1, 1, False),
    "four channels": (120, 33, 50, 4, 1, False),
    "two cameras, seven channels": (120, 50, 33, 7, 2, False),
    "forty channels": (60, 24, 30, 40, 1, False),
    "wild, not square": (150, 104, 192, 3, 1, True),
    "wild, one row": (100, 70, 1, 3, 1, True),
    "wild, small": (200, 31, 47, 5, 2, True),
}


def both(scene: dict, width: int, height: int) -> tuple:
    exact, exact_gradients = render_and_differentiate(scene, width, height, torch.float64, "reference")
    fast, fast_gradients = render_and_differentiate(scene, width, height, torch.float32, "cpu")
    return exact, exact_gradients, fast, fast_gradients


def run(scene: dict, width: int = 64, height: int = 48) -> tuple:
    return render_and_differentiate(scene, width, height, torch.float32, "cpu")


@pytest.mark.parametrize("case", CASES)
def test_pictures_and_gradients_match_the_reference(case: str) -> None:
    count, width, height, channels, cameras, wild = CASES[case]
    scene = random_scene(count, width, height, channels, cameras, seed=1, wild=wild)
    exact, exact_gradients, fast, fast_gradients = both(scene, width, height)
    assert (exact.alpha > 0.5).any()
    assert torch.equal(exact.radii > 0, fast.radii > 0)
    assert (exact.radii - fast.radii).abs().max() <= 1
    for name in ("features", "alpha", "depth"):
        error = (getattr(exact, name) - getattr(fast, name)).abs().flatten()
        assert error.max() <= 2e-2, name
        assert error.quantile(0.999) <= 2e-5, name
    assert fast_gradients.keys() == exact_gradients.keys()
    for name, wanted in exact_gradients.items():
        error = (fast_gradients[name] - wanted).norm() / wanted.norm()
        assert error < 1e-3, f"{name}: {error:.1e}"


def test_gaussians_of_each_camera_may_differ() -> None:
    scene = random_scene(80, 40, 36, cameras=2, seed=2)
    for name in ("means", "opacities", "features"):
        other = random_scene(80, 40, 36, seed=5)[name]
        scene[name] = torch.stack([scene[name], other])
    exact, exact_gradients, fast, fast_gradients = both(scene, 40, 36)
    assert (exact.features - fast.features).abs().max() < 1e-4
    for name, wanted in exact_gradients.items():
        assert fast_gradients[name].shape == wanted.shape
        assert (fast_gradients[name] - wanted).norm() < 1e-3 * wanted.norm(), name


def test_two_runs_are_bit_identical() -> None:
    scene = random_scene(400, 64, 48, seed=4, wild=True)
    first, first_gradients = run(scene)
    again, again_gradients = run(scene)
    assert torch.equal(first.features, again.features)
    assert torch.equal(first.depth, again.depth)
    for name, gradient in first_gradients.items():
        assert torch.equal(gradient, again_gradients[name]), name


def test_the_order_of_the_gaussians_does_not_matter() -> None:
    scene = random_scene(300, 64, 48, seed=6)
    shuffle = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    shuffled = {name: value[shuffle] if len(value) == 300 else value for name, value in scene.items()}
    plain, gradients = run(scene)
    mixed, mixed_gradients = run(shuffled)
    assert torch.equal(plain.features, mixed.features)
    assert torch.equal(plain.radii[:, shuffle], mixed.radii)
    assert torch.equal(gradients["means"][shuffle], mixed_gradients["means"])


def test_two_forwards_may_precede_their_backwards() -> None:
    face, mouth = random_scene(200, 48, 40, seed=7), random_scene(90, 48, 40, seed=8)
    inputs = [{**scene, "means": scene["means"].clone().requires_grad_()} for scene in (face, mouth)]
    pictures = [rasterize(**scene, width=48, height=40) for scene in inputs]
    for picture in pictures:
        (picture.features.square().sum() + picture.depth.sum()).backward(retain_graph=True)
    together = [scene["means"].grad.clone() for scene in inputs]
    for scene, gradient in zip(inputs, together, strict=True):
        alone = scene["means"].detach().clone().requires_grad_()
        picture = rasterize(**{**scene, "means": alone}, width=48, height=40)
        (picture.features.square().sum() + picture.depth.sum()).backward()
        assert torch.equal(alone.grad, gradient)
    (pictures[0].features.square().sum() + pictures[0].depth.sum()).backward()
    assert torch.equal(inputs[0]["means"].grad, 2 * together[0])


def test_threads_do_not_disturb_each_other() -> None:
    scenes = [random_scene(200, 48, 40, seed=seed) for seed in range(4)]
    expected = [run(scene, 48, 40) for scene in scenes]
    found: list = [None] * 4

    def work(number: int) -> None:
        for _ in range(5):
            found[number] = run(scenes[number], 48, 40)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (picture, gradients), (wanted, wanted_gradients) in zip(found, expected, strict=True):
        assert torch.equal(picture.features, wanted.features)
        assert torch.equal(gradients["quats"], wanted_gradients["quats"])


def test_a_picture_without_gradients_is_the_same() -> None:
    scene = random_scene(200, 48, 40, channels=3, seed=9)
    trained = rasterize(**{**scene, "means": scene["means"].clone().requires_grad_()}, width=48, height=40)
    with torch.inference_mode():
        seen = rasterize(**scene, width=48, height=40)
    assert not seen.features.requires_grad
    assert (seen.features - trained.features).abs().max() < 1e-6


def test_rendering_over_a_colour_adds_the_colour_through_what_is_left() -> None:
    scene = random_scene(200, 48, 40, seed=10)
    green = torch.tensor([0.0, 1.0, 0.0])
    black = rasterize(**scene, width=48, height=40)
    over = rasterize(**scene, width=48, height=40, background=green)
    rest = over.features - green * (1.0 - over.alpha)[..., None]
    assert (rest - black.features).abs().max() < 1e-6
    everywhere = rasterize(**scene, width=48, height=40, background=green.expand(1, 40, 48, 3))
    assert torch.equal(everywhere.features, over.features)


@pytest.mark.parametrize("count", [0, 5])
def test_nothing_to_see(count: int) -> None:
    scene = random_scene(count, 30, 20, cameras=2)
    scene["means"] = scene["means"] - torch.tensor([0.0, 0.0, 5.0])
    scene["means"].requires_grad_()
    colour = torch.tensor([0.1, 0.2, 0.3], requires_grad=True)
    out = rasterize(**scene, width=30, height=20, background=colour)
    assert torch.equal(out.features, colour.detach().expand(2, 20, 30, 3))
    assert (out.alpha.count_nonzero(), out.depth.count_nonzero(), out.radii.count_nonzero()) == (0, 0, 0)
    out.features.sum().backward()
    assert scene["means"].grad.abs().sum() == 0
    assert colour.grad.tolist() == [1200.0, 1200.0, 1200.0]


def test_broken_gaussians_are_not_drawn() -> None:
    scene = random_scene(60, 40, 40, seed=11)
    whole = rasterize(**scene, width=40, height=40)
    broken = {name: value.clone() for name, value in scene.items()}
    extra = {name: value[:6].clone() for name, value in scene.items() if len(value) == 60}
    extra["means"][0] = float("nan")
    extra["means"][1, 2] = float("inf")
    extra["means"][2, 0] = float("inf")
    extra["scales"][3] = float("inf")
    extra["opacities"][4] = float("nan")
    extra["quats"][5] = float("nan")
    for name, value in extra.items():
        broken[name] = torch.cat([value, scene[name]])
    broken["means"].requires_grad_()
    out = rasterize(**broken, width=40, height=40)
    assert out.radii[0, :6].tolist() == [0] * 6
    assert torch.equal(out.features, whole.features)
    out.features.sum().backward()
    assert broken["means"].grad.isfinite().all()


def test_inputs_need_not_be_contiguous() -> None:
    scene = random_scene(100, 40, 36, seed=12)
    strided = dict(scene)
    for name in ("means", "quats", "scales", "features"):
        strided[name] = scene[name].T.contiguous().T
    strided["opacities"] = torch.stack([scene["opacities"], scene["opacities"]], dim=1)[:, 0]
    plain, gradients = run(scene, 40, 36)
    other, other_gradients = run(strided, 40, 36)
    assert torch.equal(plain.features, other.features)
    assert torch.equal(gradients["scales"], other_gradients["scales"])


def test_a_gaussian_behind_a_pixel_that_stopped_gets_no_gradient() -> None:
    opacities = torch.tensor([0.99, 0.9899, 0.011, 0.005], requires_grad=True)  # the third would use up the light
    scene = {
        "means": torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 1.1], [0.0, 0.0, 1.2], [0.0, 0.0, 1.3]]),
        "quats": torch.tensor([[1.0, 0.0, 0.0, 0.0]]).expand(4, 4),
        "scales": torch.tensor([1e-5, 1e-5, 1e-5, 0.05])[:, None].expand(4, 3),  # the fourth shows beside the pixel
        "features": torch.ones(4, 3),
        "world_to_cam": torch.eye(4)[None],
        "intrinsics": torch.tensor([[[50.0, 0.0, 8.5], [0.0, 50.0, 8.5], [0.0, 0.0, 1.0]]]),
    }
    out = rasterize(**scene, opacities=opacities, width=17, height=17)
    assert out.alpha[0, 8, 8].item() == pytest.approx(1.0 - 0.01 * (1.0 - 0.9899), abs=1e-6)
    out.alpha[0, 8, 8].backward()
    assert opacities.grad[2:].tolist() == [0.0, 0.0]
    assert opacities.grad[1].item() == pytest.approx(0.01, rel=1e-3)


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    scene = random_scene(50, 30, 30, seed=13)
    scene["features"].requires_grad_()
    out = rasterize(**scene, width=30, height=30)
    out.features.sum().backward()
    weights = scene["features"].grad[:, 0]
    assert weights.sum().item() == pytest.approx(out.alpha.sum().item(), rel=1e-5)
    assert scene["means"].grad is None
