"""Work that is always the same but for its numbers: a GPU repeats it without being told kernel by kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

_WARM_UPS = 3  # calls in which libraries choose kernels and take memory, which they cannot while they are recorded
Result = TypeVar("Result")


def recorded(work: Callable[..., Result], *examples: Tensor) -> Callable[..., Result]:
    """``work`` as it is on the CPU; on a GPU it is recorded once, as a CUDA graph, and then replayed.

    Args:
        work: a function of tensors shaped as ``examples``, without gradient. It decides nothing by numbers and copies
            nothing from the host, and the tensors that it reads besides stay where they are.
        examples: tensors on the device.

    Returns:
        The same function. On a GPU every call writes its result over that of the call before.
    """
    return _Recording(work, examples) if examples[0].is_cuda else work


class _Recording(Generic[Result]):
    """A CUDA graph with the tensors that it reads and writes."""

    def __init__(self, work: Callable[..., Result], examples: tuple[Tensor, ...]) -> None:
        self._work = work  # keeps alive what the graph reads
        self._inputs = [example.clone() for example in examples]
        with torch.no_grad(), torch.cuda.device(examples[0].device):
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UPS):
                    work(*self._inputs)
            torch.cuda.current_stream().wait_stream(aside)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph):
                self._result = work(*self._inputs)

    def __call__(self, *inputs: Tensor) -> Result:
        for place, fresh in zip(self._inputs, inputs, strict=True):
            place.copy_(fresh)
        self._graph.replay()
        return self._result
