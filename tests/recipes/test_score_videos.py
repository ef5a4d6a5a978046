"""Videos against videos, on constructed pairs with known answers and on the built-in speaker's exact truth."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from d3talker.config.evaluate import EvaluateSettings
from d3talker.core.errors import D3Error
from d3talker.core.progress import Silent
from d3talker.media.audio import read_audio
from d3talker.media.video import VideoWriter, read_frames
from d3talker.recipes.evaluate_scores import _known
from d3talker.recipes.score_videos import score_videos
from d3talker.signals.speech import RATE

pytestmark = pytest.mark.xdist_group("videos")
COUNT, LATE = 45, 3


@pytest.fixture(autouse=True)
def _no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path / "none"))


@pytest.fixture(scope="module")
def film(speaker_clip, tmp_path_factory: pytest.TempPathFactory):
    """Writes frames without loss, with the speaker's sound if asked for."""
    folder, sound = tmp_path_factory.mktemp("films"), read_audio(speaker_clip.path, RATE)

    def write(name: str, frames: list[np.ndarray], heard: bool = True) -> Path:
        path = folder / f"{name}.mkv"
        height, width = frames[0].shape[:2]
        rate = RATE if heard else None
        with VideoWriter(path, width, height, style="lossless", sound_rate=rate) as video:
            for frame in frames:
                video.write(frame)
            if heard:
                video.write_sound(sound)
        return path

    return write


@pytest.fixture(scope="module")
def frames(speaker_clip) -> list[np.ndarray]:
    return list(read_frames(speaker_clip.path))[:COUNT]


@pytest.fixture(scope="module")
def truth(film, frames: list[np.ndarray]) -> Path:
    return film("truth", frames)


def test_the_truth_itself(truth: Path, speaker_clip, tmp_path: Path) -> None:
    settings = EvaluateSettings(json=tmp_path / "n.json", frames=tmp_path / "frames.csv")
    numbers = score_videos(truth, truth, settings)
    for region in ("whole", "head", "face", "mouth"):
        assert (numbers[region]["psnr"], numbers[region]["ssim"]) == (100.0, pytest.approx(1))
        assert (numbers[region]["sharpness"], numbers[region]["flicker"]) == (pytest.approx(1), 0)
        assert numbers["frozen_frame"][region]["psnr"] < 50
    assert [numbers["face"][name] for name in ("lmd_mp", "aue_mp_lower", "aue_mp_upper")] == [0, 0, 0]
    assert min(numbers["frozen_frame"]["face"][name] for name in ("lmd_mp", "aue_mp_lower")) > 0.2
    for name in ("opening", "width"):
        assert numbers["lips"][f"{name}_correlation"] == pytest.approx(1)
        assert (numbers["lips"][f"{name}_lag_ms"], numbers["lips"][f"{name}_amplitude_ratio"]) == (0, pytest.approx(1))
    closures = numbers["closures"]
    assert closures["bilabials"] >= 2
    assert closures["shut_on_bilabials"] == closures["shut_on_bilabials_in_truth"] > 0.5
    assert numbers["motion"]["jitter_beyond_truth_px"] == 0
    assert numbers["notes"] == []
    assert set(numbers["not_computed"]) >= {"still mouth", "sync", "lpips", "aue"}
    rows = list(csv.DictReader((tmp_path / "frames.csv").open()))
    assert [int(row["frame"]) for row in rows] == list(range(COUNT))
    assert {row["mouth_psnr"] for row in rows} == {"100.0"}
    measured = [float(row["opening_truth"]) for row in rows]
    assert np.corrcoef(measured, speaker_clip.truth.lip_opening[:COUNT])[0, 1] > 0.85  # what is exactly true


def test_a_late_video_has_that_lag(truth: Path, film, frames: list[np.ndarray]) -> None:
    lips = score_videos(film("late", [frames[0]] * LATE + frames[:-LATE]), truth)["lips"]
    assert lips["opening_lag_ms"] == 40 * LATE
    assert lips["opening_correlation_at_lag"] > 0.95 > lips["opening_correlation"] + 0.1


def test_a_blurred_video(truth: Path, film, frames: list[np.ndarray]) -> None:
    blurred = [gaussian_filter(frame, (1.5, 1.5, 0)) for frame in frames]
    numbers = score_videos(film("blurred", blurred), truth)
    assert numbers["mouth"]["sharpness"] < 0.3
    assert 20 < numbers["head"]["psnr"] < 40
    assert numbers["lips"]["opening_correlation"] > 0.8


def test_a_frozen_frame_is_no_better_than_one(truth: Path, film, frames: list[np.ndarray]) -> None:
    numbers = score_videos(film("frozen", [frames[0]] * COUNT), truth)
    for region in ("whole", "head", "mouth"):
        assert numbers[region] == numbers["frozen_frame"][region]
    assert numbers["lips"]["opening_correlation"] is None
    assert numbers["not_computed"]["lips opening"] == "the prediction does not move"


def test_other_words_do_not_fit(truth: Path, film, frames: list[np.ndarray]) -> None:
    numbers = score_videos(film("backwards", frames[::-1]), truth)
    assert numbers["lips"]["opening_correlation"] < 0.5
    assert numbers["face"]["lmd_mp"] > 0.3


def test_another_length_and_size_are_said(truth: Path, film, frames: list[np.ndarray]) -> None:
    progress = Silent()
    numbers = score_videos(film("small", [frame[::2, ::2] for frame in frames[:40]], False), truth, progress=progress)
    assert numbers["frames"]["count"] == 40
    assert numbers["resolution"] == [256, 256]
    assert numbers["notes"] == [
        "small.mkv is 128 x 128, truth.mkv 256 x 256: it is resized to that",
        "small.mkv lasts 1.60 s, truth.mkv 1.80 s: the first 1.60 s count",
    ]
    assert progress.said == numbers["notes"]
    assert numbers["lips"]["opening_correlation"] > 0.8


def test_no_sound_no_closures(film, frames: list[np.ndarray]) -> None:
    silent = film("silent", frames[:30], False)
    numbers = score_videos(silent, silent)
    assert numbers["closures"] == numbers["sync"] == {}
    assert numbers["not_computed"]["closures"] == "neither video has sound"


def test_what_cannot_be_scored(truth: Path, film, frames: list[np.ndarray], tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    empty = film("noise", [noise] * 30, False)
    for pair in ((empty, truth), (truth, empty)):
        with pytest.raises(D3Error, match=r"no face is found in .*noise.mkv"):
            score_videos(*pair)
    with pytest.raises(D3Error, match="share 10 frames"):
        score_videos(film("short", frames[:10], False), truth)
    with pytest.raises(D3Error, match="48 x 48; wanted 64 pixels"):
        score_videos(film("tiny", [frame[:48, :48] for frame in frames[:30]], False), truth)
    with pytest.raises(D3Error, match="is no text file"):
        score_videos(truth, truth, EvaluateSettings(closures=str(tmp_path / "none.txt")))
    assert not list(tmp_path.iterdir())


def test_what_is_no_number_is_none_and_says_why() -> None:
    reasons: dict[str, str] = {}
    told = _known({"motion": {"jitter": float("nan"), "count": 3}, "clip": "a", "psnr": 30.0}, reasons)
    assert told == {"motion": {"jitter": None, "count": 3}, "clip": "a", "psnr": 30.0}
    assert reasons == {"motion jitter": "no frame has what it needs"}
