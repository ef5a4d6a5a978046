"""The curriculum always finds a frame."""

import numpy as np
import pytest
import torch

from d3talker.recipes.adapt.curriculum import closing_eyes, draw_frame, open_mouths, opening_mouths, within


@pytest.mark.parametrize("progress", [0.0, 0.3, 0.99, 1.0])
def test_a_clip_without_blinks_and_with_a_shut_mouth_terminates(progress: float) -> None:
    still = np.zeros(50)
    for candidates in (
        closing_eyes(still, progress, np.arange(50)),
        opening_mouths(still, progress, np.arange(50)),
        open_mouths(still, progress, np.arange(3, 9)),
    ):
        assert len(candidates) >= 1
        assert 0 <= draw_frame(candidates, torch.Generator().manual_seed(0)) < 50


def test_the_nearest_frames_stand_in_where_none_fits() -> None:
    values, everyone = np.linspace(0, 1, 100), np.arange(100)
    assert within(values, 2.0, 3.0, everyone).tolist() == list(range(99, 91, -1))
    assert within(values, 0.5, 0.52, everyone).tolist() == [50, 51]


def test_mouths_open_with_progress() -> None:
    opening, everyone = np.linspace(0, 0.02, 101), np.arange(101)
    assert opening[opening_mouths(opening, 0.0, everyone)].max() < opening[opening_mouths(opening, 1.0, everyone)].max()
    assert opening[opening_mouths(opening, 1.0, everyone)].min() > opening[opening_mouths(opening, 0.0, everyone)].min()
    widest, all_open = open_mouths(opening, 0.0, everyone), open_mouths(opening, 1.0, everyone)
    assert widest.min() == 95
    assert all_open.min() in (25, 26)
    assert set(opening_mouths(opening, 0.5, np.arange(20, 60))) <= set(range(20, 60))


def test_every_candidate_is_drawn() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = {draw_frame(np.array([3, 5, 9]), generator) for _ in range(100)}
    assert drawn == {3, 5, 9}
