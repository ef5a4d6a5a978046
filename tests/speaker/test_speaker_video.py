"""The written clip and its truth, and whether real trackers take the speaker for a person."""

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.media.audio import read_audio
from d3talker.media.video import probe, read_stored
from d3talker.speaker import Speech, built_in_speech, make_identity, make_speaker_video
from d3talker.speaker.face_motion import frame_times, make_motion, speech_energy
from d3talker.speaker.person import Person
from d3talker.speaker.video import fit_speech, render_motion


@pytest.fixture(scope="module")
def frames(speaker_clip):
    return list(read_stored(speaker_clip.path))


@pytest.fixture(scope="module")
def masks(speaker_clip):
    return np.array(list(speaker_clip.truth.labels()))


@pytest.fixture(scope="module")
def tracked(frames):
    """FaceMesh landmarks of every frame, (T, 478, 2) pixels."""
    import mediapipe

    with mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True) as tracker:
        found = [tracker.process(frame).multi_face_landmarks for frame in frames]
    assert all(found)
    return np.array([[(p.x, p.y) for p in faces[0].landmark] for faces in found]) * frames[0].shape[0]


def project(truth, points):
    camera = np.einsum("tij,tkj->tki", truth.world_to_cam[:, :3, :3], points) + truth.world_to_cam[:, None, :3, 3]
    pixel = camera @ truth.intrinsics.T
    return pixel[..., :2] / pixel[..., 2:]


def test_file_has_pictures_and_sound_in_step(speaker_clip, frames):
    info = probe(speaker_clip.path)
    assert (info.width, info.height, info.fps, info.has_sound) == (256, 256, 25.0, True)
    assert len(frames) == 100
    sound = read_audio(speaker_clip.path)
    assert abs(len(sound) / 16_000 - 4) < 0.05
    spoken = built_in_speech("training").samples[: len(sound)]
    np.testing.assert_allclose(np.corrcoef(sound[: len(spoken)], spoken)[0, 1], 1, atol=0.02)


def test_truth_has_its_shapes(speaker_clip, masks):
    truth = speaker_clip.truth
    assert truth.world_to_cam.shape == (100, 4, 4)
    turn = truth.world_to_cam[:, :3, :3]
    np.testing.assert_allclose(turn @ turn.transpose(0, 2, 1), np.broadcast_to(np.eye(3), turn.shape), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)
    assert masks.shape == (100, 256, 256)
    share = [(masks == label).mean() for label in range(5)]
    assert min(share[:4]) > 0.05
    assert 0 < share[4] < 0.01
    assert truth.blink.max() > 0.8
    np.testing.assert_allclose(truth.lip_opening, truth.lip_points[:, 0, 1] - truth.lip_points[:, 1, 1])


def test_lip_points_lie_on_the_mouth_of_the_picture(speaker_clip, masks, tracked):
    truth = speaker_clip.truth
    pixel = project(truth, truth.lip_points)
    wide = np.flatnonzero(truth.lip_opening > 0.006)
    assert len(wide) > 5
    for frame in wide:
        (x, y), (_, below) = pixel[frame, 0], pixel[frame, 1]
        assert masks[frame, round((y + below) / 2), int(x)] == 4
        assert masks[frame, int(y - 2.5), int(x)] == masks[frame, int(below + 2.5), int(x)] == 3
    shut = truth.lip_opening == 0
    assert shut.sum() > 5
    assert (masks[shut] == 4).sum((1, 2)).max() < 30
    assert np.abs(pixel[:, 2:] - tracked[:, [61, 291]]).mean() < 4.5  # corners, also where FaceMesh sees them


def test_face_is_found_and_moves_like_the_truth(speaker_clip, tracked):
    truth = speaker_clip.truth
    gap = np.linalg.norm(tracked[:, 13] - tracked[:, 14], axis=1)
    assert np.corrcoef(gap, truth.lip_opening)[0, 1] > 0.8
    lids = np.linalg.norm(tracked[:, 159] - tracked[:, 145], axis=1)
    assert np.corrcoef(lids, truth.blink)[0, 1] < -0.7
    nose = tracked[:, 1] - tracked.mean(1)
    yaw = np.arctan2(truth.world_to_cam[:, 0, 2], truth.world_to_cam[:, 0, 0])
    assert np.corrcoef(nose[:, 0], yaw)[0, 1] > 0.9


def test_person_is_found(frames, masks):
    import mediapipe

    for model in (0, 1):
        with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=model) as segmenter:
            for frame in (10, 80):
                found = segmenter.process(frames[frame]).segmentation_mask > 0.5
                person = masks[frame] > 0
                assert (found & person).sum() / (found | person).sum() > 0.93


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faces_of_other_people_are_found(seed):
    import mediapipe

    said = fit_speech(built_in_speech("driving"), 1.6)
    loudness = speech_energy(said.samples, said.rate, frame_times(40, 25.0))
    motion = make_motion(said.phones, loudness, 40, 25.0, seed)
    kept = slice(0, 40, 8)
    few = type(motion)(motion.controls[kept], motion.turn[kept], motion.shift[kept], motion.breath[kept])
    with mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as tracker:
        for shot, _ in render_motion(Person(make_identity(seed), 256), few):
            (face,) = tracker.process(shot.picture).multi_face_landmarks
            x, y = (np.array([getattr(p, axis) for p in face.landmark]) * 256 for axis in "xy")
            on_face = shot.labels[y.astype(int), x.astype(int)] >= 2
            assert on_face.mean() > 0.97


def test_same_seed_same_clip(tmp_path):
    speech = Speech(built_in_speech("driving").samples[:4000], 16_000, built_in_speech("driving").phones[:3])
    clips = []
    for name in ("a.mp4", "b.mp4"):
        truth = make_speaker_video(tmp_path / name, seed=2, seconds=0.12, speech=speech, size=64)
        clips.append((np.array(list(read_stored(tmp_path / name))), truth))
    np.testing.assert_array_equal(clips[0][0], clips[1][0])
    np.testing.assert_array_equal(clips[0][1].world_to_cam, clips[1][1].world_to_cam)


def test_short_speech_is_repeated_after_a_pause():
    speech = Speech(np.full(16_000, 0.5, np.float32), 16_000, [("a", 0.0, 0.6), ("m", 0.6, 1.0)])
    longer = fit_speech(speech, 2.0)
    assert longer.seconds == 2
    assert [p[0] for p in longer.phones] == ["a", "m", "a"]
    assert longer.phones[2] == ("a", 1.6, 2.0)
    assert longer.samples[15_999] == longer.samples[25_600] == 0.5
    assert not longer.samples[16_000:25_600].any()


def test_useless_sizes_are_refused(tmp_path):
    with pytest.raises(D3Error, match="even number"):
        make_speaker_video(tmp_path / "a.mp4", size=63)
    with pytest.raises(D3Error, match="at least one frame"):
        make_speaker_video(tmp_path / "a.mp4", seconds=0)
