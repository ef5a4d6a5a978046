import numpy as np
import pytest

from d3talker.speaker import make_identity
from d3talker.speaker.face_pose import Controls, FacePoser
from d3talker.speaker.head_mesh import build_skin
from d3talker.speaker.person import mouth_marks


@pytest.fixture(scope="module", params=[0, 1])
def poser(request):
    identity = make_identity(request.param)
    return FacePoser(build_skin(identity), identity)


def rims(poser, slit):
    outside = (poser.skin.slit == slit) & (poser.skin.layer == 0)
    return (np.flatnonzero(outside & (poser.skin.side == side)) for side in (1, -1))


def test_grid(poser):
    skin = poser.skin
    assert 10_000 < len(skin.points) < 45_000
    assert skin.triangles.min() == 0
    assert skin.triangles.max() == len(skin.points) - 1
    assert np.isfinite(skin.points).all()
    longest = np.linalg.norm(np.diff(skin.points[skin.triangles[:, [0, 1, 2, 0]]], axis=1), axis=-1).max()
    assert longest < 0.06  # no triangle joins places that are far apart
    left, right = skin.points[:, 0].min(), skin.points[:, 0].max()
    assert left == pytest.approx(-right, rel=1e-3)


def test_both_lips_meet_at_rest_and_open_as_told(poser):
    top, bottom = rims(poser, 1)
    np.testing.assert_allclose(poser.rest[top, :2], poser.rest[bottom, :2], atol=1e-9)
    upper, lower, left, right = mouth_marks(poser.skin, poser.identity)
    for gap, jaw in ((0.0, 0.0), (0.0, 0.05), (0.006, 0.02), (0.014, 0.12)):
        points = poser.pose(Controls(jaw=jaw, lip_gap=gap))
        assert points[upper, 1] - points[lower, 1] == pytest.approx(gap, abs=1e-9)
        assert np.abs(points[left] - points[right])[1:].max() < 1e-9  # symmetric


def test_lips_never_cross(poser):
    top, bottom = rims(poser, 1)
    for controls in (Controls(jaw=0.06), Controls(jaw=0.1, lip_gap=0.002, lip_spread=-0.005), Controls(smile=1)):
        points = poser.pose(controls)
        assert (points[top, 1] - points[bottom, 1]).min() > -2e-4


def test_spread_widens_and_rounding_narrows(poser):
    *_, left, right = mouth_marks(poser.skin, poser.identity)

    def width(spread):
        points = poser.pose(Controls(lip_spread=spread))
        return points[right, 0] - points[left, 0]

    assert width(0.002) - width(0) == pytest.approx(0.004, abs=4e-4)
    assert width(0) - width(-0.005) == pytest.approx(0.010, abs=1e-3)


def test_jaw_moves_the_chin_and_leaves_the_brow(poser):
    moved = np.linalg.norm(poser.pose(Controls(jaw=0.1, lip_gap=0.01)) - poser.pose(Controls()), axis=1)
    skin = poser.skin
    front = (np.abs(skin.across) < 0.01) & (np.abs(skin.angle) < 0.5)
    assert moved[front & (skin.along > -0.105) & (skin.along < -0.095)].min() > 0.007
    assert moved[skin.along > -0.02].max() == 0
    assert moved[skin.row > 20].max() == 0


def test_lids_close(poser):
    for slit in (2, 3):
        top, bottom = rims(poser, slit)
        height = [np.max((points := poser.pose(Controls(blink=b)))[top, 1] - points[bottom, 1]) for b in (0, 0.5, 1)]
        assert 0.007 < height[0] < 0.013
        assert 0.3 < height[1] / height[0] < 0.7
        assert abs(height[2]) < 3e-4
