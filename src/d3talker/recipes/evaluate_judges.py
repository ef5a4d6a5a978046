"""Networks of others that judge pictures and lips, where their weights are on disk; the reason where they are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from d3talker.core.errors import D3Error
from d3talker.losses.perceptual import Perceptual, load_perceptual
from d3talker.media.video import read_frames
from d3talker.metrics.syncnet.crop import face_boxes, sync_crops
from d3talker.metrics.syncnet.network import SyncNet, load_syncnet
from d3talker.metrics.syncnet.score import sync_score

Judge = TypeVar("Judge")


@dataclass(frozen=True)
class Judges:
    """What can judge here."""

    perceptual: Perceptual | None
    syncnet: SyncNet | None
    reasons: dict[str, str]
    """Name of a number that cannot be computed, and why."""


def open_judges(device: torch.device) -> Judges:
    """Loads the judges whose weights are there; a file that is there and is another one counts as missing, and says so.

    Args:
        device: where SyncNet computes; LPIPS stays on the CPU.
    """
    reasons: dict[str, str] = {}
    return Judges(
        _opened("lpips", load_perceptual, reasons), _opened("sync", lambda: load_syncnet(device), reasons), reasons
    )


def _opened(name: str, load: Callable[[], Judge], reasons: dict[str, str]) -> Judge | None:
    try:
        return load()
    except D3Error as error:
        reasons[name] = str(error)
        return None


@torch.no_grad()
def lpips(net: Perceptual, picture: np.ndarray, truth: np.ndarray) -> float:
    """LPIPS of two pictures (H, W, 3) uint8, sides of 32 pixels or more."""
    image, target = (torch.from_numpy(one.astype(np.float32) / 255.0)[None] for one in (picture, truth))
    return float(net(image, target)[0])


def sync_numbers(
    net: SyncNet, video: Path, points: np.ndarray, sound: np.ndarray, device: torch.device
) -> dict[str, float]:
    """Sync-C, Sync-D and the offset of a saved video, its face cut out about tracked points.

    Args:
        net: SyncNet.
        video: 25 frames a second.
        points: (T, 478, 3) pixels in it; nan where no face was found.
        sound: (S,) at 16 kHz.
        device: where SyncNet is.
    """
    score = sync_score(net, sync_crops(read_frames(video), face_boxes(points)), sound, device)
    return {"confidence": score.confidence, "distance": score.distance, "offset_frames": score.offset}
