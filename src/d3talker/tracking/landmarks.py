"""Face landmarks of one frame after the other, from whichever provider is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from d3talker.core.errors import D3Error


class LandmarkTracker(Protocol):
    """Finds faces in the frames of one video, in order.

    A provider must not smooth over time: a filter swallows the closures of lips and lids, and the camera solve has its
    own prior for the head.
    """

    name: str
    """Provider and version, for the record."""

    def track(self, frame: np.ndarray) -> list[np.ndarray]:
        """Finds the faces of the next frame.

        Args:
            frame: (H, W, 3) uint8 RGB.

        Returns:
            One array (478, 3) float32 a face, in no particular order: x and y in pixels, z in pixels towards the back
            of the head, relative to its middle.
        """
        ...

    def close(self) -> None:
        """Frees the models."""
        ...


def open_tracker(
    provider: Literal["auto", "solutions", "tasks"] = "auto", model: Path | None = None
) -> LandmarkTracker:
    """Opens a landmark provider.

    Args:
        provider: ``solutions`` (MediaPipe 0.10.21, models in the package), ``tasks`` (MediaPipe 1.x and a ``.task``
            file), or ``auto``: ``tasks`` where a model is given, else ``solutions``.
        model: the ``face_landmarker.task`` file of ``tasks``.

    Raises:
        D3Error: MediaPipe is missing, is too new for ``solutions``, or ``tasks`` has no model file.
    """
    if importlib.util.find_spec("mediapipe") is None:
        raise D3Error("mediapipe is not installed", "a face tracker", "Run: pip install mediapipe==0.10.21")
    if provider == "tasks" or (provider == "auto" and model is not None):
        from d3talker.tracking.landmarks_tasks import TasksTracker

        return TasksTracker(model)
    from d3talker.tracking.landmarks_solutions import SolutionsTracker

    return SolutionsTracker()


def face_box(landmarks: np.ndarray) -> tuple[float, float, float, float]:
    """The bounding box of a face: left, top, right, bottom in pixels, from (478, 3) or (478, 2)."""
    left, top = landmarks[:, :2].min(axis=0)
    right, bottom = landmarks[:, :2].max(axis=0)
    return float(left), float(top), float(right), float(bottom)
