import json

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from d3talker.config.prepare import PrepareSettings
from d3talker.core.errors import D3Error
from d3talker.core.progress import Silent
from d3talker.media.video import VideoWriter, read_frames
from d3talker.recipes.prepare import prepare

SMALL = PrepareSettings(size=256)


@pytest.fixture(scope="module")
def prepared(speaker_clip, tmp_path_factory):
    return prepare(speaker_clip.path, tmp_path_factory.mktemp("prepared") / "clip", SMALL)


def test_clip_is_whole(prepared, speaker_clip):
    truth = speaker_clip.truth
    assert len(prepared) == len(truth.lip_opening)
    for videos in (prepared.frames(), prepared.masks(), prepared.plates()):
        assert sum(1 for _ in videos) == len(prepared)
    assert len(prepared.sound()) == 640 * len(prepared)
    assert (prepared.path / "background.png").exists()
    assert "<html" in (prepared.path / "report.html").read_text(encoding="utf-8").lower()
    meta = json.loads((prepared.path / "clip.json").read_text())
    assert meta["source"]["start"] == 0
    assert meta["quality"]["residual_px"] < 1
    assert not list(prepared.path.parent.glob(".*"))  # no partial folder


def test_lips_and_lids_are_those_of_the_speaker(prepared, speaker_clip):
    truth = speaker_clip.truth
    assert np.corrcoef(prepared.lip_opening, truth.lip_opening)[0, 1] > 0.8
    assert np.corrcoef(prepared.lip_width, truth.lip_width)[0, 1] > 0.8
    assert np.corrcoef(prepared.blink, truth.blink)[0, 1] > 0.8
    assert prepared.lip_opening[truth.lip_opening == 0].mean() < 1e-3


def test_poses_are_those_of_the_speaker(prepared, speaker_clip):
    truth = speaker_clip.truth.world_to_cam
    apart = Rotation.from_matrix(np.swapaxes(prepared.world_to_cam[:, :3, :3], 1, 2) @ truth[:, :3, :3])
    assert np.degrees(apart.mean().magnitude()) < 10  # what counts as straight ahead differs a little
    assert np.degrees((apart * apart.mean().inv()).magnitude()).max() < 2
    assert prepared.meta["quality"]["jitter_px"] < 0.1


def test_the_face_shape_projects_onto_the_landmarks(prepared):
    camera = np.einsum("tij,nj->tni", prepared.world_to_cam[:, :3, :3], prepared.face_shape)
    pixels = (camera + prepared.world_to_cam[:, None, :3, 3]) @ prepared.intrinsics(256).T
    apart = np.linalg.norm(pixels[..., :2] / pixels[..., 2:] - prepared.landmarks[..., :2], axis=-1)
    assert np.median(apart) < 1.5


def test_second_clip_of_a_person_shares_the_head_frame(prepared, speaker_clip, tmp_path):
    shape = prepared.face_shape * 1.02
    clip = prepare(speaker_clip.path, tmp_path / "second", PrepareSettings(size=128), face_shape=shape)
    assert np.array_equal(clip.face_shape, shape)
    assert np.median(np.abs(clip.face_points.mean(axis=0) - shape)) < 1e-3


def test_larger_of_two_faces_in_the_longest_part_and_no_sound(speaker_clip, tmp_path):
    video = tmp_path / "two faces.mp4"
    pictures = [picture for _, picture in zip(range(80), read_frames(speaker_clip.path), strict=False)]
    with VideoWriter(video, 640, 360) as writer:
        for number in range(105):
            scene = np.full((360, 640, 3), 90, dtype=np.uint8)
            if number >= 25:
                large, small = (
                    np.asarray(Image.fromarray(pictures[number - 25]).resize((side, side))) for side in (300, 200)
                )
                scene[40:340, 320:620], scene[100:300, 40:240] = large, small
            writer.write(scene)
    progress = Silent()
    clip = prepare(video, tmp_path / "clip", PrepareSettings(size=128), progress)
    assert len(clip) == 80
    assert clip.meta["source"]["start"] == 1.0
    crop = clip.meta["crop"]
    assert crop["left"] > 240
    assert crop["left"] + crop["side"] <= 640
    assert not clip.has_sound
    for words in ("more than one face", "used 1.00 s to 4.20 s of 4.20 s", "no sound: prepare works without"):
        assert any(words in line for line in progress.said), words


def blank(path, seconds: float) -> None:
    with VideoWriter(path, 128, 128) as writer:
        for number in range(round(25 * seconds)):
            writer.write(np.full((128, 128, 3), number % 200, dtype=np.uint8))


@pytest.mark.parametrize(
    ("make", "seen"),
    [
        (lambda path: None, "clip.mp4"),
        (lambda path: path.write_text("no video at all"), "clip.mp4"),
        (lambda path: blank(path, 3.5), "shows no face"),
        (lambda path: blank(path, 1.0), "lasts 1.0 s"),
    ],
    ids=["no file", "not a video", "no face", "too short"],
)
def test_bad_input_gets_one_line_and_leaves_nothing(tmp_path, make, seen):
    video = tmp_path / "clip.mp4"
    make(video)
    with pytest.raises(D3Error) as error:
        prepare(video, tmp_path / "out")
    assert seen in str(error.value)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir() if path != video] == []


def test_action_units_that_do_not_fit_leave_nothing(speaker_clip, tmp_path):
    units = tmp_path / "au.csv"
    units.write_text("frame, AU01_r, AU04_r, AU05_r, AU06_r, AU07_r, AU45_r\n1,0,0,0,0,0,0\n")
    with pytest.raises(D3Error, match="has 1 rows"):
        prepare(speaker_clip.path, tmp_path / "out", PrepareSettings(size=128, action_units=units))
    assert [path.name for path in tmp_path.iterdir()] == ["au.csv"]
