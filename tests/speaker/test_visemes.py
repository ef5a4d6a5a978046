from d3talker.phonetics.classes import CLASSES
from d3talker.speaker.visemes import VISEMES


def test_one_viseme_a_class():
    assert tuple(VISEMES) == CLASSES


def test_lips_meet_for_bilabials_only_and_round_for_u():
    assert {name for name, viseme in VISEMES.items() if viseme.closure} == {"p", "m"}
    assert VISEMES["u"].spread < -3 < 1 < VISEMES["i"].spread
    assert VISEMES["a"].jaw == max(viseme.jaw for viseme in VISEMES.values())
