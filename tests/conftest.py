"""The built-in speaker as everybody's fixture: a clip with exact truth, and a person adapted from it."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from d3talker.config.method import TALKINGGAUSSIAN
from d3talker.config.prepare import PrepareSettings
from d3talker.config.presets import TINY
from d3talker.recipes.adapt import adapt
from d3talker.recipes.prepare import prepare
from d3talker.speaker import SpeakerTruth, make_speaker_video


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the adapted person run on one worker; those of a module with a group of its own on another."""
    for item in items:
        if "tiny_person" in getattr(item, "fixturenames", ()) and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("person"))


@dataclass(frozen=True)
class SpeakerClip:
    path: Path
    truth: SpeakerTruth


@pytest.fixture(scope="session")
def speaker_clip(tmp_path_factory: pytest.TempPathFactory) -> SpeakerClip:
    """4 s of the built-in speaker, 256 x 256, seed 0, with sound: ``.path`` of the mp4 and its exact ``.truth``."""
    path = tmp_path_factory.mktemp("speaker_clip") / "speaker.mp4"
    return SpeakerClip(path, make_speaker_video(path, seed=0, seconds=4.0, size=256))


@pytest.fixture(scope="session")
def tiny_person(
    speaker_clip: SpeakerClip, worker_id: str, testrun_uid: str, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a person adapted from the first 3 s of the speaker's clip; workers share it: read it only."""
    alone = worker_id == "master"
    out = tmp_path_factory.getbasetemp() if alone else tmp_path_factory.getbasetemp().parent
    out = out / f"tiny_person-{testrun_uid}"
    with FileLock(out.with_suffix(".lock")):
        if not (out / "person.json").exists():
            prepare(speaker_clip.path, out / "work" / "clip", PrepareSettings(size=256))  # a quarter of the work
            adapt(speaker_clip.path, out, TALKINGGAUSSIAN, TINY, seconds=3.0)
    return out


@pytest.fixture(scope="session")
def prepared_clip(tiny_person: Path) -> Path:
    """The folder that ``prepare`` made of the speaker's clip."""
    return tiny_person / "work" / "clip"


@pytest.fixture
def lpips_weights() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Small random weights of AlexNet and of LPIPS under the names and in the shapes of the published files."""
    generator = torch.Generator().manual_seed(0)
    shapes = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
    alexnet = {f"features.{n}.weight": 0.1 * torch.rand(s, generator=generator) for n, s in shapes.items()}
    alexnet |= {f"features.{n}.bias": 0.1 * torch.rand(s[0], generator=generator) for n, s in shapes.items()}
    heads = {
        f"lin{i}.model.1.weight": torch.rand(1, s[0], 1, 1, generator=generator) for i, s in enumerate(shapes.values())
    }
    return alexnet, heads
