"""The command line by subprocess: help, exit codes, one clear line, nothing left behind."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from d3talker.media.audio import read_audio, write_wav
from d3talker.media.video import VideoWriter, probe, read_frames
from d3talker.phonetics.synthesis import ENGINES
from d3talker.tracking.clip import load_clip


def d3talker(*arguments: object, preexec=None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "d3talker", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, preexec_fn=preexec)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It ended with code 2 and its last line, which begins with the program's name, says all the words."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("d3talker: ")
    for word in words:
        assert word in line, line


def still_video(path: Path, seconds: float, picture: np.ndarray) -> Path:
    with VideoWriter(path, picture.shape[1], picture.shape[0]) as video:
        for _ in range(round(25 * seconds)):
            video.write(picture)
    return path


def test_help_teaches_and_is_quick() -> None:
    done = d3talker("--help")
    assert done.returncode == 0
    for verb in ("prepare", "adapt", "talk", "motion", "evaluate", "bench", "demo", "doctor"):
        assert verb in done.stdout
    code = "import sys, d3talker.cli.commands; sys.exit(any(m in sys.modules for m in ('torch', 'av', 'mediapipe')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("verb", ["prepare", "adapt", "talk", "motion", "evaluate", "bench", "demo", "doctor"])
def test_every_verb_explains_itself(verb: str) -> None:
    from d3talker.cli import main

    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = [sys.executable, "-m", "d3talker", "talk", "--help"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        told = running.stderr.read()
        assert running.wait() == 141
    assert told == ""


def test_doctor_lists_licences_of_weights() -> None:
    done = d3talker("doctor", "--licences")
    assert done.returncode == 0, done.stderr
    for word in ("syncnet", "961e8696", "CC-BY-NC", "prior d3talker", "given by path"):
        assert word in done.stdout, word


def test_doctor_tells_of_every_part() -> None:
    done = d3talker("doctor")
    assert done.returncode == 0, done.stderr
    for part in (
        "device",
        "rasterizer cpu",
        "rasterizer gsplat",
        "face tracker",
        "libx264",
        "prior d3talker",
        "LPIPS",
        "extra gpu",
        "licence",
    ):
        assert part in done.stdout, part


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["prepare", "none.mp4", "--out", "clip"], ["none.mp4"]),
        (["adapt", "none.mp4", "--out", "me"], ["none.mp4"]),
        (["prepare", "text.mp4", "--out", "clip"], ["text.mp4", "video"]),
        (["talk", "nobody", "a.wav", "--out", "v.mp4"], ["person.json"]),
        (["talk", "nobody", "--out", "v.mp4"], ["nothing to say", "--text"]),
        (["talk", "nobody", "a.wav", "--text", "hello", "--out", "v.mp4"], ["a.wav", "--text", "one of them"]),
        (["talk", "nobody", "a.wav", "--voice", "flite", "--out", "v.mp4"], ["--voice flite", "without --text"]),
        (["talk", "nobody", "--text", "hello", "--voice", "parrot", "--out", "v.mp4"], ["parrot", "flite"]),
        (["motion", "none.wav", "--out", "v.mp4"], ["none.wav"]),
        (["motion", "text.mp4", "--out", "v.mp4"], ["text.mp4", "not a media file"]),
        (["adapt", "text.mp4", "--out", "me", "--front-end", "logmell"], ["logmell", "logmel", "Did you mean"]),
        (["adapt", "text.mp4", "--out", "me", "--device", "abacus"], ["abacus", "doctor"]),
        (["adapt", "text.mp4", "--out", "me", "--resolution", "-5"], ["-5", "32 to 2048"]),
        (["adapt", "text.mp4", "--out", "me", "--refiner", "style"], ["'style'", "styleunet"]),
        (["adapt", "text.mp4", "--out", "me", "--prior", "p.safetensors"], ["p.safetensors is missing", "pretrain"]),
        (["pretrain", "text.mp4", "--out", "p.safetensors", "--preset", "tiny"], ["text.mp4", "video"]),
        (["pretrain", "--out", "p.safetensors"], ["no clips", "a person each"]),
        (["prepare", "text.mp4", "--out", "clip", "--size", "7"], ["7", "64 to 2048"]),
        (["evaluate", "nobody", "text.mp4"], ["person.json"]),
        (["evaluate", "text.mp4", "none.mp4"], ["text.mp4"]),
        (["evaluate", "none.mp4", "text.mp4"], ["none.mp4 does not exist"]),
        (["bench", "text.mp4", "--out", "clip.bench", "--workers", "0"], ["0 workers", "at least one"]),
        (["bench", "text.mp4", "--out", "clip.bench", "--seconds", "10", "1"], ["--seconds 1", "3 and more"]),
        (["evaluate", "text.mp4", "none.mp4", "--fields", "general"], ["text.mp4 is a video", "--fields"]),
        (["bench", "text.mp4", "--out", "clip.bench"], ["text.mp4"]),
        (["bench", "text.mp4", "--out", "clip.bench", "--ablations", "no-nose"], ["no-nose", "no-refiner"]),
    ],
)
def test_what_is_not_there(
    tmp_path: Path, arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: others below are refused in one of their own."""
    from d3talker.cli import main

    (tmp_path / "text.mp4").write_text("this is no video")
    places = [str(tmp_path / a) if "." in a or a in ("clip", "me", "nobody") else a for a in arguments]
    code = main(places)
    refused(subprocess.CompletedProcess(places, code, *capsys.readouterr()), *words)
    assert not (tmp_path / "clip").exists()
    assert not (tmp_path / "v.mp4").exists()


