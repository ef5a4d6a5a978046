"""Where the Gaussians start."""

from pathlib import Path

import numpy as np
import pytest
import torch

from d3talker.config.method import TALKINGGAUSSIAN, as_published
from d3talker.core.progress import Silent
from d3talker.faces.points import INNER_LIPS
from d3talker.ops.camera import project
from d3talker.recipes.adapt.frames import TrainingFrames, read_training_frames
from d3talker.recipes.adapt.start import most_frontal, start_face, start_mouth
from d3talker.recipes.hearing import hearing
from d3talker.tracking.clip import Clip, load_clip
from d3talker.tracking.masks import FACE, HAIR


@pytest.fixture(scope="module")
def learned(prepared_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Clip, TrainingFrames]:
    clip, cache = load_clip(prepared_clip), tmp_path_factory.mktemp("start") / "frames"
    ears = hearing(TALKINGGAUSSIAN, "logmel")
    return clip, read_training_frames(clip, 75, 128, ears, cache, torch.device("cpu"), Silent())


def test_the_face_starts_on_the_head(learned: tuple[Clip, TrainingFrames]) -> None:
    clip, frames = learned
    cloud = start_face(clip, frames, TALKINGGAUSSIAN.face, np.random.default_rng(0))
    best = most_frontal(frames)
    with torch.no_grad():
        pixels = project(cloud.means, frames.world_to_cam[best], frames.intrinsics)[0].numpy()
    place = np.clip(pixels, 0, 127).astype(int)
    label = np.asarray(frames.labels[best])[place[:, 1], place[:, 0]]
    assert np.isin(label, (FACE, HAIR)).mean() > 0.95  # lips and jaw were moved to where they rest
    near_face = np.linalg.norm(cloud.means.detach().numpy() - clip.face_shape.mean(axis=0), axis=1)
    assert np.percentile(near_face, 99) < 0.25
    assert cloud.scales.max() <= 0.0101


def test_the_mouth_starts_behind_the_lips(learned: tuple[Clip, TrainingFrames]) -> None:
    clip, frames = learned
    cloud = start_mouth(clip, frames, TALKINGGAUSSIAN.mouth, np.random.default_rng(0))
    lips = clip.face_points[:75][:, INNER_LIPS]
    means = cloud.means.detach().numpy()
    assert len(cloud) == TALKINGGAUSSIAN.mouth.points
    assert means[:, 2].max() < lips[..., 2].max()
    assert means[:, 0].min() > lips[..., 0].min() - 0.01
    assert means[:, 0].max() < lips[..., 0].max() + 0.01


def test_as_published_is_a_cube_of_random_points(learned: tuple[Clip, TrainingFrames]) -> None:
    clip, frames = learned
    method = as_published(TALKINGGAUSSIAN)
    face = start_face(clip, frames, method.face, np.random.default_rng(0))
    mouth = start_mouth(clip, frames, method.mouth, np.random.default_rng(0))
    assert (len(face), len(mouth)) == (2000, 10_000)
    assert face.means.abs().max() <= 0.1
    assert face.means.std(dim=0).min() > 0.05  # uniform in 20 cm: 0.058
    assert face.colour_detail.shape[1] == 8
    torch.testing.assert_close(face.opacities, torch.full((2000,), 0.1))
