"""The stages by themselves: which frames they look at, what moves when, what the refiner is taught by."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from d3talker.config.method import D3TALKER, MethodSettings, adapted
from d3talker.config.presets import TINY
from d3talker.config.training import DensitySettings
from d3talker.core.files import sha256_of
from d3talker.core.progress import Silent
from d3talker.faces.points import LIPS
from d3talker.fields.encoder import CODE_SIZE
from d3talker.losses import perceptual
from d3talker.losses.perceptual import judge_at_hand
from d3talker.models.gaussians import painted_pixels
from d3talker.models.head import Head, build_head
from d3talker.recipes.adapt.face import FaceStage
from d3talker.recipes.adapt.frames import TrainingFrames, read_training_frames
from d3talker.recipes.adapt.mouth import MouthStage
from d3talker.recipes.adapt.refine import RefineStage
from d3talker.recipes.adapt.start import start_face, start_mouth
from d3talker.recipes.hearing import hearing
from d3talker.recipes.pretrain.people import hold_out
from d3talker.tracking.clip import load_clip

pytestmark = pytest.mark.xdist_group("person")
METHOD = adapted(D3TALKER)
PRESET = replace(
    TINY,
    resolution=48,
    face=replace(TINY.face, iterations=60, warm_up=5, own_from=9, curriculum_every=3, curriculum_stop=60),
    mouth=replace(TINY.mouth, iterations=60, warm_up=5, own_from=9, curriculum_every=3, curriculum_stop=60),
)


@pytest.fixture(scope="module")
def frames(prepared_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingFrames:
    """Four seconds of the built-in speaker, the last of them kept for the refiner."""
    clip, cpu = load_clip(prepared_clip), torch.device("cpu")
    ears, cache = hearing(METHOD, "phone29"), tmp_path_factory.mktemp("lessons") / "frames"
    return hold_out(read_training_frames(clip, len(clip), PRESET.resolution, ears, cache, cpu, Silent()))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def head_for(prepared_clip: Path, frames: TrainingFrames, method: MethodSettings = METHOD) -> Head:
    clip = load_clip(prepared_clip)
    channels, rng = frames.signals["audio"].shape[-1], np.random.default_rng(0)
    face, mouth = start_face(clip, frames, method.face, rng), start_mouth(clip, frames, method.mouth, rng)
    return build_head(method, channels, face, mouth, seeded())


@pytest.mark.parametrize("lesson", [FaceStage, MouthStage])
def test_what_is_kept_for_the_refiner_is_never_drawn(
    prepared_clip: Path, frames: TrainingFrames, lesson: type[FaceStage] | type[MouthStage]
) -> None:
    """Their expression is no number, so that one look would tell."""
    spoiled = frames.expression.clone()
    spoiled[frames.refined] = torch.nan
    stage = lesson(head_for(prepared_clip, frames), replace(frames, expression=spoiled), PRESET, seeded())
    told = [stage.step(iteration) for iteration in range(1, stage.iterations + 1)]
    assert len(told) == 60
    assert all(torch.isfinite(torch.tensor(list(losses.values()))).all() for losses in told)


@pytest.mark.parametrize("lesson", [FaceStage, MouthStage])
def test_in_pre_training_speech_is_first_the_shared_fields(
    prepared_clip: Path, frames: TrainingFrames, lesson: type[FaceStage] | type[MouthStage]
) -> None:
    """What an own field makes of speech stays as it was drawn for a while."""
    stage = lesson(head_for(prepared_clip, frames, D3TALKER), frames, PRESET, seeded())
    *shared, own = (driven.field for driven in stage.branch.driven)
    code = slice(3 * own.settings.levels, 3 * own.settings.levels + CODE_SIZE)
    weights = [*(weight for field in shared for weight in field.decoder), own.decoder[0]]

    def moved_in(iterations: range) -> list[bool]:
        before = [weight.detach().clone() for weight in weights]
        for iteration in iterations:
            stage.step(iteration)
        *general, speech = [weight != old for weight, old in zip(weights, before, strict=True)]
        return [bool(moved.any()) for moved in (*general, speech[:, code], speech[:, : code.start])]

    assert moved_in(range(1, 10)) == [True] * (len(weights) - 1) + [False, True]
    assert moved_in(range(10, 13)) == [True] * (len(weights) - 1) + [True, True]


def test_each_field_learns_to_say_all_of_the_motion(prepared_clip: Path, frames: TrainingFrames) -> None:
    """Where the points lie 1 cm higher all the time, which only points tell: half of it is each field's share."""
    high = replace(frames, face_motion=frames.face_motion + torch.tensor([0.0, 0.01, 0.0]), told=[])
    face = replace(PRESET.face, loss=replace(PRESET.face.loss, landmarks=3.0))
    stage = FaceStage(head_for(prepared_clip, frames), high, replace(PRESET, face=face), seeded())
    for iteration in range(1, stage.iterations + 1):
        stage.step(iteration)
    with torch.no_grad():
        resting = stage.branch.rest_at(frames.face_shape[list(LIPS)])
        parts = stage.branch.parts(resting, stage.codes(0), frames.expression[0])
    for part in parts:
        assert float(part.position[:, 1].mean()) == pytest.approx(0.005, abs=0.002)