def test_nobody_in_the_picture(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    refused(d3talker("prepare", still_video(tmp_path / "n.mp4", 4, noise), "--out", tmp_path / "clip"), "face")
    assert [f.name for f in tmp_path.iterdir()] == ["n.mp4"]


def test_a_place_that_cannot_be_written(tmp_path: Path, prepared_clip: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(d3talker("adapt", prepared_clip, "--out", tmp_path / "file" / "me"), "cannot write", "--out")


def test_a_full_disk(tmp_path: Path, prepared_clip: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = d3talker("adapt", prepared_clip, "--out", tmp_path / "me", "--preset", "tiny", preexec=little_room)
    refused(done, "disk is full")
    assert not (tmp_path / "me" / "person.json").exists()
    assert not list((tmp_path / "me").rglob("*.partial-*"))


def test_from_clip_to_video(tmp_path: Path, tiny_person: Path) -> None:
    soundfile.write(tmp_path / "a.flac", 0.3 * np.sin(np.arange(16000) / 12), 16000)
    done = d3talker("talk", tiny_person, tmp_path / "a.flac", "--out", tmp_path / "v.mp4", "--pose", "still")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "v.mp4") in done.stdout
    assert probe(tmp_path / "v.mp4").has_sound
    assert len(list(read_frames(tmp_path / "v.mp4"))) == 25


def test_a_person_says_a_text(tmp_path: Path, tiny_person: Path) -> None:
    if all(engine.missing() for engine in ENGINES.values()):
        pytest.skip("no speech synthesiser is installed")
    done = d3talker("talk", tiny_person, "--text", "Good morning.", "--out", tmp_path / "v.mp4", "--pose", "still")
    assert done.returncode == 0, done.stderr
    assert [f.name for f in tmp_path.iterdir()] == ["v.mp4"]
    assert 10 < len(list(read_frames(tmp_path / "v.mp4"))) < 75
    assert np.abs(read_audio(tmp_path / "v.mp4")).max() > 0.3


def test_motion_is_drawn_and_compared(tmp_path: Path, prepared_clip: Path) -> None:
    sound, video = prepared_clip / "audio.wav", tmp_path / "m.mp4"
    done = d3talker("motion", sound, "--out", video, "--compare", prepared_clip, "--width", "320")
    assert done.returncode == 0, done.stderr
    for word in ("opening", "width", "correlation", "closure", str(video)):
        assert word in done.stdout, word
    assert probe(video).has_sound
    assert len(list(read_frames(video))) == len(load_clip(prepared_clip))


def test_motion_leaves_nothing_behind_on_a_full_disk(tmp_path: Path) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    write_wav(tmp_path / "a.wav", 0.3 * np.sin(np.arange(48_000) / 12))
    done = d3talker("motion", tmp_path / "a.wav", "--out", tmp_path / "m.mp4", preexec=little_room)
    refused(done, "disk is full")
    assert [f.name for f in tmp_path.iterdir()] == ["a.wav"]


def test_silence_is_refused(tmp_path: Path, tiny_person: Path) -> None:
    write_wav(tmp_path / "a.wav", np.zeros(32000, np.float32))
    refused(d3talker("talk", tiny_person, tmp_path / "a.wav", "--out", tmp_path / "v.mp4"), "silent")
    assert [f.name for f in tmp_path.iterdir()] == ["a.wav"]
