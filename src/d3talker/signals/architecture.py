"""Whether stored weights are those of a network, told by the first that differs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from d3talker.core.errors import D3Error


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
