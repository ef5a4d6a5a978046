from dataclasses import dataclass
from pathlib import Path

import pytest

from d3talker.speaker import SpeakerTruth, make_speaker_video


@dataclass(frozen=True)
class SpeakerClip:
    path: Path
    truth: SpeakerTruth


@pytest.fixture(scope="session")
def speaker_clip(tmp_path_factory):
    """4 s of the built-in speaker, 256 x 256, seed 0, with sound: ``.path`` of the mp4 and its exact ``.truth``."""
    path = tmp_path_factory.mktemp("speaker_clip") / "speaker.mp4"
    return SpeakerClip(path, make_speaker_video(path, seed=0, seconds=4.0, size=256))
