import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.tracking.selection import FaceFollower, choose_run


def face(x: float = 200.0, width: float = 100.0) -> np.ndarray:
    """(478, 3) points that fill a box of the given width about x."""
    marks = np.zeros((478, 3), dtype=np.float32)
    marks[:, 0] = x + np.linspace(-width / 2, width / 2, 478)
    marks[:, 1] = 150 + np.linspace(-width / 2, width / 2, 478)
    return marks


def follow(frames: list[list[np.ndarray]], longest_gap: int = 2) -> FaceFollower:
    follower = FaceFollower(longest_gap)
    for faces in frames:
        follower.add(faces)
    return follower


def test_longest_run_is_chosen_and_its_seconds_are_told():
    follower = follow([[face()]] * 80 + [[]] * 10 + [[face()]] * 120 + [[]] * 5)
    run, warnings = choose_run(follower, 25, 3.0, "clip.mp4")
    assert (run.first, run.end) == (90, 210)
    assert warnings == ["the face is not in every frame: used 3.60 s to 8.40 s of 8.60 s"]


def test_larger_of_two_faces_is_taken_whatever_their_order():
    pairs = [[face(100, 80), face(400, 140)], [face(401, 141), face(101, 80)]] * 50
    run, warnings = choose_run(follow(pairs), 25, 3.0, "clip.mp4")
    assert run.frames == 100
    assert all(abs(marks[:, 0].mean() - 400) < 3 for marks in run.landmarks)
    assert len(warnings) == 1
    assert "more than one face: took the larger one (140 pixels wide)" in warnings[0]


def test_a_larger_passer_by_does_not_win():
    frames = [[face(100, 80)]] * 40 + [[face(100, 80), face(400, 140)]] * 20 + [[face(100, 80)]] * 60
    run, warnings = choose_run(follow(frames), 25, 3.0, "clip.mp4")
    assert run.frames == 120
    assert "more than one face" in warnings[0]


def test_short_gaps_are_bridged_in_a_straight_line():
    follower = follow([[face(200)]] * 40 + [[]] * 2 + [[face(203)]] * 40)
    run, warnings = choose_run(follower, 25, 3.0, "clip.mp4")
    assert run.frames == 82
    assert [round(float(marks[:, 0].mean()), 3) for marks in run.landmarks[39:43]] == [200, 201, 202, 203]
    assert warnings == ["2 frames without a face were bridged by interpolation"]


def test_a_jump_to_another_place_or_size_ends_the_run():
    assert [run.frames for run in follow([[face(100)]] * 10 + [[face(300)]] * 20).runs] == [10, 20]
    assert [run.frames for run in follow([[face(100, 80)]] * 10 + [[face(100, 200)]] * 20).runs] == [10, 20]


@pytest.mark.parametrize(
    ("frames", "seen"),
    [
        ([[face()]] * 50, "lasts 2.0 s"),
        ([[]] * 100, "shows no face"),
        (([[face()]] * 50 + [[]] * 5) * 2, "shows a face for 2.0 s at most (from 0.0 s)"),
    ],
)
def test_bad_clips_get_one_clear_line(frames, seen):
    with pytest.raises(D3Error) as error:
        choose_run(follow(frames), 25, 3.0, "clip.mp4")
    assert seen in str(error.value)
    assert "\n" not in str(error.value)
