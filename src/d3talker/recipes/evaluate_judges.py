"""Networks of others that judge pictures and lips, where their weights are on disk; the reason where they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from d3talker.core.errors import D3Error
from d3talker.losses.perceptual import Perceptual, load_perceptual
from d3talker.metrics.action_units import openface_error
from d3talker.metrics.fan import FanTracker
from d3talker.metrics.syncnet.crop import face_boxes, sync_crops
from d3talker.metrics.syncnet.network import SyncNet, load_syncnet
from d3talker.metrics.syncnet.score import sync_score

SAVED = {"predicted": "pred.mp4", "truth": "truth.mp4"}
"""The videos that an evaluation writes."""
Judge = TypeVar("Judge")


@dataclass(frozen=True)
class Judges:
    """What can judge here."""

    perceptual: Perceptual | None
    syncnet: SyncNet | None
    fan: FanTracker | None
    reasons: dict[str, str]
    """Name of a number that cannot be computed, and why."""


def open_judges(device: torch.device) -> Judges:
    """Loads the judges whose weights are there; a file that is there and is another one counts as missing, and says so.

    Args:
        device: where SyncNet and FAN compute; LPIPS stays on the CPU.
    """
    reasons: dict[str, str] = {}
    return Judges(
        _opened("lpips", load_perceptual, reasons),
        _opened("sync", lambda: load_syncnet(device), reasons),
        _opened("lmd", lambda: FanTracker(device), reasons),
        reasons,
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


def unit_numbers(tables: tuple[Path, Path] | None, reasons: dict[str, str]) -> dict[str, float]:
    """AUE-L and AUE-U of OpenFace's tables of the prediction's and the truth's video.

    Raises:
        D3Error: a table cannot be read.
    """
    if tables is None:
        reasons["aue"] = "it needs OpenFace's tables of both videos (--action-units PREDICTED.csv TRUTH.csv)"
        return {}
    error = openface_error(*tables)
    return {"aue_lower": error.lower, "aue_upper": error.upper}


def sync_numbers(
    judges: Judges,
    pictures: Mapping[str, Iterable[np.ndarray]],
    points: dict[str, np.ndarray],
    sound: np.ndarray,
    device: torch.device,
) -> dict[str, float]:
    """Sync-C, Sync-D and the offset, faces cut out about tracked points.

    Args:
        judges: nothing is told without SyncNet; why a number is not there is added to the reasons.
        pictures: (H, W, 3) uint8, 25 a second, of ``predicted`` and, where there is one, ``truth``.
        points: for each of them (T, 478, 3) pixels; nan where no face was found.
        sound: (S,) at 16 kHz.
        device: where SyncNet is.

    Returns:
        The prediction's, and the truth's with ``_of_truth`` behind their names.
    """
    numbers: dict[str, float] = {}
    if judges.syncnet is None:
        return numbers
    for kind, frames in pictures.items():
        if not np.isfinite(points[kind]).any():
            judges.reasons["sync"] = f"no face is found in the pictures ({kind})"
            return {}
        crops = sync_crops(islice(frames, len(points[kind])), face_boxes(points[kind]))
        told = sync_score(judges.syncnet, crops, sound, device)
        end = "" if kind == "predicted" else "_of_truth"
        numbers |= {f"confidence{end}": told.confidence, f"distance{end}": told.distance}
        numbers[f"offset_frames{end}"] = told.offset
    return numbers
