"""Which rasterizer backends work on this machine."""

from __future__ import annotations

import functools
import importlib
import importlib.util

import torch
from torch import Tensor


def available_backends() -> dict[str, str]:
    """Backend name -> "ready", or why it cannot be used here.

    The first call may compile gsplat's CUDA code, which takes minutes, where gsplat and a CUDA device are present.
    """
    return {"reference": "ready", "cpu": "ready", "gsplat": _probe_gsplat()}


def choose_backend(means: Tensor) -> str:
    """The fastest backend for a tensor: gsplat on CUDA where it works, cpu for float32 on the CPU, else reference."""
    if means.device.type == "cuda" and available_backends()["gsplat"] == "ready":
        return "gsplat"
    if means.device.type == "cpu" and means.dtype == torch.float32:
        return "cpu"
    return "reference"


@functools.cache
def _probe_gsplat() -> str:
    if not torch.cuda.is_available():
        return "torch finds no CUDA device"
    if importlib.util.find_spec("gsplat") is None:
        return 'gsplat is not installed (pip install "d3talker[gpu]")'
    try:
        compiled = importlib.import_module("gsplat.cuda._backend")._C
    except Exception as error:  # a failed compilation raises anything
        return f"gsplat does not load: {str(error).strip().splitlines()[0] if str(error).strip() else repr(error)}"
    return (
        "ready" if compiled is not None else "gsplat found neither compiled kernels nor a CUDA toolkit to compile them"
    )
