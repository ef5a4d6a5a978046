import numpy as np
import pytest
from synthetic_face import make_face

from d3talker.tracking import points
from d3talker.tracking.mirror import MIRROR, MirroredTracker, mirrored


def test_mirror_is_its_own_inverse_and_swaps_named_parts():
    assert np.array_equal(MIRROR[MIRROR], np.arange(points.COUNT))
    assert np.count_nonzero(np.arange(points.COUNT) == MIRROR) == 28  # the midline
    assert np.array_equal(MIRROR[points.MIDLINE], points.MIDLINE)
    assert np.array_equal(MIRROR[points.MIRROR_PAIRS[:, 0]], points.MIRROR_PAIRS[:, 1])
    for one, other in (
        (points.RIGHT_EYE, points.LEFT_EYE),
        (points.RIGHT_BROW, points.LEFT_BROW),
        (points.RIGHT_IRIS, points.LEFT_IRIS),
        (points.RIGHT_UPPER_LID, points.LEFT_UPPER_LID),
        (points.INNER_LIPS, points.INNER_LIPS),
        (points.FACE_OVAL, points.FACE_OVAL),
    ):
        assert set(MIRROR[one]) == set(other)


class Pointer:
    """Finds, as a face of 478 points, every bright pixel of a frame, with an error of its own to the right."""

    name = "pointer"

    def track(self, frame):
        rows, columns = np.nonzero(frame[..., 0] > 128)
        shape = 300 * make_face(np.random.default_rng(0)) * (1, -1, -1)
        return [shape + (column + 0.5 + 2, row + 0.5, 0) for row, column in zip(rows, columns, strict=True)]

    def close(self) -> None:
        pass


def test_errors_to_one_side_cancel():
    frame = np.zeros((100, 200, 3), dtype=np.uint8)
    frame[40, 60] = frame[70, 150] = 255
    tracker = MirroredTracker(Pointer)
    faces = sorted(tracker.track(frame), key=lambda face: face[0, 0])
    assert len(faces) == 2
    middle = faces[0][points.MIDLINE[0]]
    assert middle[0] == pytest.approx(60.5)  # not 62.5
    assert faces[1][points.MIDLINE[0], 0] == pytest.approx(150.5)


def test_flipping_twice_changes_nothing():
    face = np.random.default_rng(1).normal(size=(478, 3)) * 100
    assert np.allclose(mirrored(mirrored(face, 640), 640), face)
