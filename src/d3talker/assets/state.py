"""Stored weights: read without running anything in them, and compared with a network by the first that differs."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from d3talker.core.errors import D3Error
from d3talker.core.files import read_arrays


def read_state(path: Path, fix: str) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors`` file or of one that torch wrote (nothing in it is run), by name.

    Args:
        path: the file.
        fix: what to do if it is not one.

    Raises:
        D3Error: it holds no weights.
    """
    if path.suffix == ".safetensors":
        return {name: torch.from_numpy(values) for name, values in read_arrays(path, fix).items()}
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, pickle.UnpicklingError):
        stored = None
    if not isinstance(stored, dict) or not all(isinstance(values, Tensor) for values in stored.values()):
        raise D3Error(f"{path} holds no weights", "a dictionary of tensors", fix)
    return stored


def require_architecture(
    stored: Mapping[str, Tensor] | Mapping[str, np.ndarray], wanted: Mapping[str, Tensor], path: Path, fix: str
) -> None:
    """Compares the names and shapes of weights with those of a network; counters of batches need not be stored.

    Args:
        stored: what the file holds.
        wanted: the network's own state.
        path: the file, for the message.
        fix: what to do about it.

    Raises:
        D3Error: they differ; the line names the first weight that does.
    """
    for name in (*wanted, *stored):
        if name.endswith("num_batches_tracked") and name not in stored:
            continue
        seen = str(tuple(stored[name].shape)) if name in stored else "not there"
        right = str(tuple(wanted[name].shape)) if name in wanted else "no tensor of that name"
        if seen != right:
            raise D3Error(f"{path} has another architecture: {name} is {seen}", right, fix)
