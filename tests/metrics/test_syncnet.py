"""SyncNet: published layout and files; cepstra; the crop; the score on pairs whose answer is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from d3talker.assets import weights
from d3talker.core.errors import D3Error
from d3talker.metrics.syncnet.cepstra import cepstra
from d3talker.metrics.syncnet.crop import face_boxes, sync_crops
from d3talker.metrics.syncnet.network import SyncNet, load_syncnet
from d3talker.metrics.syncnet.score import sync_score

CPU = torch.device("cpu")
MIDDLE = 20.0


@pytest.fixture(scope="module")
def net() -> SyncNet:
    torch.manual_seed(0)
    return SyncNet().eval().requires_grad_(False)


def test_the_published_layout(net: SyncNet) -> None:
    assert sum(p.numel() for p in net.parameters()) == 13_631_616
    shapes = {name: tuple(values.shape) for name, values in net.state_dict().items()}
    sound = {0: (64, 1, 3, 3), 4: (192, 64, 3, 3), 8: (384, 192, 3, 3), 11: (256, 384, 3, 3), 14: (256, 256, 3, 3)}
    lips = {0: (96, 3, 5, 7, 7), 4: (256, 96, 1, 5, 5), 8: (256, 256, 1, 3, 3), 11: (256, 256, 1, 3, 3)}
    for tower, layers in (
        ("netcnnaud", sound | {18: (512, 256, 5, 4)}),
        ("netcnnlip", lips | {14: (256, 256, 1, 3, 3), 18: (512, 256, 1, 6, 6)}),
    ):
        assert {int(n.split(".")[1]): s for n, s in shapes.items() if n.startswith(tower) and len(s) > 2} == layers
        for place, shape in layers.items():
            assert shapes[f"{tower}.{place + 1}.running_var"] == shape[:1]
    for head in ("netfcaud", "netfclip"):
        assert (shapes[f"{head}.0.weight"], shapes[f"{head}.3.weight"]) == ((512, 512), (1024, 512))
    assert net.hear(torch.zeros(2, 1, 13, 20)).shape == (2, 1024)
    assert net.see(torch.zeros(1, 3, 5, 224, 224)).shape == (1, 1024)


def test_cepstra_are_those_of_python_speech_features() -> None:
    t = np.arange(8000) / 16000
    tone = 0.4 * np.sin(2 * np.pi * (150 + 900 * t) * t)
    found = cepstra((tone + 0.1 * np.sign(np.sin(2 * np.pi * 97 * t))).astype(np.float32))
    assert found.shape == (49, 13)  # numbers of python_speech_features 0.6
    golden = {
        0: [19.0251, -2.2998, 8.1709, -16.224],
        23: [20.7378, 1.6527, -20.8145, -12.0716],
        48: [21.5343, 1.8403, 22.8201, 13.0344],
    }
    for step, numbers in golden.items():
        np.testing.assert_allclose(found[step, [0, 1, 5, 12]], numbers, atol=1e-3)
    assert [len(cepstra(np.zeros(n, np.float32))) for n in (1, 400, 401, 560, 561)] == [1, 1, 2, 2, 3]
    assert np.isfinite(cepstra(np.zeros(800, np.float32))).all()


class Loudness:
    """An expert whose vectors are how loud a window is and how bright the pictures are, about a middle."""

    def hear(self, steps: Tensor) -> Tensor:
        """The energies' mean."""
        return steps[:, 0, 0].mean(dim=1, keepdim=True) - MIDDLE

    def see(self, pictures: Tensor) -> Tensor:
        """The red's mean."""
        return pictures[:, 2].mean(dim=(1, 2, 3))[:, None] / 10 - MIDDLE


@pytest.mark.parametrize("late", [-6, 0, 4, 15])
def test_the_offset_is_that_of_the_pair(late: int) -> None:
    """Pictures are as bright as the sound is loud, so many frames later."""
    rng = np.random.default_rng(1)
    loud = np.convolve(rng.uniform(0, 1, 130), np.ones(3) / 3, "valid")
    samples = (0.5 * np.repeat(10 ** (loud - 1), 640) * rng.normal(size=128 * 640) * 0.2).astype(np.float32)
    energy = cepstra(samples)[:, 0]
    per_frame = np.interp(np.arange(128) * 4 + 1.5, np.arange(len(energy)), energy)
    shown = np.roll(per_frame, late)
    crops = (np.full((224, 224, 3), (10 * value, 255, 255), np.uint8) for value in shown)
    score = sync_score(Loudness(), crops, samples)
    assert score.offset == late
    assert score.distance < 0.6 * (score.distance + score.confidence)


