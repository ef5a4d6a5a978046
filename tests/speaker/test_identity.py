import numpy as np
import pytest

from d3talker.speaker import make_identity
from d3talker.speaker.hair import build_hair
from d3talker.speaker.identity import STYLES


def test_same_seed_same_person():
    assert make_identity(5) == make_identity(5)
    hair, again = build_hair(make_identity(5)), build_hair(make_identity(5))
    np.testing.assert_array_equal(hair.points, again.points)


def test_people_differ():
    people = [make_identity(seed) for seed in range(12)]
    assert {person.style for person in people} == set(STYLES)
    assert len({person.skin for person in people}) == 12
    light = [sum(person.skin) for person in people]
    assert max(light) > 2 * min(light)


@pytest.mark.parametrize("seed", range(4))
def test_hair_leaves_the_face_free(seed):
    points = build_hair(make_identity(seed)).points
    over_eyes = (np.abs(points[:, 0]) < 0.045) & (np.abs(points[:, 1] - 0.005) < 0.020) & (points[:, 2] > 0.04)
    assert not over_eyes.any()
    assert points[:, 1].max() < 0.16


def test_seed_must_not_be_negative():
    with pytest.raises(ValueError, match="non-negative"):
        make_identity(-1)
