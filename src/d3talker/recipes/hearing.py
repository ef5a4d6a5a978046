"""What a head hears of a sound: the signals that drive its fields, in pieces that stay in step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from d3talker.config.method import MethodSettings
from d3talker.core.errors import D3Error
from d3talker.core.pieces import blocks
from d3talker.faces.pncc import Pncc
from d3talker.fields.motion import PICTURE, stored
from d3talker.models.head import Signals
from d3talker.signals.front_ends import front_end
from d3talker.signals.motion import MotionSource, load_motion_source
from d3talker.signals.motion_style import MotionStyle
from d3talker.signals.speech import SoundSource, SpeechFeatures, stream_windows

_PIECE = 25  # frames
_PAINTED = 4  # pictures at once, so that they are still in the cache when they are rounded


@dataclass(frozen=True)
class Hearing:
    """The ears of a head: its speech features and, where its method has any use of it, its source of facial motion."""

    front_end: str
    features: SpeechFeatures
    source: str
    motion: MotionSource | None

    def stream(self, sound: SoundSource, device: torch.device) -> Iterator[Signals]:
        """The signals of every frame in order, in pieces of at most ten seconds."""
        windows = (torch.from_numpy(piece).to(device) for piece in stream_windows(self.features, sound, _PIECE))
        if self.motion is None:
            yield from ({"audio": piece} for piece in windows)
            return
        pncc = Pncc(self.motion.face_model, PICTURE)
        for piece, coefficients in zip(windows, blocks(self.motion.coefficients(sound), _PIECE), strict=True):
            yield {"audio": piece, "motion": moved(pncc, coefficients).to(device)}

    def meta(self) -> dict[str, Any]:
        """What a person or a prior keeps of it, so that :func:`hearing_again` finds the same."""
        told: dict[str, Any] = {
            "front_end": {
                "name": self.front_end,
                "fingerprint": self.features.fingerprint(),
                "channels": self.features.channels,
            }
        }
        if self.motion is not None:
            style = getattr(self.motion, "style", None)
            told["motion"] = {
                "name": self.source,
                "fingerprint": self.motion.fingerprint(),
                "style": None if style is None else style.as_json(),
            }
        return told


def fingerprints(method: MethodSettings, front: str, source: str = "default") -> dict[str, str]:
    """What names the ears of ``method`` without any person's style."""
    return {kind: told["fingerprint"] for kind, told in hearing(method, front, source).meta().items()}


def moved(pncc: Pncc, coefficients: np.ndarray) -> torch.Tensor:
    """Coefficients (n, Ke) as PNCC differences (n, 3, 256, 256) int8."""
    pieces = torch.from_numpy(coefficients).split(_PAINTED)
    return torch.cat([stored(pncc.differences(piece)) for piece in pieces])


def hearing(method: MethodSettings, front: str, source: str = "default", style: MotionStyle | None = None) -> Hearing:
    """The ears that ``method`` needs.

    Args:
        method: tells whether facial motion is needed.
        front: the name of the speech features.
        source: the name of the motion source.
        style: how the person moves; for the default source.

    Raises:
        D3Error: no such names, or what they need is missing.
    """
    motion = load_motion_source(source, style) if "motion" in method.signals else None
    return Hearing(front, front_end(front), source, motion)


def hearing_again(method: MethodSettings, meta: dict[str, Any], owner: str) -> Hearing:
    """The ears that ``owner``, a person or a prior with ``meta``, learned with.

    Raises:
        D3Error: they hear otherwise today.
    """
    told = meta.get("motion") or {"name": "default", "style": None}
    style = None if told["style"] is None else MotionStyle.from_json(told["style"])
    found = hearing(method, meta["front_end"]["name"], told["name"], style)
    for kind, now in found.meta().items():
        if now["fingerprint"] != meta[kind]["fingerprint"]:
            raise D3Error(
                f"{owner} learned on {meta[kind]['fingerprint']}",
                now["fingerprint"],
                "Make it again with this version of d3talker.",
            )
    return found
