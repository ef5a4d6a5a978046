"""Weights of others that cannot ship with the package: where they come from, how large, under which terms."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from d3talker.core.errors import D3Error


@dataclass(frozen=True)
class Weights:
    """One file of weights.

    ``sha256`` or ``sha1`` is the whole hash, or the first digits of it where the publisher pins no more; neither
    where none is published.
    """

    file: str
    address: str
    size: str
    licence: str
    sha256: str = ""
    sha1: str = ""


ALEXNET = Weights(
    "alexnet-owt-7be5be79.pth",
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    "233 MiB",
    "BSD-3-Clause, trained on ImageNet",
    "7be5be79",
)
LPIPS_HEADS = Weights(
    "alex.pth",
    "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/alex.pth",
    "6 KiB",
    "BSD-2-Clause",
    "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
)
DEEPSPEECH = Weights(
    "deepspeech-0_1_0-b90017e8.pb",
    "https://github.com/osmr/deepspeech_features/releases (v0.0.1; a .zip, unpack it)",
    "468 MiB, 414 MiB packed",
    "MPL-2.0",
    sha1="b90017e816572ddce84f5843f1fa21e6a377975e",
)
SYNCNET = Weights(
    "syncnet_v2.model",
    "https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/syncnet_v2.model",
    "52 MiB",
    "no licence is given for the weights; taught on broadcasts of the BBC",
    "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
)
AVE = Weights(
    "audio_visual_encoder.pth",
    "https://github.com/ZiqiaoPeng/SyncTalk (in nerf_triplane/checkpoints)",
    "11 MiB",
    "CC-BY-NC-4.0: not for commercial use",
)
AVE_CONVERTED = "audio_visual_encoder.safetensors"
"""The same weights under the same names, for those who do not keep ``.pth`` files; taken first."""


def weights_folder() -> Path:
    """Where weights are looked for: ``D3TALKER_WEIGHTS``, or ``~/.cache/d3talker/weights``."""
    return Path(os.environ.get("D3TALKER_WEIGHTS", Path.home() / ".cache" / "d3talker" / "weights"))


def find_weights(weights: Weights) -> Path:
    """The path of a file of weights, its hash checked.

    Raises:
        D3Error: it is not there (the line says where to get it), or it is another file of that name.
    """
    path = weights_folder() / weights.file
    if not path.exists():
        raise D3Error(
            f"{path} is missing",
            f"{weights.file} ({weights.size}, {weights.licence})",
            f"Get it from {weights.address} and put it there.",
        )
    for label, pinned in (("SHA-256", weights.sha256), ("SHA-1", weights.sha1)):
        if pinned:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, label.replace("-", "").lower()).hexdigest()
            if not found.startswith(pinned):
                raise D3Error(
                    f"{path} has {label} {found[:16]}...",
                    f"{pinned[:16]}...",
                    f"Get it anew from {weights.address}.",
                )
    return path


def weights_state(weights: Weights) -> str:
    """``ready`` if the file is there (its hash is looked at when it is used), or where to get it."""
    if (weights_folder() / weights.file).exists():
        return "ready"
    return f"put {weights.file} ({weights.size}, {weights.licence}) from {weights.address} into {weights_folder()}"
