"""Which device to compute on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from d3talker.core.errors import D3Error

if TYPE_CHECKING:
    import torch


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` takes CUDA where it works and the CPU elsewhere; ``cpu`` and ``cuda`` (``cuda:1``) are taken as asked.

    Raises:
        D3Error: not a device, or not one of this machine.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise D3Error(
            f"the device {name!r} does not work here", "auto, cpu or cuda", "See `d3talker doctor` for what works."
        ) from None
    return device
