"""The demo from its clip on, and again."""

import shutil
from pathlib import Path

import pytest

from d3talker.core.progress import Silent
from d3talker.media.audio import read_audio
from d3talker.media.video import read_frames
from d3talker.recipes.demo import demo
from d3talker.speaker.speech import built_in_speech

pytestmark = pytest.mark.xdist_group("demo")


def test_the_demo_ends_with_a_video_that_says_the_shipped_speech(tmp_path: Path, prepared_clip: Path) -> None:
    out = tmp_path / "demo"
    shutil.copytree(prepared_clip, out / "person-0" / "work" / "clip")  # what a minute of filming and tracking makes
    (out / "speaker-0.mp4").touch()
    video = demo(out, preset="tiny", progress=Silent())
    speech = built_in_speech("driving")
    seconds = len(speech.samples) / speech.rate
    assert abs(len(list(read_frames(video))) / 25 - seconds) <= 0.04
    assert abs(len(read_audio(video)) / 16000 - seconds) <= 0.08
    again = Silent()
    before = (out / "person-0" / "head.safetensors").stat().st_mtime_ns
    demo(out, preset="tiny", progress=again)
    assert (out / "person-0" / "head.safetensors").stat().st_mtime_ns == before
    assert any("finished" in line for line in again.said)
