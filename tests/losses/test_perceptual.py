"""LPIPS: published shapes, invariants with random weights, errors that help."""

import pytest
import torch

from d3talker.assets.weights import weights_folder
from d3talker.core.errors import D3Error
from d3talker.losses.perceptual import Perceptual, load_perceptual, patches, with_weights

LpipsWeights = tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]


def picture(seed: int, size: int = 64) -> torch.Tensor:
    return torch.rand(1, size, size, 3, generator=torch.Generator().manual_seed(seed))


def test_sizes_are_those_of_alexnet() -> None:
    net = Perceptual()
    assert sum(p.numel() for p in net.convolutions.parameters()) == 2_469_696
    assert [f.shape[1] for f in net._features(picture(0))] == [64, 192, 384, 256, 256]


def test_a_picture_is_no_distance_from_itself_and_blur_grows_it(lpips_weights: LpipsWeights) -> None:
    net, truth = with_weights(*lpips_weights), picture(0)
    assert net(truth, truth).item() == 0.0
    distances = []
    for share in (0.1, 0.3, 0.9):
        distances.append(net(truth, (1 - share) * truth + share * truth.mean()).item())
    assert 0 < distances[0] < distances[1] < distances[2]


def test_the_gradient_points_to_the_truth(lpips_weights: LpipsWeights) -> None:
    net, truth = with_weights(*lpips_weights), picture(0)
    image = picture(1).requires_grad_()
    before = net(image, truth)
    before.backward()
    assert net(image.detach() - 0.5 * image.grad / image.grad.abs().max() * 0.01, truth) < before


def test_missing_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    with pytest.raises(D3Error, match=r"alexnet-owt-7be5be79.pth.*233 MiB.*download.pytorch.org"):
        load_perceptual()
    (weights_folder() / "alexnet-owt-7be5be79.pth").write_bytes(b"something else")
    with pytest.raises(D3Error, match="SHA-256"):
        load_perceptual()


def test_weights_of_other_shapes_are_refused(lpips_weights: LpipsWeights) -> None:
    alexnet, heads = lpips_weights
    with pytest.raises(D3Error, match="other weights"):
        with_weights({**alexnet, "features.3.weight": torch.zeros(1)}, heads)
    with pytest.raises(D3Error, match="other weights"):
        with_weights(alexnet, {})


def test_patches_tile_the_picture() -> None:
    whole = torch.arange(2 * 7 * 9 * 3).reshape(2, 7, 9, 3)
    cut = patches(whole, 3)
    assert cut.shape == (2 * 2 * 3, 3, 3, 3)
    assert torch.equal(cut[0], whole[0, :3, :3])
    assert torch.equal(cut[4], whole[0, 3:6, 3:6])
    assert torch.equal(cut[6], whole[1, :3, :3])
