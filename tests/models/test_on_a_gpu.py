"""What a GPU is asked at every step, on tensors that have shapes and no numbers: nothing may wait for it.

The device "meta" stands for the GPU: a number that is read is an error there, and what is copied from the host is seen.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from d3talker.config.method import D3TALKER, adapted
from d3talker.losses.regularisers import coverage, landmark_error, misplaced_attention, motion_size
from d3talker.models.animate import FrozenFields
from d3talker.models.gaussians import Gaussians, start_gaussians
from d3talker.models.head import Head, build_head
from d3talker.ops.camera import project
from d3talker.ops.photometric import photometric_loss

DEVICE = torch.device("meta")


class Copied(Exception):
    """Something came from the host."""


class NoTensorOfTheHost(TorchDispatchMode):
    """Refuses operations on tensors of the host, and indices: those that are lists come from there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [part for part in tree_leaves((args, kwargs)) if isinstance(part, Tensor)]
        if func is torch.ops.aten.index.Tensor or any(part.device != DEVICE for part in tensors):
            raise Copied(str(func))
        return func(*args, **(kwargs or {}))


class NoNewTensor(TorchFunctionMode):
    """Refuses tensors of Python's numbers."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.tensor:
            raise Copied(str(func))
        return func(*args, **(kwargs or {}))


def tensor(*shape: int) -> Tensor:
    return torch.empty(*shape, device=DEVICE)


def cloud(count: int) -> Gaussians:
    return start_gaussians(tensor(count, 3), tensor(count, 3), tensor(count), 2)


def head() -> Head:
    with torch.device(DEVICE):
        return build_head(adapted(D3TALKER), 29, cloud(150), cloud(60), torch.Generator())


def frozen_fields() -> Callable[[], None]:
    with torch.no_grad():
        fields = FrozenFields.of(head(), "all")
    silence = fields.silence(DEVICE)

    def work() -> None:
        with torch.no_grad():
            face, mouth = fields.moved(*silence)
        assert (len(face.position), len(mouth.position)) == (150, 60)

    return work


def learning_fields() -> Callable[[], None]:
    branch = head().face

    def work() -> None:
        resting = branch.rest_at(tensor(200, 3))
        parts = branch.parts(resting, [tensor(32) for _ in resting], tensor(6))
        loss = landmark_error(parts[0], tensor(200, 3), tensor(200)) + motion_size(parts[1])
        for rest in resting:
            for attention in rest.attentions:
                loss = loss + misplaced_attention(attention, tensor(200), tensor(200) > 0)
        loss.backward()
        assert branch.driven[0].field.tables.grad is not None

    return work


def picture_losses() -> Callable[[], None]:
    def work() -> None:
        image = tensor(1, 64, 64, 3).requires_grad_()
        loss = photometric_loss(image, tensor(1, 64, 64, 3))
        (loss + coverage(image[..., 0], tensor(1, 64, 64), tensor(1, 64, 64))).backward()

    return work


def places_in_the_picture() -> Callable[[], None]:
    def work() -> None:
        project(tensor(150, 3), tensor(4, 4), tensor(3, 3))

    return work


@pytest.mark.parametrize(
    "prepared", [frozen_fields, learning_fields, picture_losses, places_in_the_picture], ids=lambda work: work.__name__
)
def test_nothing_waits_after_the_first_step(prepared: Callable[[], Callable[[], None]]) -> None:
    work = prepared()
    work()  # constants may come
    with NoTensorOfTheHost(), NoNewTensor():
        work()


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: x[:, [0, 1]],
        lambda x: x * torch.tensor([1.0, 2.0, 3.0], device=DEVICE),
        lambda x: x + torch.ones(3).to(DEVICE),
    ],
    ids=["a number read", "a list as an index", "a list as a tensor", "a copy"],
)
def test_what_waits_is_seen(waits: Callable[[Tensor], object]) -> None:
    x = tensor(3, 3)
    with pytest.raises((Copied, RuntimeError)), NoTensorOfTheHost(), NoNewTensor():
        waits(x)
