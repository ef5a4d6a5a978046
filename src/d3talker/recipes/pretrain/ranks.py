"""Several processes that pre-train together (``torchrun``), each with people of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from d3talker.core.errors import D3Error


@dataclass(frozen=True)
class Ranks:
    """This process among ``count``."""

    number: int = 0
    count: int = 1

    def owns(self, place: int) -> bool:
        """Whether the person at this place is this process's own."""
        return place % self.count == self.number

    def add(self, tensors: list[Tensor]) -> None:
        """Replaces every tensor by its sum over the processes."""
        if self.count > 1:
            with _peers_alive():
                for tensor in tensors:
                    distributed.all_reduce(tensor)

    def pass_on(self, tensors: list[Tensor], place: int) -> None:
        """Gives everybody the tensors of a person's owner."""
        if self.count > 1:
            with _peers_alive():
                for tensor in tensors:
                    distributed.broadcast(tensor, place % self.count)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            with _peers_alive():
                distributed.barrier()


@contextmanager
def _peers_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo and NCCL have no narrower one for a lost connection
        raise D3Error(
            "another process of this run has ended",
            "all of them to live",
            "The same command goes on from the last checkpoint.",
        ) from error


@contextmanager
def ranks_of_torchrun(device: torch.device) -> Iterator[Ranks]:
    """The processes that ``torchrun`` started, or this one alone; gloo on the CPU, NCCL on CUDA."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks()
        return
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
