"""Expression coefficients of tracked faces."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from d3talker.faces import points as named
from d3talker.faces.alignment import laid_on
from d3talker.faces.model import LANDMARKS, FaceModel
from d3talker.faces.mp468 import point_weights

EYE_DISTANCE = 0.090
"""Metres between the outer corners of the eyes of every neutral face: the one size in which faces are compared."""
CLOSED = 0.001
"""Metres between lips that count as closed."""
_FEWEST_CLOSED = 5


def person_neutral(points: np.ndarray, lip_opening: np.ndarray, blink: np.ndarray) -> np.ndarray:
    """A person's neutral face: nearly closed mouth, open eyes, in the size of the face model.

    It is the median of the frames whose lips are less than 1 mm apart (of the five most closed ones where fewer are)
    and whose eyes are as open as in the more open half of the clip. The mean face would do harm: its mouth is half open
    in people who talk much, and "expression zero" would mean something else for everyone.

    Args:
        points: (T, 468 or more, 3) metres, head frame; the points past 468 (irises) are left out.
        lip_opening: (T,) metres between the lips, 0 when closed.
        blink: (T,), larger when the eyes are more closed.

    Returns:
        (468, 3) float32, head frame, scaled about the origin so that the outer corners of the eyes are
        ``EYE_DISTANCE`` apart.
    """
    points = np.asarray(points, dtype=np.float64)[:, :LANDMARKS]
    eyes_open = np.flatnonzero(blink <= np.median(blink))
    by_opening = eyes_open[np.argsort(lip_opening[eyes_open], kind="stable")]
    closed = max(int((lip_opening[by_opening] < CLOSED).sum()), _FEWEST_CLOSED)
    stable = points[by_opening[:closed]]
    neutral = np.median(laid_on(stable, np.median(points, axis=0), named.RIGID), axis=0)
    right, left = neutral[named.OUTER_EYE_CORNERS]
    return (neutral * (EYE_DISTANCE / np.linalg.norm(left - right))).astype(np.float32)


def displacements(points: np.ndarray, neutral: np.ndarray) -> np.ndarray:
    """How far every point is from the neutral face once the head's motion and size are taken out.

    Each frame is laid on the neutral face by a similarity over the points of the skull (``points.RIGID``), so its pose
    and unit do not matter; what the pose solve left of shaking goes too.

    Args:
        points: (T, 468 or more, 3), any pose and unit.
        neutral: (468, 3) metres.

    Returns:
        (T, 468, 3) float64 metres.
    """
    points = np.asarray(points, dtype=np.float64)[:, :LANDMARKS]
    neutral = np.asarray(neutral, dtype=np.float64)
    return laid_on(points, neutral, named.RIGID) - neutral


def fit_expression(model: FaceModel, points: np.ndarray, neutral: np.ndarray, noise: float = 3e-4) -> Tensor:
    """The expression of every frame: weighted least squares on the points, with the model's own prior.

    Lips count most, depth counts less (:func:`~d3talker.faces.mp468.point_weights`). The prior holds each coefficient
    near 0 as far as points with ``noise`` leave it open, which matters for the correlated shapes of ``ict`` and ``bfm``.

    Args:
        model: any back end, on the CPU.
        points: (T, 468 or more, 3), any pose and unit.
        neutral: (468, 3) from :func:`person_neutral`.
        noise: metres, standard deviation of a point.

    Returns:
        (T, Ke) float32.
    """
    moved = displacements(points, neutral)
    known = (model.landmarks >= 0).numpy()
    weights = point_weights()[known]
    shapes = model.expression[:, model.landmarks[known]].numpy().astype(np.float64) * weights
    shapes = shapes.reshape(len(shapes), -1)
    moved = (moved[:, known] * weights).reshape(len(moved), -1)
    normal = shapes @ shapes.T + noise**2 * np.eye(len(shapes))
    return torch.from_numpy(np.linalg.solve(normal, shapes @ moved.T).T.astype(np.float32))
