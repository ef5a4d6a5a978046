import numpy as np
import pytest
from synthetic_face import make_face

from d3talker.faces import points
from d3talker.tracking.mirror import MirroredTracker, mirrored


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
