import pytest
import torch
from rasterize_scenes import random_scene, render_and_differentiate

from d3talker.ops.rasterize import available_backends, rasterize

READY = torch.cuda.is_available() and available_backends()["gsplat"] == "ready"


@pytest.mark.skipif(READY, reason="gsplat works here")
def test_why_gsplat_cannot_be_used_is_one_line() -> None:
    reason = available_backends()["gsplat"]
    assert reason
    assert "\n" not in reason
    if not torch.cuda.is_available():
        assert reason == "torch finds no CUDA device"
    with pytest.raises(ValueError, match=f"'gsplat' cannot be used: {reason}"):
        rasterize(**random_scene(4, 8, 8), width=8, height=8, backend="gsplat")


@pytest.mark.skipif(not READY, reason="needs a CUDA device and gsplat")
def test_gsplat_matches_the_reference() -> None:
    scene = random_scene(300, 64, 48, cameras=2, seed=1)
    exact, exact_gradients = render_and_differentiate(scene, 64, 48, torch.float64, "reference")
    on_device = {name: value.cuda() for name, value in scene.items()}
    fast, fast_gradients = render_and_differentiate(on_device, 64, 48, torch.float32, "gsplat")
    assert (exact.features - fast.features.cpu()).abs().flatten().quantile(0.999) <= 1e-4
    for name in ("means", "quats", "scales", "opacities", "features", "screen_probe"):
        wanted = exact_gradients[name]
        assert (fast_gradients[name].cpu() - wanted).norm() < 1e-2 * wanted.norm(), name
