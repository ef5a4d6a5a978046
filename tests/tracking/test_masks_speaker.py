"""The real segmentation and landmark networks on the built-in speaker, whose labels are known."""

import numpy as np
import pytest

from d3talker.media.video import read_frames
from d3talker.speaker import make_speaker_video
from d3talker.tracking.landmarks import open_tracker
from d3talker.tracking.masks import PersonSegmenter, label_frame


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    """One frame of a short-haired speaker, its true labels and its landmarks."""
    path = tmp_path_factory.mktemp("speaker") / "speaker.mp4"
    truth = next(make_speaker_video(path, seed=1, seconds=0.08).labels())
    frame = next(read_frames(path))
    tracker = open_tracker()
    (landmarks,) = tracker.track(frame)
    tracker.close()
    return frame, truth, landmarks


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


def test_labels_agree_with_the_truth(shot):
    frame, truth, landmarks = shot
    labels = label_frame(frame, PersonSegmenter().segment(frame), landmarks)
    assert overlap(labels > 0, truth > 0) > 0.95
    assert overlap(labels >= 2, truth >= 2) > 0.9
    assert overlap(labels == 3, truth == 3) > 0.8
    assert overlap(labels == 1, truth == 1) > 0.9


def test_mask_follows_a_jump_at_once(shot):
    frame, _, _ = shot
    segmenter = PersonSegmenter()
    before = [segmenter.segment(frame) > 0.5 for _ in range(3)][-1]
    moved = np.roll(frame, 12, axis=1)
    at_once, fresh = segmenter.segment(moved) > 0.5, PersonSegmenter().segment(moved) > 0.5
    assert (at_once != fresh).sum() < 0.1 * (at_once != before).sum()
