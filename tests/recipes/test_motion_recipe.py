"""Motion to look at: lengths, sound, a mouth that opens as predicted, the comparison, memory, and bad input."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, sha256_of, write_json
from d3talker.core.progress import Silent
from d3talker.faces.lip_gauge import LipGauge
from d3talker.media.audio import read_audio, write_wav
from d3talker.media.video import probe, read_frames
from d3talker.metrics.closure import SHUT
from d3talker.recipes.motion import MotionSettings, blocks, motion
from d3talker.recipes.motion_compare import Agreement, Tracked, compare
from d3talker.signals.motion import load_motion_source
from d3talker.speaker import built_in_speech
from d3talker.tracking.clip import load_clip

SMALL = 480
"""Width: the pictures of the faces are then 165 pixels high."""


def speech(path: Path, seconds: float) -> Path:
    """The shipped recording, repeated."""
    said = built_in_speech("driving")
    write_wav(path, np.resize(said.samples, round(seconds * said.rate)), said.rate)
    return path


@pytest.fixture(scope="module")
def six_seconds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("motion")
    sound = speech(folder / "a.wav", 6.0)
    motion(sound, folder / "m.mp4", MotionSettings(width=SMALL))
    return sound, folder / "m.mp4"


def test_blocks_join_and_cut() -> None:
    pieces = [np.arange(0, 3), np.arange(3, 4), np.arange(4, 15), np.arange(15, 16)]
    assert [block.tolist() for block in blocks(iter(pieces), 5)] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7, 8, 9],
        [10, 11, 12, 13, 14],
        [15],
    ]
    assert list(blocks(iter([]), 5)) == []


def test_picture_and_sound_are_as_long_as_the_speech(six_seconds: tuple[Path, Path]) -> None:
    sound, video = six_seconds
    info, frames = probe(video), list(read_frames(video))
    assert (info.width, info.height, info.fps) == (SMALL, 270, 25.0)
    assert len(frames) == 150
    heard, given = read_audio(video), read_audio(sound)
    assert len(heard) == pytest.approx(96_000, abs=640)
    length = min(len(heard), len(given))
    assert np.corrcoef(heard[:length], given[:length])[0, 1] > 0.98


def test_the_mouth_of_the_video_opens_as_predicted(six_seconds: tuple[Path, Path]) -> None:
    sound, video = six_seconds
    source = load_motion_source()
    samples = read_audio(sound)
    coefficients = np.concatenate(list(source.coefficients(lambda: iter([samples]))))
    vertices = source.face_model.vertices(torch.from_numpy(coefficients)).numpy()
    opening = LipGauge(source.face_model).opening(vertices)
    frames = np.stack(list(read_frames(video)))[:, :, : SMALL // 3].astype(float).mean(axis=3)
    mouth = frames[:, 122:155, 55:105]
    dark = (mouth < 60).sum(axis=(1, 2))
    assert opening.max() > 0.003
    assert np.corrcoef(dark, opening)[0, 1] > 0.9
    assert dark[opening >= np.quantile(opening, 0.9)].mean() > 3 * max(1.0, dark[opening < SHUT].mean())


@pytest.mark.parametrize("seconds", [0.2, 0.5, 10.03])  # 10.03 s are two pages
def test_any_length(tmp_path: Path, seconds: float) -> None:
    motion(speech(tmp_path / "a.wav", seconds), tmp_path / "m.mp4", MotionSettings(width=320))
    frames = len(list(read_frames(tmp_path / "m.mp4")))
    assert abs(frames - 25 * seconds) <= 0.51
    assert len(read_audio(tmp_path / "m.mp4")) / 16000 == pytest.approx(frames / 25, abs=0.04)


def test_two_runs_agree(tmp_path: Path) -> None:
    sound = speech(tmp_path / "a.wav", 1.0)
    first, second = (
        list(read_frames(video))
        for i in range(2)
        if motion(sound, video := tmp_path / f"{i}.mp4", MotionSettings(width=320)) is None
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture(scope="module")
def compared(prepared_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Agreement, Path]:
    video = tmp_path_factory.mktemp("compared") / "m.mp4"
    found = motion(prepared_clip / "audio.wav", video, MotionSettings(compare=prepared_clip, width=SMALL))
    assert found is not None
    return found, video


def test_the_tracked_face_is_drawn_beside(compared: tuple[Agreement, Path], prepared_clip: Path) -> None:
    frames = np.stack(list(read_frames(compared[1]))).astype(float).mean(axis=3)
    dark = (frames[:, 122:155, 160 + 52 : 160 + 108] < 60).sum(axis=(1, 2))
    opening = load_clip(prepared_clip).lip_opening
    assert np.corrcoef(dark, opening)[0, 1] > 0.85


def test_the_lips_are_compared(compared: tuple[Agreement, Path], prepared_clip: Path) -> None:
    found = compared[0]
    assert found.frames == len(load_clip(prepared_clip))
    assert found.opening.zero > 0.2, found
    assert found.opening.best >= found.opening.zero
    assert 0.1 < found.opening_amplitude < 5
    assert found.closure.moments > 0


def test_the_truth_agrees_with_itself() -> None:
    opening, width = np.abs(np.sin(np.arange(100) / 3)) * 0.01, 0.05 + 0.002 * np.cos(np.arange(100) / 4)
    tracked = Tracked(20, np.zeros((60, 1), np.float32), opening[20:80], width[20:80])
    found = compare(opening, width, tracked)
    assert found.frames == 60
    assert (found.opening.zero, found.opening.lag, found.opening_amplitude) == (pytest.approx(1), 0, 1)
    assert (found.width.zero, found.width.lag, found.width_amplitude) == (pytest.approx(1), 0, 1)
    assert (found.closure.recall, found.closure.precision) == (1, 1)
    late = compare(np.roll(opening, 3), np.roll(width, 3), tracked)
    assert (late.opening.lag, late.width.lag) == (3, 3)
    assert np.isnan(tracked.openings(10, 80)).sum() == 20
    np.testing.assert_array_equal(tracked.openings(10, 80)[10:70], opening[20:80])


def test_a_clip_cut_from_the_very_video_starts_later(tmp_path: Path, prepared_clip: Path) -> None:
    sound, later = prepared_clip / "audio.wav", tmp_path / "later"
    shutil.copytree(prepared_clip, later)
    meta = read_json(later / "clip.json", "")
    meta["source"] |= {"start": 0.4, "sha256": sha256_of(sound)}
    write_json(later / "clip.json", meta)
    found = motion(sound, tmp_path / "m.mp4", MotionSettings(compare=later, width=320))
    assert found is not None
    assert found.frames == len(load_clip(prepared_clip)) - 10
    beside = np.stack(list(read_frames(tmp_path / "m.mp4")))[:, 40:110, 130:190].mean(axis=(1, 2, 3))
    assert beside[:10].max() < 10  # nothing tracked yet
    assert beside[10:].min() > 60


def test_a_video_is_tracked_first(tmp_path: Path, speaker_clip) -> None:
    progress = Silent()
    settings = MotionSettings(compare=speaker_clip.path, width=320)
    found = motion(speaker_clip.path, tmp_path / "m.mp4", settings, progress)
    assert found is not None
    assert found.frames == 100
    assert any("tracked first" in line for line in progress.said)
    assert [f.name for f in tmp_path.iterdir()] == ["m.mp4"]


@pytest.mark.parametrize(
    ("sound", "out", "settings", "message"),
    [
        ("none.wav", "m.mp4", MotionSettings(), "none.wav does not exist"),
        ("text.wav", "m.mp4", MotionSettings(), "not a media file"),
        ("silent.wav", "m.mp4", MotionSettings(), "silent"),
        ("short.wav", "m.mp4", MotionSettings(), r"0\.1"),
        ("a.wav", "m.gif", MotionSettings(), "Change the file's ending"),
        ("a.wav", "m.mp4", MotionSettings(width=20), "--width 20.*320 to 3840"),
        ("a.wav", "m.mp4", MotionSettings(compare=Path("nothing.mp4")), "nothing.mp4 does not exist.*--compare"),
        ("a.wav", "a.wav/m.mp4", MotionSettings(), "cannot write"),
    ],
)
def test_what_cannot_be(tmp_path: Path, sound: str, out: str, settings: MotionSettings, message: str) -> None:
    speech(tmp_path / "a.wav", 0.5)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(tmp_path / "short.wav", np.full(1600, 0.1), 16000)
    (tmp_path / "text.wav").write_text("not a sound")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(D3Error, match=message):
        motion(tmp_path / sound, tmp_path / out, settings)
    assert sorted(tmp_path.iterdir()) == before


def test_clips_that_cannot_be_compared(tmp_path: Path, prepared_clip: Path) -> None:
    sound, folder = speech(tmp_path / "a.wav", 0.6), tmp_path / "empty"
    folder.mkdir()
    for clip, message in ((folder, "no clip.json"), (prepared_clip, "share 15 frames")):
        with pytest.raises(D3Error, match=message):
            motion(sound, tmp_path / "m.mp4", MotionSettings(compare=clip))
    assert sorted(f.name for f in tmp_path.iterdir()) == ["a.wav", "empty"]


def test_memory_does_not_grow_with_the_sound(tmp_path: Path) -> None:
    short, long = speech(tmp_path / "short.wav", 8.0), speech(tmp_path / "long.wav", 24.0)
    code = (
        "import resource, sys; from d3talker.cli import main\n"
        "for sound in sys.argv[1:3]:\n"
        "    main(['motion', sound, '--out', sys.argv[3], '--width', '320'])\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    command = [sys.executable, "-c", code, short, long, tmp_path / "m.mp4"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=240, check=True)
    peaks = [int(line) for line in done.stdout.splitlines() if line.isdigit()]
    assert peaks[1] - peaks[0] < 35, peaks  # MB; 20 are seen at any length, 16 s of frames would be 69 more
