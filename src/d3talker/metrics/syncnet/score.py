"""Sync-C, Sync-D and the offset of a face and a sound, by the published procedure (spec 2, section 5.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from d3talker.core.errors import D3Error
from d3talker.metrics.syncnet.cepstra import RATE, cepstra
from d3talker.metrics.syncnet.network import PICTURES, STEPS

FURTHEST = 15
"""Frames by which the sound is tried early and late."""
_PER_PICTURE = 4  # steps of cepstra
_SAMPLES = 640  # of sound, a picture
_BATCH = 20


class Expert(Protocol):
    """What tells whether a sound and pictures belong together: :class:`.network.SyncNet`, or one like it."""

    def hear(self, steps: Tensor) -> Tensor:
        """Vectors (B, D) of cepstra (B, 1, 13, 20)."""
        ...

    def see(self, pictures: Tensor) -> Tensor:
        """Vectors (B, D) of pictures (B, 3, 5, 224, 224), blue green red, 0 to 255."""
        ...


class SyncScore(NamedTuple):
    """How well lips and sound go together.

    Attributes:
        confidence: Sync-C (LSE-C), median less minimum over the shifts of the mean distance; more is better.
        distance: Sync-D (LSE-D), that minimum; less is better.
        offset: frames by which the sound is ahead of the picture at the minimum.
    """

    confidence: float
    distance: float
    offset: int


@torch.no_grad()
def sync_score(
    expert: Expert, crops: Iterable[np.ndarray], samples: np.ndarray, device: torch.device | None = None
) -> SyncScore:
    """Scores a face against a sound.

    Args:
        expert: see :func:`.network.load_syncnet`.
        crops: (224, 224, 3) uint8 RGB pictures of the face at 25 a second, as :func:`.crop.sync_crops` cuts them.
        samples: (S,) mono sound at 16 kHz in [-1, 1].
        device: where the expert computes; None is the CPU.

    Raises:
        D3Error: fewer than 6 pictures, or less sound than that.
    """
    device = device or torch.device("cpu")
    seen = [expert.see(windows.to(device)).cpu() for windows in _picture_windows(crops)]
    pictures = sum(map(len, seen)) + PICTURES - 1
    count = min(pictures, len(samples) // _SAMPLES) - PICTURES
    if count < 1:
        raise D3Error(
            f"{pictures} pictures at most and {len(samples) / RATE:.2f} s of sound to score lips by",
            "at least 6 pictures and 0.24 s",
            "Give a longer video.",
        )
    steps = torch.from_numpy(cepstra(samples).T.astype(np.float32)).unfold(1, STEPS, _PER_PICTURE)[:, :count]
    parts = steps.permute(1, 0, 2)[:, None].split(_BATCH)
    heard = torch.cat([expert.hear(part.to(device)).cpu() for part in parts])
    heard = functional.pad(heard, (0, 0, FURTHEST, FURTHEST))
    shown = torch.cat(seen)[:count]
    shifts = [functional.pairwise_distance(shown, heard[k : k + count]) for k in range(2 * FURTHEST + 1)]
    distances = torch.stack(shifts).mean(dim=1)
    best = int(distances.argmin())
    return SyncScore(float(distances.median() - distances[best]), float(distances[best]), FURTHEST - best)


def _picture_windows(crops: Iterable[np.ndarray]) -> Iterator[Tensor]:
    """Every five pictures in a row, (n, 3, 5, 224, 224); memory does not grow with the pictures."""
    held: list[Tensor] = []
    for crop in crops:
        held.append(torch.from_numpy(crop[..., ::-1].copy()).permute(2, 0, 1).float())
        if len(held) == _BATCH + PICTURES - 1:
            yield torch.stack(held).unfold(0, PICTURES, 1).permute(0, 1, 4, 2, 3)
            held = held[_BATCH:]
    if len(held) >= PICTURES:
        yield torch.stack(held).unfold(0, PICTURES, 1).permute(0, 1, 4, 2, 3)
