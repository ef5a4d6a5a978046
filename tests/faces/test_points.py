import numpy as np

from d3talker.faces import points
from d3talker.faces.points import MIRROR


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
        (points.LOWER_FACE, points.LOWER_FACE),
    ):
        assert set(MIRROR[one]) == set(other)


def test_parts_that_are_weighted_differently_share_no_point():
    parts = np.concatenate([points.LIPS, points.LIDS, points.LOWER_FACE, points.FACE_OVAL])
    assert len(parts) == len(set(parts.tolist())) == 40 + 32 + 111 + 36
