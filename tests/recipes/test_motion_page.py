"""The page of a motion video: sizes, pictures in place, a cursor that walks, curves that tell."""

import numpy as np
import pytest

from d3talker.recipes.motion_page import COLOURS, Page

WHITE, BLUE, ORANGE = np.array([255, 255, 255]), np.array(COLOURS[0]), np.array(COLOURS[1])


def near(picture: np.ndarray, colour: np.ndarray, within: int = 40) -> np.ndarray:
    return (np.abs(picture.astype(int) - colour) <= within).all(axis=2)


def page(width: int = 1280, curves: tuple[str, ...] = ("predicted",), frames: int = 50) -> Page:
    made = Page(width, "speech.wav", 0.5, frames)
    made.name(("one", "two", "three"), curves)
    return made


def plain(made: Page) -> list[np.ndarray]:
    size = made.panel_height
    return [np.full((size, size, 3), value, np.uint8) for value in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]


def samples(frames: int) -> np.ndarray:
    return (0.5 * np.sin(np.arange(frames * 1920) / 10)).astype(np.float32)


@pytest.mark.parametrize(("width", "size"), [(320, (180, 320)), (641, (360, 642)), (1280, (720, 1280))])
def test_sizes_are_even_and_the_pictures_stand_side_by_side(width: int, size: tuple[int, int]) -> None:
    made = page(width)
    made.turn(0, samples(50), [np.zeros(50)])
    picture = made.frame(0, plain(made))
    assert picture.shape == (*size, 3)
    middle = picture[size[0] // 3]
    for place, colour in ((1 / 6, (200, 0, 0)), (1 / 2, (0, 200, 0)), (5 / 6, (0, 0, 200))):
        assert np.array_equal(middle[round(place * size[1])], colour)


def test_the_cursor_walks_evenly_from_left_to_right() -> None:
    made = page()
    made.turn(100, samples(50), [np.zeros(50)])
    places = [
        np.flatnonzero(near(made.frame(100 + i, plain(made))[620:622], WHITE).all(axis=0)).mean() for i in (0, 20, 49)
    ]
    assert places[0] == pytest.approx(72 + 0.5 / 50 * 1193, abs=2)
    assert (places[1] - places[0]) / 20 == pytest.approx((places[2] - places[1]) / 29, abs=0.1)


def test_a_wider_opening_is_drawn_higher_and_shut_lips_have_a_bar() -> None:
    made, opening = page(), np.concatenate([np.zeros(25), np.full(25, 0.012)])
    made.turn(0, samples(50), [opening])
    trace = made.frame(49, plain(made))[578:684]
    shut, wide = (
        np.flatnonzero(near(trace[:, columns], BLUE).any(axis=1)).mean()
        for columns in (slice(200, 600), slice(750, 1200))
    )
    assert shut - wide == pytest.approx(12 / 21 * 94, abs=3)  # millimetres of 21, over 94 pixels
    bar = near(trace[-4:], BLUE // 2, 8).all(axis=0)
    assert bar[100:640].all()
    assert not bar[700:].any()


def test_the_truth_is_drawn_where_there_is_one() -> None:
    made, truth = page(curves=("predicted", "tracked")), np.full(50, np.nan)
    truth[10:20] = 0.008
    made.turn(0, samples(50), [np.full(50, 0.003), truth])
    drawn = near(made.frame(0, plain(made))[578:684], ORANGE).any(axis=0)
    columns = np.flatnonzero(drawn)
    assert columns.min() == pytest.approx(72 + 10.5 / 50 * 1193, abs=3)
    assert columns.max() == pytest.approx(72 + 19.5 / 50 * 1193, abs=3)


def test_loud_sound_is_drawn_tall_and_silence_flat() -> None:
    made, sound = page(), samples(50)
    sound[: len(sound) // 2] = 0
    made.turn(0, sound, [np.zeros(50)])
    wave = near(made.frame(49, plain(made))[498:570], np.array([96, 112, 136]))
    tall = wave.sum(axis=0)
    assert tall[200:640].max() <= 4
    assert tall[700:1200].min() > 40
