import numpy as np
import pytest

from d3talker.tracking.regions import fill_polygon, hairline_zone, inside_mouth, torso_region


def test_polygon_covers_exactly_the_pixel_centres_inside():
    square = np.array([[2.0, 1.0], [6.0, 1.0], [6.0, 4.0], [2.0, 4.0]])
    expected = np.zeros((8, 9), dtype=bool)
    expected[1:4, 2:6] = True
    np.testing.assert_array_equal(fill_polygon(square, 8, 9), expected)
    np.testing.assert_array_equal(fill_polygon(square[::-1], 8, 9), expected)


def test_polygon_of_a_circle_has_its_area_and_is_cut_off_at_the_border():
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.stack([50 + 30 * np.cos(angle), 50 + 30 * np.sin(angle)], axis=1)
    assert fill_polygon(circle, 100, 100).sum() == pytest.approx(np.pi * 900, rel=0.005)
    assert fill_polygon(circle - 50, 100, 100).sum() == pytest.approx(np.pi * 900 / 4, rel=0.01)
    assert not fill_polygon(circle + 200, 100, 100).any()


def test_polygon_with_a_dent_follows_the_even_odd_rule():
    dented = np.array([[0, 0], [10, 0], [10, 10], [5, 5], [0, 10]], dtype=float)
    filled = fill_polygon(dented, 10, 10)
    assert filled[7, 1]
    assert filled[7, 8]
    assert not filled[8, 5]


def test_mouth_is_empty_when_closed_and_has_its_area_when_open(layout):
    assert inside_mouth(layout(opening=0.5), 256, 256).sum() == 0
    opened = inside_mouth(layout(opening=16.0), 256, 256)
    assert opened.sum() == pytest.approx(np.pi / 4 * 40 * 16, rel=0.1)


def test_neck_border_beside_the_face_stays_when_the_mouth_opens(layout):
    person = np.ones((256, 256), dtype=bool)
    closed, opened = layout(), layout()
    opened[[152, 148, 176, 149, 377, 400, 378], 1] += 8  # the chin drops, the jaw angles stay
    before, after = torso_region(person, closed), torso_region(person, opened)
    assert before[200, 128] != after[200, 128]  # 5 px under the resting chin: neck, then chin
    np.testing.assert_array_equal(before[:, :60], after[:, :60])
    np.testing.assert_array_equal(before[:, -60:], after[:, -60:])


def test_shoulders_above_the_chin_are_torso_and_long_hair_is_not(layout):
    chin = 190
    long_hair = np.zeros((256, 256), dtype=bool)
    long_hair[40:256, 30:226] = True
    short_hair = np.zeros((256, 256), dtype=bool)
    short_hair[40:160, 55:201] = True
    short_hair[160:172, 90:166] = True  # the neck
    short_hair[172:, :] = True  # shoulders begin above the chin
    assert not torso_region(long_hair, layout())[: chin - 5, 32:60].any()
    assert torso_region(long_hair, layout())[chin + 5 :, 32:60].all()
    assert torso_region(short_hair, layout())[172:, :45].all()
    assert not (torso_region(short_hair, layout()) & short_hair)[:148].any()


def test_hairline_zone_spares_brows_eyes_and_the_middle_of_the_cheeks(layout):
    points = layout()
    zone, reach = hairline_zone(points, 256, 256)
    for spared in (points[105], points[334], points[4], (128, 130)):
        assert not zone[int(spared[1]), int(spared[0])]
    assert zone[15, 128]
    assert zone[120, 50]
    assert reach[4, 128]  # the forehead may reach a little above the outline
    assert not reach[180, 60]
