import numpy as np
import pytest

from d3talker.tracking.masks import guided_filter, label_frame, one_person, settled, shrunk
from d3talker.tracking.regions import face_oval

SKIN, HAIR, SHIRT, WALL, TONGUE = (200, 150, 130), (60, 40, 30), (30, 60, 160), (210, 210, 200), (120, 40, 40)


def draw(layout, hairline=40, opening=16.0):
    """A head of shapes: a skin ellipse, a larger hair ellipse behind and above, a neck and a torso."""
    points = layout(opening=opening)
    rows, columns = np.mgrid[:256, :256] + 0.5
    oval = face_oval(points, 256, 256)
    hair = ((columns - 128) / 80) ** 2 + ((rows - 88) / 86) ** 2 < 1
    neck = (np.abs(columns - 128) < 45) & (rows > 150)
    torso = (np.abs(columns - 128) < 100) & (rows > 215)
    mouth = ((columns - 128) / 20) ** 2 + ((rows - 145) / (opening / 2)) ** 2 < 1
    face = (oval & (rows > hairline)) & ~mouth
    truth = np.zeros((256, 256), dtype=np.uint8)
    truth[neck | torso], truth[hair | oval], truth[face], truth[mouth] = 1, 2, 3, 4
    palette = np.array([WALL, SHIRT, HAIR, SKIN, TONGUE], dtype=np.uint8)
    frame = palette[truth]
    frame[neck & (rows < 215) & (truth == 1)] = SKIN
    noise = np.random.default_rng(0).integers(-6, 7, frame.shape)
    return np.clip(frame + noise, 0, 255).astype(np.uint8), points, truth


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("hairline", [20, 40])
def test_labels_of_a_constructed_head(layout, hairline):
    frame, points, truth = draw(layout, hairline)
    labels = label_frame(frame, (truth > 0).astype(np.float32), points)
    assert labels.dtype == np.uint8
    assert labels.shape == (256, 256)
    np.testing.assert_array_equal(labels > 0, truth > 0)
    floors = {1: 0.97, 2: 0.9, 3: 0.97, 4: 0.85}
    for label, floor in floors.items():
        assert overlap(labels == label, truth == label) > floor, label


def test_hairline_follows_the_colours(layout):
    low, points, truth = draw(layout, hairline=45)
    high, _, _ = draw(layout, hairline=15)
    person = (truth > 0).astype(np.float32)
    top = [np.flatnonzero((label_frame(frame, person, points) == 3)[:, 128])[0] for frame in (low, high)]
    assert top == pytest.approx([45, 15], abs=3)


def test_bald_head_keeps_the_outline_of_the_landmarks(layout):
    frame, points, truth = draw(layout)
    frame[truth == 2] = SKIN
    labels = label_frame(frame, (truth > 0).astype(np.float32), points)
    np.testing.assert_array_equal(np.isin(labels, (3, 4)), face_oval(points, 256, 256))


def test_closed_mouth_has_no_inside(layout):
    frame, _, truth = draw(layout)
    labels = label_frame(frame, (truth > 0).astype(np.float32), layout(opening=0.5))
    assert not (labels == 4).any()


def test_neck_border_ignores_colours(layout):
    frame, points, truth = draw(layout)
    person = (truth > 0).astype(np.float32)
    darker = frame.copy()
    darker[190:215] //= 3
    np.testing.assert_array_equal(label_frame(frame, person, points) == 1, label_frame(darker, person, points) == 1)


def test_one_person_drops_the_others_and_closes_holes():
    person = np.zeros((100, 100), dtype=bool)
    person[20:80, 30:70] = True
    person[40:45, 50:55] = False  # a hole of 25 pixels
    person[10:30, 85:95] = True  # somebody else
    face = np.zeros_like(person)
    face[30:50, 45:60] = True
    found = one_person(person, face)
    expected = np.zeros_like(person)
    expected[20:80, 30:70] = True
    np.testing.assert_array_equal(found, expected)


def test_still_borders_settle_and_moving_ones_do_not_lag():
    rng = np.random.default_rng(0)
    still = rng.random((40, 40))
    noisy = [0.5 + 0.2 * rng.standard_normal((40, 40)) for _ in range(30)]
    answer, answers = noisy[0], []
    for probability in noisy[1:]:
        answer = settled(probability, still + rng.normal(0, 1 / 255, still.shape), answer, still)
        answers.append(answer)
    # A running mean that keeps k of the old has (1 - k) / (1 + k) of the variance: 1 / 3 of the spread at k = 0.8.
    assert np.std(answers[10:]) < 0.5 * 0.2
    moved = still.copy()
    moved[:, 20:] += 0.15
    found = settled(noisy[0], moved, noisy[1], still)
    np.testing.assert_allclose(found[:, 24:], noisy[0][:, 24:], atol=1e-4)
    np.testing.assert_allclose(found[:, :16], (0.2 * noisy[0] + 0.8 * noisy[1])[:, :16], atol=1e-9)


def test_guided_filter_moves_the_border_onto_the_edge():
    picture = np.zeros((64, 64), dtype=np.float32)
    picture[:, 32:] = 0.6  # the true edge
    rough = np.zeros((16, 16), dtype=np.float32)
    rough[:, 9:] = 1.0  # found 4 pixels too far to the right
    refined = guided_filter(picture, shrunk(picture), rough, 2, 1e-3)
    assert refined.shape == (64, 64)
    border = (refined > 0.5).argmax(axis=1)
    np.testing.assert_array_equal(border, 32)
    np.testing.assert_allclose(guided_filter(picture, shrunk(picture), np.ones_like(rough), 2, 1e-3), 1.0, atol=1e-5)


def test_guided_filter_takes_odd_sizes():
    guide = np.random.default_rng(0).random((33, 47), dtype=np.float32)
    refined = guided_filter(guide, shrunk(guide), np.full((9, 12), 0.25, dtype=np.float32), 2, 1e-3)
    np.testing.assert_allclose(refined, np.full((33, 47), 0.25), atol=1e-5)


def test_shrinking_takes_the_means_of_blocks():
    picture = np.arange(48, dtype=np.float32).reshape(6, 8)
    small = shrunk(picture)
    assert small.shape == (2, 2)
    np.testing.assert_allclose(small[0], [picture[:4, :4].mean(), picture[:4, 4:].mean()])
    padded = np.concatenate([picture[4:], picture[-1:], picture[-1:]])
    np.testing.assert_allclose(small[1], [padded[:, :4].mean(), padded[:, 4:].mean()])


@pytest.mark.parametrize("shift", [(0, -90), (0, 130), (-150, 0), (400, 400)])
def test_faces_at_and_beyond_the_border_are_labelled_too(layout, shift):
    frame, points, truth = draw(layout)
    points[:, :2] += shift
    frame, truth = (np.roll(picture, shift[::-1], axis=(0, 1)) for picture in (frame, truth))
    labels = label_frame(frame, (truth > 0).astype(np.float32), points)
    assert set(np.unique(labels)) <= {0, 1, 2, 3, 4}
    alone = label_frame(frame, np.zeros((256, 256), np.float32), points)
    np.testing.assert_array_equal(alone > 0, face_oval(points, 256, 256))  # the landmarks are believed