def test_pictures_without_any_tie_to_the_sound_have_no_confidence() -> None:
    rng = np.random.default_rng(2)
    samples = (0.1 * rng.normal(size=64_000)).astype(np.float32)
    still = [np.full((224, 224, 3), 120, np.uint8)] * 100
    score = sync_score(Loudness(), still, samples)
    assert score.confidence < 0.03 * score.distance


def test_the_real_towers_score_a_clip(net: SyncNet) -> None:
    rng = np.random.default_rng(3)
    crops = rng.integers(0, 255, (9, 224, 224, 3), dtype=np.uint8)
    samples = (0.1 * rng.normal(size=9 * 640)).astype(np.float32)
    score = sync_score(net, crops, samples)
    assert score.distance > 0
    assert score.confidence >= 0
    assert sync_score(net, crops, samples) == score


def test_too_little_to_score() -> None:
    with pytest.raises(D3Error, match="at least 6 pictures"):
        sync_score(Loudness(), [np.zeros((224, 224, 3), np.uint8)] * 5, np.zeros(16000, np.float32))
    with pytest.raises(D3Error, match="at least 6 pictures"):
        sync_score(Loudness(), [np.zeros((224, 224, 3), np.uint8)] * 9, np.zeros(800, np.float32))


def test_the_crop_is_where_the_procedure_puts_it() -> None:
    """A box of 100 by 100 about (150, 100): rows 50 to 190, columns 80 to 220; grey where the frame ends."""
    rows, columns = np.mgrid[:180, :300].astype(np.uint8)
    frame = np.stack([rows, np.minimum(columns, 255).astype(np.uint8), np.zeros_like(rows)], axis=-1)
    boxes = np.tile([100.0, 50.0, 200.0, 150.0], (5, 1))
    boxes[2] += 40  # one false detection: the median holds
    found = list(sync_crops([frame] * 5, boxes))
    assert [crop.shape for crop in found] == [(224, 224, 3)] * 5
    assert np.array_equal(found[2], found[0])
    assert found[0][0, 0, :2] == pytest.approx([50, 80], abs=1)
    assert found[0][200, 112, :2] == pytest.approx([50 + 200 * 140 / 224, 150], abs=1)
    assert (found[0][210:] == 110).all()


def test_boxes_of_landmarks() -> None:
    points = np.zeros((4, 478, 3))
    points[:, 0, :2], points[:, 1, :2] = (10, 20), (110, 140)
    points[:, 2:] = (50, 60, 0)
    points[3] += 6
    points[1:3] = np.nan
    np.testing.assert_allclose(
        face_boxes(points)[[0, 1, 3]], [[10, 20, 110, 140], [12, 22, 112, 142], [16, 26, 116, 146]]
    )
    with pytest.raises(ValueError, match="no face"):
        face_boxes(np.full((3, 478, 3), np.nan))


def test_files_are_told(net: SyncNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    with pytest.raises(D3Error, match=r"syncnet_v2.model \(52 MiB"):
        load_syncnet(CPU)
    torch.save(net.state_dict(), tmp_path / "syncnet_v2.model")
    with pytest.raises(D3Error, match="961e8696f888fce4"):
        load_syncnet(CPU)
    state = {n: v for n, v in net.state_dict().items() if not n.endswith("num_batches_tracked")}
    monkeypatch.setattr("d3talker.metrics.syncnet.network.SYNCNET", weights.Weights("own.safetensors", "there", "", ""))
    save_file(state, tmp_path / "own.safetensors")
    assert torch.equal(load_syncnet(CPU).hear(torch.ones(1, 1, 13, 20)), net.hear(torch.ones(1, 1, 13, 20)))
    save_file(state | {"netfcaud.0.bias": torch.zeros(3)}, tmp_path / "own.safetensors")
    with pytest.raises(D3Error, match="netfcaud.0.bias is \\(3,\\)"):
        load_syncnet(CPU)
