"""How far the lips of a face model are open and how wide they are, measured as tracking measures a person's."""

from __future__ import annotations

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.faces.model import FaceModel
from d3talker.faces.points import LOWER_INNER_LIP, MOUTH_CORNERS, UPPER_INNER_LIP


class LipGauge:
    """Measures faces of one model.

    Raises:
        D3Error: the model does not know where its lips are.
    """

    def __init__(self, model: FaceModel) -> None:
        landmarks = model.landmarks.numpy()
        self._upper, self._lower, self._corners = (
            landmarks[points] for points in (UPPER_INNER_LIP, LOWER_INNER_LIP, MOUTH_CORNERS)
        )
        if min(self._upper.min(), self._lower.min(), self._corners.min()) < 0:
            raise D3Error(f"the face model {model.name} has no lip points", "a model with lip landmarks", "Use mp468.")
        self._shut = float(self._gap(model.mean.numpy()[None])[0])

    def opening(self, vertices: np.ndarray) -> np.ndarray:
        """Metres between the inner lips (T,) of faces (T, V, 3), 0 where they are no wider apart than at rest."""
        return np.maximum(self._gap(vertices) - self._shut, 0.0)

    def width(self, vertices: np.ndarray) -> np.ndarray:
        """Metres between the corners of the mouth (T,) of faces (T, V, 3)."""
        right, left = self._corners
        return np.linalg.norm(vertices[:, right] - vertices[:, left], axis=-1)

    def _gap(self, vertices: np.ndarray) -> np.ndarray:
        return (vertices[:, self._upper, 1] - vertices[:, self._lower, 1]).mean(axis=1)
