import mediapipe
import numpy as np
import pytest
from PIL import Image

from d3talker.core.errors import D3Error
from d3talker.faces import points
from d3talker.media.video import read_frames
from d3talker.tracking.landmarks import face_box, open_tracker


@pytest.fixture(scope="module")
def pictures(speaker_clip):
    return list(read_frames(speaker_clip.path, end=3.0))


@pytest.fixture
def tracker():
    tracker = open_tracker("solutions")
    yield tracker
    tracker.close()


def test_one_face_in_pixels(tracker, pictures):
    faces = tracker.track(pictures[0])
    size = pictures[0].shape[0]
    assert len(faces) == 1
    assert faces[0].shape == (points.COUNT, 3)
    assert faces[0].dtype == np.float32
    left, top, right, bottom = face_box(faces[0])
    assert 0 < left < right < size
    assert 0 < top < bottom < size
    assert faces[0][33, 0] < faces[0][263, 0]  # the person's right eye is on the left
    assert faces[0][1, 2] < faces[0][234, 2]  # the nose is nearer than the ear


def test_nothing_is_smoothed_over_time(tracker, pictures, speaker_clip):
    opening = speaker_clip.truth.lip_opening[: len(pictures)]
    closed, opened = pictures[int(np.argmin(opening))], pictures[int(np.argmax(opening))]
    gaps = []
    for picture in [closed] * 6 + [opened] * 6:
        face = tracker.track(picture)[0]
        gaps.append(float((face[points.LOWER_INNER_LIP] - face[points.UPPER_INNER_LIP])[:, 1].mean()))
    step = np.mean(gaps[9:]) - np.mean(gaps[3:6])
    assert step > 2
    assert gaps[6] - np.mean(gaps[3:6]) > 0.75 * step  # in the very first frame after the cut


def test_a_small_face_in_a_wide_picture_is_found(tracker, pictures):
    scene = np.full((720, 1280, 3), 90, dtype=np.uint8)
    scene[200:400, 800:1000] = np.asarray(Image.fromarray(pictures[0]).resize((200, 200)))
    for _ in range(4):
        faces = tracker.track(scene)
        assert len(faces) == 1
    alone = open_tracker("solutions")
    for _ in range(4):
        expected = alone.track(pictures[0])[0][:, :2] * 200 / pictures[0].shape[0] + (800, 200)
    alone.close()
    assert np.abs(faces[0][:, :2] - expected).mean() < 2


def test_rings_are_those_of_mediapipe():
    mesh = mediapipe.solutions.face_mesh_connections
    for ring, edges in (
        (points.FACE_OVAL, mesh.FACEMESH_FACE_OVAL),
        (points.RIGHT_EYE, mesh.FACEMESH_RIGHT_EYE),
        (points.LEFT_EYE, mesh.FACEMESH_LEFT_EYE),
        (points.RIGHT_IRIS, mesh.FACEMESH_RIGHT_IRIS),
        (points.LEFT_IRIS, mesh.FACEMESH_LEFT_IRIS),
    ):
        around = {frozenset(pair) for pair in zip(ring, np.roll(ring, -1), strict=True)}
        assert len(around & {frozenset(edge) for edge in edges}) >= len(ring) - 1
    lips = {frozenset(edge) for edge in mesh.FACEMESH_LIPS}
    for ring in (points.OUTER_LIPS, points.INNER_LIPS):
        assert {frozenset(pair) for pair in zip(ring, np.roll(ring, -1), strict=True)} <= lips
    brows = {index for edge in mesh.FACEMESH_RIGHT_EYEBROW for index in edge}
    assert brows == set(points.RIGHT_BROW)


def test_second_provider_asks_for_its_model(tmp_path):
    with pytest.raises(D3Error, match=r"face_landmarker\.task"):
        open_tracker("tasks")
    with pytest.raises(D3Error, match="is missing"):
        open_tracker("auto", tmp_path / "face.task")
    (tmp_path / "face.task").write_bytes(b"not a model")
    with pytest.raises(D3Error, match="is no face landmarker"):
        open_tracker("tasks", tmp_path / "face.task")