def test_the_general_field_does_what_facial_motion_says(prepared_clip: Path, frames: TrainingFrames) -> None:
    """Told to go 1 cm up with the lower face, where neither the pictures nor the tracked points would have it."""
    up = torch.tensor([0.0, 0.01, 0.0])
    lifted = replace(frames, told=[replace(told, points=told.points + up) for told in frames.told])

    def lips_up(told: float) -> list[float]:
        face = replace(PRESET.face, loss=replace(PRESET.face.loss, told=told))
        stage = FaceStage(head_for(prepared_clip, frames), lifted, replace(PRESET, face=face), seeded())
        for iteration in range(1, stage.iterations + 1):
            stage.step(iteration)
        with torch.no_grad():
            resting = stage.branch.rest_at(frames.face_shape[list(LIPS)])
            parts = stage.branch.parts(resting, stage.codes(0), frames.expression[0])
        return [float(part.position[:, 1].mean()) for part in parts]

    plain, taught = lips_up(0.0), lips_up(3.0)
    assert abs(plain[0]) < 0.001
    assert taught[0] > 0.0025  # half of the motion is its share
    assert taught[1] < plain[1] + 0.001  # the Individual field is not told


@pytest.fixture
def weights_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lpips_weights: tuple[dict[str, torch.Tensor], ...]
) -> Path:
    """A folder with both files of LPIPS, pinned by the hashes that these have."""
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    for name, tensors in zip(("ALEXNET", "LPIPS_HEADS"), lpips_weights, strict=True):
        known = getattr(perceptual, name)
        torch.save(tensors, tmp_path / known.file)
        monkeypatch.setattr(perceptual, name, replace(known, sha256=sha256_of(tmp_path / known.file)))
    return tmp_path


def test_the_judge_is_lpips_where_both_files_are(weights_folder: Path) -> None:
    assert judge_at_hand() == "lpips"
    (weights_folder / perceptual.LPIPS_HEADS.file).unlink()
    assert judge_at_hand() == "detail"


@pytest.mark.parametrize("judge", ["lpips", "detail"])
def test_the_refiner_learns_from_either_judge(
    prepared_clip: Path, frames: TrainingFrames, weights_folder: Path, judge: perceptual.Judge
) -> None:
    """It begins as the identity, and the first frame must already tell it where to go."""
    stage = RefineStage(head_for(prepared_clip, frames), frames, PRESET, seeded(), judge)
    assert 0.0 < stage.learn(1)["loss"] < 1.0
    gradients = [p.grad for p in stage.refiner.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert sum(float(gradient.abs().sum()) for gradient in gradients) > 0.0
    assert (stage.lpips is None) == (judge == "detail")


@pytest.mark.parametrize("lesson", [FaceStage, MouthStage])
def test_what_no_picture_shows_goes_when_growth_ends(
    prepared_clip: Path, frames: TrainingFrames, lesson: type[FaceStage] | type[MouthStage]
) -> None:
    name, least = lesson.name, 0.5
    density = DensitySettings(start=1, every=2, stop=3, limit=4000, least=least)
    preset = replace(PRESET, **{name: replace(getattr(PRESET, name), density=density)})
    stage = lesson(head_for(prepared_clip, frames), frames, preset, seeded())
    gaussians = stage.branch.gaussians
    before, worth = len(gaussians), _worth(stage, frames)
    assert float(worth.min()) < least
    stage.step(1)  # a third of the way
    assert int((worth > 2.0 * least).sum()) <= len(gaussians) < before
    assert float(_worth(stage, frames).min()) > 0.5 * least  # a step later
    assert len(stage.density.seen) == len(gaussians)


def _worth(stage: FaceStage | MouthStage, frames: TrainingFrames) -> torch.Tensor:
    """The most that each Gaussian at rest paints in any frame."""
    looks = ((frames.world_to_cam[i], frames.intrinsics) for i in range(len(frames)))
    return torch.stack([painted_pixels(stage.branch.gaussians, None, *look, frames.resolution) for look in looks]).amax(
        0
    )
