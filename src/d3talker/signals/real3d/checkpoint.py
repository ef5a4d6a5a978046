"""Reads the published checkpoint of Real3D-Portrait's audio-to-motion model (GeneFace++'s has the same layout)."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from d3talker.assets.state import require_architecture
from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of
from d3talker.signals.real3d.network import PitchContourVae
from d3talker.signals.real3d.wavenet import fold_weight_norm

_WANTED = "Real3D-Portrait's audio-to-motion checkpoint (folder audio2motion_vae, model_ckpt_steps_400000.ckpt)"
_FIX = "Get it from the page of Real3D-Portrait (yerfor/Real3DPortrait on GitHub) and give its folder."
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """The network, ready to run, and the SHA-256 of the file it came from."""

    network: PitchContourVae
    sha256: str


def find_checkpoint(path: Path) -> Path:
    """The checkpoint of the most steps in a folder, or the file itself.

    The config.yaml beside it is not read: what matters of it follows from the weights.

    Raises:
        D3Error: there is none.
    """
    if path.is_file():
        return path
    steps = {int(m[1]): f for f in path.glob("*.ckpt") if (m := re.fullmatch(r"model_ckpt_steps_(\d+)\.ckpt", f.name))}
    if not steps:
        raise D3Error(f"{path} holds no model_ckpt_steps_*.ckpt", _WANTED, _FIX)
    return steps[max(steps)]


def load_checkpoint(path: Path) -> Checkpoint:
    """The network with its weights, weight norms folded, without the encoder of motion, which only training needs.

    Size and hash of the file are logged before it is read. It is read as numbers: no code in it can run.

    Raises:
        D3Error: no such file, not a checkpoint, or the weights of another network; names the first key that differs.
    """
    path = find_checkpoint(path)
    sha256 = sha256_of(path)
    _log.info("reading %s: %.0f MB, SHA-256 %s", path, path.stat().st_size / 1e6, sha256)
    weights = _model_weights(_read(path), path)
    with torch.device("meta"):  # shapes alone: no time is spent on random weights
        network = PitchContourVae("mouth_amp_embed" in weights, "eye_amp_embed" in weights)
    require_architecture(weights, network.state_dict(), path, _FIX)
    network.to_empty(device="cpu").load_state_dict(weights, strict=False)
    del network.vae.encoder
    fold_weight_norm(network)
    return Checkpoint(network.eval().requires_grad_(False), sha256)


def _read(path: Path) -> Any:
    """What the file holds; besides tensors, only the NumPy numbers that trainers keep as scores are allowed."""
    scalar: Any = np.float64(0).__reduce__()[0]
    places = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")  # before NumPy 2 and after
    kinds = [type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int64)]
    numbers: list[Any] = [*((scalar, place) for place in places), np.dtype, *kinds]
    try:
        with torch.serialization.safe_globals(numbers):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises anything on damaged bytes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise D3Error(f"{path} cannot be read as weights ({reason})", _WANTED, _FIX) from None


def _model_weights(content: Any, path: Path) -> dict[str, Tensor]:
    """The tensors of the model: under ``model``, or under keys that start with ``model.``."""
    if isinstance(content, dict):
        state = content.get("state_dict", content)
        if isinstance(state, dict):
            if isinstance(state.get("model"), dict):
                state = state["model"]
            elif any(str(key).startswith("model.") for key in state):
                state = {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
            tensors = {str(key): value for key, value in state.items() if isinstance(value, Tensor)}
            if tensors:
                return tensors
    raise D3Error(f"{path} holds no weights of a model", _WANTED, _FIX)
