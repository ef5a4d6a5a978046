"""LMD on the points of the literature: FAN's 68, by the face_alignment package where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from d3talker.core.errors import D3Error

MOUTH = slice(48, 68)
"""The mouth among the 68 points."""
_GET = "Run: pip install 'face-alignment>=1.5'"
_WANTED = "it and its networks, for LMD as the papers compute it"


class FanTracker:
    """Finds the mouth as the scripts of the papers do (Bulat and Tzimiropoulos 2017, spec 2 section 6).

    Args:
        device: where its networks compute; some seconds a picture on a CPU.

    Raises:
        D3Error: the package is not installed, or its networks (some 180 MB, BSD-3-Clause) cannot be loaded.
    """

    def __init__(self, device: torch.device) -> None:
        try:
            import face_alignment
        except ImportError:
            raise D3Error(
                "face_alignment is not installed", _WANTED, "Run: pip install 'face-alignment>=1.5'"
            ) from None
        try:
            self._network: Any = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D, device=str(device), flip_input=False, compile=False
            )
        except (OSError, RuntimeError, TypeError) as error:
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            fix = "It fetches them when first used: run it once where there is a network."
            raise D3Error(f"face_alignment cannot load its networks ({told})", _WANTED, fix) from None

    def mouth(self, picture: np.ndarray) -> np.ndarray:
        """The mouth's points (20, 2) in a picture (H, W, 3) uint8, pixels; the last face found; nan where none is."""
        faces = self._network.get_landmarks_from_image(picture)
        return np.full((20, 2), np.nan) if not faces else np.asarray(faces[-1], np.float64)[MOUTH]


def mouth_distance(prediction: np.ndarray, truth: np.ndarray) -> float:
    """LMD: mean distance of the mouth's points, each set about its own mean, over the frames that both have.

    Args:
        prediction: (T, 20, 2) pixels; nan where no face was found.
        truth: of as many frames.

    Returns:
        Pixels; nan where no frame has both.
    """
    seen = np.isfinite(prediction).all(axis=(1, 2)) & np.isfinite(truth).all(axis=(1, 2))
    if not seen.any():
        return float("nan")
    told, wanted = (points[seen] - points[seen].mean(axis=1, keepdims=True) for points in (prediction, truth))
    return float(np.linalg.norm(told - wanted, axis=-1).mean())
