"""Which twin of an op runs: plain torch, or the kernels for the CPU."""

from __future__ import annotations

import torch
from torch import Tensor


def runs_on_cpu_kernels(backend: str, *tensors: Tensor) -> bool:
    """Whether the CPU kernels take ``tensors``; with "auto" they do when all are float32 in main memory.

    Raises:
        ValueError: ``backend`` is none of auto, reference and cpu, or is cpu and the kernels cannot take the tensors.
    """
    if backend == "reference":
        return False
    if backend not in ("auto", "cpu"):
        raise ValueError(f'backend "{backend}"; wanted auto, reference or cpu')
    unfit = [tensor for tensor in tensors if tensor.device.type != "cpu" or tensor.dtype != torch.float32]
    if unfit and backend == "cpu":
        raise ValueError(f'backend "cpu" takes float32 on the CPU; got {unfit[0].dtype} on {unfit[0].device}')
    return not unfit
