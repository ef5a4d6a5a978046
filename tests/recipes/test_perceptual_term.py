"""The LPIPS term of the paper preset, with random weights: when it joins, what it looks at, its gradient."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from d3talker.config.training import LossSettings
from d3talker.losses.perceptual import Perceptual
from d3talker.recipes.adapt.stage import PerceptualTerm


def random_net() -> Perceptual:
    net, generator = Perceptual(), torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        parameter.data = 0.1 * torch.rand(parameter.shape, generator=generator)
    return net


def term(settings: LossSettings) -> PerceptualTerm:
    frames = SimpleNamespace(resolution=128, device=torch.device("cpu"), lip_boxes=np.array([[80, 100, 118, 128]]))
    return PerceptualTerm(settings, 10, frames, torch.Generator().manual_seed(0), random_net)  # type: ignore[arg-type]


def picture(seed: int) -> torch.Tensor:
    return torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(seed))


def test_it_needs_no_net_without_weight() -> None:
    frames = SimpleNamespace(resolution=128, device=torch.device("cpu"))
    quiet = PerceptualTerm(LossSettings(), 0, frames, torch.Generator())  # type: ignore[arg-type]
    assert quiet(5, 0, picture(0), picture(1)) == 0.0


def test_it_joins_late_and_knows_the_truth() -> None:
    late = term(LossSettings(perceptual=0.5, patch=(128, 160)))
    assert late(10, 0, picture(0), picture(1)) == 0.0
    assert float(late(11, 0, picture(0), picture(0))) == 0.0
    assert float(late(11, 0, picture(0), picture(1))) > 0.0


@pytest.mark.parametrize("lips", [0.0, 1.0])
def test_the_lips_count_for_themselves(lips: float) -> None:
    late = term(LossSettings(perceptual=1e-9, perceptual_lips=lips, patch=(128, 160)))
    image = picture(0).requires_grad_()
    late(11, 0, image, picture(1)).backward()
    at_lips, elsewhere = image.grad[:, 84:116, 100:].abs().max(), image.grad[:, :64, :64].abs().max()
    assert elsewhere > 0
    assert (at_lips > 1e3 * elsewhere) == (lips > 0)
