"""Recorded work: itself on the CPU; on a GPU the same numbers as without a recording."""

import pytest
import torch
from torch import Tensor

from d3talker.ops.recorded import recorded


def work(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    return torch.relu(a @ b), b.sum(dim=0)


def test_on_the_cpu_it_is_the_work_itself() -> None:
    assert recorded(work, torch.zeros(3, 4), torch.zeros(4, 2)) is work


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_replayed_it_follows_its_inputs() -> None:
    generator = torch.Generator().manual_seed(0)
    replayed = recorded(work, torch.zeros(3, 4, device="cuda"), torch.zeros(4, 2, device="cuda"))
    for _ in range(3):
        inputs = [torch.randn(*shape, generator=generator).cuda() for shape in ((3, 4), (4, 2))]
        for seen, wanted in zip(replayed(*inputs), work(*inputs), strict=True):
            torch.testing.assert_close(seen, wanted)
