from collections import Counter

import numpy as np

from d3talker.tracking.face_triangles import face_triangles, oriented
from d3talker.tracking.points import FACE_OVAL, INNER_LIPS, LEFT_EYE, RIGHT_EYE


def test_mesh_has_the_known_size_and_its_four_borders():
    triangles = face_triangles()
    assert triangles.shape == (852, 3)
    np.testing.assert_array_equal(np.unique(triangles), np.arange(468))
    runs = [(int(a), int(b)) for t in triangles for a, b in zip(t, np.roll(t, -1), strict=True)]
    assert max(Counter(runs).values()) == 1  # every edge is run once each way: one side, no face twice
    border = {frozenset(edge) for edge in runs if edge[::-1] not in set(runs)}
    rings = [FACE_OVAL, INNER_LIPS, LEFT_EYE, RIGHT_EYE]
    expected = {frozenset(map(int, edge)) for ring in rings for edge in zip(ring, np.roll(ring, -1), strict=True)}
    assert border == expected


def test_faces_are_turned_to_the_viewer_whatever_their_order():
    # 10 at the top, 338 to its right, 20 and 30 below: seen from the front, counter-clockwise is 10, 20, 338.
    turned = oriented({(10, 20, 338), (20, 30, 338)})
    np.testing.assert_array_equal(turned, [[10, 20, 338], [20, 30, 338]])
