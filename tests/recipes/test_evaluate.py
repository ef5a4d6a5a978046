"""Evaluation: unseen frames only, numbers beside those of doing nothing, videos that others can score."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from d3talker.assets.weights import Weights
from d3talker.config.evaluate import EvaluateSettings
from d3talker.core.errors import D3Error
from d3talker.media.audio import read_audio
from d3talker.media.video import probe, read_frames
from d3talker.metrics.images import flicker, psnr
from d3talker.metrics.syncnet.network import SyncNet
from d3talker.models.person import load_person
from d3talker.recipes.evaluate import evaluate
from d3talker.recipes.score_videos import score_videos
from d3talker.tracking.clip import load_clip


@pytest.fixture(scope="module")
def evaluated(tiny_person: Path, speaker_clip, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    folder = tmp_path_factory.mktemp("evaluated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("D3TALKER_WEIGHTS", str(folder / "none"))
        settings = EvaluateSettings(json=folder / "n.json", frames=folder / "frames.csv")
        numbers = evaluate(load_person(tiny_person), speaker_clip.path, settings, video=folder / "video")
    return numbers, folder


def test_only_unseen_frames_count(evaluated: tuple[dict, Path], tiny_person: Path) -> None:
    numbers, folder = evaluated
    learned = json.loads((tiny_person / "person.json").read_text())["frames"]
    assert numbers["frames"]["first"] == learned
    assert numbers["frames"]["count"] >= 25
    assert json.loads((folder / "n.json").read_text()) == numbers


def test_the_numbers_are_there_and_make_sense(evaluated: tuple[dict, Path]) -> None:
    numbers, folder = evaluated
    assert 15 < numbers["head"]["psnr"] < 45
    assert 0.3 < numbers["head"]["ssim"] <= 1
    assert numbers["whole"]["psnr"] > numbers["mouth"]["psnr"] - 5
    assert -1 <= numbers["lips"]["opening_correlation"] <= 1
    assert numbers["closures"]["bilabials"] >= 1
    assert 0 <= numbers["closures"]["shut_on_bilabials"] <= 1
    assert numbers["speed"]["frames_per_second"] > 1
    assert numbers["training_seconds"] > 0
    still, frozen = numbers["still_mouth"], numbers["frozen_frame"]
    for group in ("whole", "head", "mouth", "face"):
        assert set(still[group]) == set(frozen[group]) == set(numbers[group])
    assert frozen["whole"]["psnr"] < still["whole"]["psnr"]
    assert min(numbers["face"].values()) > 0
    rows = (folder / "frames.csv").read_text().splitlines()
    assert len(rows) == 1 + numbers["frames"]["count"]
    assert rows[1].startswith(f"{numbers['frames']['first']},")
    assert "syncnet_v2.model" in numbers["not_computed"]["sync"]
    assert "alex" in numbers["not_computed"]["lpips"]
    assert numbers["sync"] == {}
    gain = numbers["gain_over_still_mouth"]["psnr_gain"]
    assert gain == pytest.approx(numbers["mouth"]["psnr"] - still["mouth"]["psnr"])


def test_the_videos_hold_the_same_frames_with_sound(evaluated: tuple[dict, Path]) -> None:
    numbers, folder = evaluated
    predicted, truth = folder / "video/pred.mp4", folder / "video/truth.mp4"
    for video in (predicted, truth):
        assert probe(video).has_sound
        assert len(list(read_frames(video))) == numbers["frames"]["count"]
    assert np.array_equal(read_audio(predicted), read_audio(truth))
    scores = [psnr(a, b) for a, b in zip(read_frames(predicted), read_frames(truth), strict=True)]
    assert np.mean(scores) == pytest.approx(numbers["whole"]["psnr"], abs=0.5)  # anyone's own tool finds the same
    assert flicker(read_frames(predicted), read_frames(truth)) == pytest.approx(numbers["whole"]["flicker"], abs=0.3)


def test_saved_videos_score_as_the_frames_did(evaluated: tuple[dict, Path]) -> None:
    """Apart from what the codec does, and where labels and boxes come from."""
    numbers, folder = evaluated
    saved = score_videos(folder / "video/pred.mp4", folder / "video/truth.mp4")
    assert saved["notes"] == []
    for group, name, within in (
        ("whole", "psnr", 0.5),
        ("whole", "ssim", 0.02),
        ("head", "psnr", 1.5),
        ("face", "lmd_mp", 0.15),
    ):
        assert saved[group][name] == pytest.approx(numbers[group][name], abs=within), (group, name)


def test_the_sound_of_another_clip(tiny_person: Path, prepared_clip: Path) -> None:
    """The speaker's own clip stands in for somebody else's: the frames that were learned are said again too."""
    driven = evaluate(load_person(tiny_person), prepared_clip, speaker=prepared_clip)["driven"]
    assert driven["frames_tracked"] == len(load_clip(prepared_clip))
    for name in ("opening", "width"):
        assert -1 <= driven[f"{name}_correlation"] <= driven[f"{name}_correlation_at_lag"] <= 1
        assert abs(driven[f"{name}_lag_ms"]) <= 400
    assert driven["opening_amplitude_ratio"] > 0
    assert driven["shut_on_bilabials_in_truth"] > 0.5
    with pytest.raises(D3Error, match=r"none.mp4 is missing"):
        evaluate(load_person(tiny_person), prepared_clip, speaker=Path("none.mp4"))
    with pytest.raises(D3Error, match="the general field alone"):
        evaluate(load_person(tiny_person), prepared_clip, speaker=prepared_clip, counted="general")


def test_judges_whose_weights_are_there(
    tiny_person: Path,
    prepared_clip: Path,
    lpips_weights: tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With random weights of the true shapes: what is said of them means nothing, that it is said does."""
    torch.manual_seed(0)
    save_file(SyncNet().state_dict(), tmp_path / "sync.safetensors")
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("d3talker.metrics.syncnet.network.SYNCNET", Weights("sync.safetensors", "there", "", ""))
    for name, state in zip(("ALEXNET", "LPIPS_HEADS"), lpips_weights, strict=True):
        torch.save(state, tmp_path / f"{name}.pth")
        monkeypatch.setattr(f"d3talker.losses.perceptual.{name}", Weights(f"{name}.pth", "there", "", ""))
    numbers = evaluate(load_person(tiny_person), prepared_clip)
    assert set(numbers["not_computed"]) == {"aue", "lmd"}
    for whose in ("", "_of_truth"):
        assert numbers["sync"][f"confidence{whose}"] >= 0
        assert numbers["sync"][f"distance{whose}"] > 0
        assert -15 <= numbers["sync"][f"offset_frames{whose}"] <= 15
    assert numbers["whole"]["lpips"] > 0
    assert numbers["frozen_frame"]["whole"]["lpips"] > 0


def test_a_page_to_look_at(evaluated: tuple[dict, Path], tiny_person: Path) -> None:
    page = (tiny_person / "evaluation.html").read_text()
    assert "Unseen frames" in page
    assert page.count("<img") >= 6


def test_nothing_left_to_measure(tiny_person: Path, prepared_clip: Path) -> None:
    person = load_person(tiny_person)
    person.meta = {**person.meta, "frames": 10_000}
    with pytest.raises(D3Error, match="at least 25 unseen frames"):
        evaluate(person, prepared_clip)


def test_no_such_clip(tiny_person: Path, tmp_path: Path) -> None:
    with pytest.raises(D3Error, match="is missing"):
        evaluate(load_person(tiny_person), tmp_path / "none.mp4")
