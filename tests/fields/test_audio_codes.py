"""Speech codes: sizes of the published networks, windows at the ends, seeds."""

import pytest
import torch

from d3talker.fields.audio import AudioAttention, AudioNet, audio_encoder


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameter_counts_are_those_of_the_paper_code() -> None:
    assert parameters(AudioNet(29, seeded())) == 30_720
    assert parameters(AudioAttention(seeded())) == 2_149


@pytest.mark.parametrize("frame", [-5, 0, 3, 9, 10, 400])
def test_there_are_always_eight_windows(frame: int) -> None:
    around = audio_encoder(32, seeded()).around(torch.tensor([frame]), 10)
    assert around.shape == (1, 8)
    assert int(around.min()) >= 0
    assert int(around.max()) <= 9


@pytest.mark.parametrize(
    ("frame", "windows"),
    [(0, [0, 0, 0, 0, 0, 1, 2, 3]), (9, [5, 6, 7, 8, 9, 9, 9, 9]), (-(10**15), [0] * 8), (10**15, [9] * 8)],
)
def test_the_ends_repeat_the_first_and_the_last_window(frame: int, windows: list[int]) -> None:
    """The papers' code has zeros there, and crashes one frame past the end."""
    assert audio_encoder(29, seeded()).around(torch.tensor([frame]), 10)[0].tolist() == windows


def test_place_four_is_the_frame_itself() -> None:
    assert audio_encoder(32, seeded()).around(torch.tensor([20]), 50)[0].tolist() == [16, 17, 18, 19, 20, 21, 22, 23]


def test_codes_do_not_depend_on_the_batch() -> None:
    encoder = audio_encoder(32, seeded())
    windows = torch.randn(30, 16, 32, generator=seeded())
    together = encoder(windows, torch.arange(30))
    alone = torch.cat([encoder(windows, torch.tensor([i])) for i in range(30)])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=1e-5)


def test_two_draws_with_one_seed_agree() -> None:
    first, second = AudioNet(32, seeded()), AudioNet(32, seeded())
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
