"""Landmarks by MediaPipe's newer task interface (MediaPipe 1.x), which wants a ``face_landmarker.task`` file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from d3talker.core.errors import D3Error


class TasksTracker:
    """The face landmarker in image mode: its video mode filters over time and swallows closures (spec 2, 8.8)."""

    def __init__(self, model: Path | None, most_faces: int = 2) -> None:
        if model is None or not model.is_file():
            raise D3Error(
                "no model file for the face landmarker" if model is None else f"{model} is missing",
                "MediaPipe's face_landmarker.task",
                "Give --face-model FILE.task, or install mediapipe==0.10.21, which needs none.",
            )
        import mediapipe
        from mediapipe.tasks.python import BaseOptions, vision

        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(model)),
            running_mode=vision.RunningMode.IMAGE,
            num_faces=most_faces,
        )
        try:
            self._landmarker: Any = vision.FaceLandmarker.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            raise D3Error(
                f"{model} is no face landmarker ({str(error).splitlines()[0]})",
                "MediaPipe's face_landmarker.task",
                "Download it again from MediaPipe's model page.",
            ) from None
        self._as_image = lambda frame: mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=frame)
        self.name = f"mediapipe {mediapipe.__version__} face_landmarker ({model.name})"

    def track(self, frame: np.ndarray) -> list[np.ndarray]:
        """See :class:`~d3talker.tracking.landmarks.LandmarkTracker`."""
        height, width = frame.shape[:2]
        scale = np.array([width, height, width], dtype=np.float32)
        found = self._landmarker.detect(self._as_image(np.ascontiguousarray(frame))).face_landmarks
        return [np.array([(p.x, p.y, p.z) for p in face], dtype=np.float32) * scale for face in found]

    def close(self) -> None:
        """See :class:`~d3talker.tracking.landmarks.LandmarkTracker`."""
        self._landmarker.close()
