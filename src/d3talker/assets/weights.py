"""Weights of others that cannot ship with the package: where they come from, how large, under which terms."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of


@dataclass(frozen=True)
class Weights:
    """One file of weights.

    ``sha256`` is the whole hash, or the first digits of it where the publisher pins no more.
    """

    file: str
    address: str
    size: str
    licence: str
    sha256: str


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
    found = sha256_of(path)
    if not found.startswith(weights.sha256):
        raise D3Error(
            f"{path} has SHA-256 {found[:16]}...", f"{weights.sha256[:16]}...", f"Get it anew from {weights.address}."
        )
    return path
