"""Expression coefficients of tracked faces."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from d3talker.faces import points as named
from d3talker.faces.alignment import laid_on, small_similarities
from d3talker.faces.model import LANDMARKS, FaceModel
from d3talker.faces.mp468 import point_weights

EYE_DISTANCE = named.EYE_DISTANCE
"""Metres between the outer corners of the eyes of every neutral face: the one size in which faces are compared."""
CLOSED = 0.001
"""Metres between lips that count as closed."""
_FEWEST_CLOSED = 5
_IDENTITY_ROUNDS = 3


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
    return (neutral * (EYE_DISTANCE / _eye_distance(neutral))).astype(np.float32)


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

    Lips count most, depth counts less (:func:`~d3talker.faces.mp468.point_weights`). A prior of standard deviation 1
    holds a coefficient near 0 as far as the points leave it open: hardly at all in ``mp468``, whose shapes are
    orthogonal, but the shapes of ``ict`` and ``bfm`` look much alike on so few points. The displacements are brought to
    the size of the model's own face first.

    Args:
        model: any back end, on the CPU.
        points: (T, 468 or more, 3), any pose and unit.
        neutral: (468, 3) from :func:`person_neutral`.
        noise: metres, standard deviation of a point.

    Returns:
        (T, Ke) float32.
    """
    known = (model.landmarks >= 0).numpy()
    mean = model.mean[model.landmarks].numpy()
    size = _eye_distance(mean) / _eye_distance(neutral)
    moved = displacements(points, neutral)[:, known] * size
    shapes = model.expression[:, model.landmarks[known]].numpy().astype(np.float64)
    solved = _solve(shapes, moved, point_weights()[known], noise, len(shapes))
    return torch.from_numpy(solved.astype(np.float32))


def told_motion(model: FaceModel, coefficients: Tensor, face: Tensor) -> Tensor:
    """Where coefficients move the face points of a person: the way back from :func:`fit_expression`.

    Args:
        model: any back end.
        coefficients: (T, Ke).
        face: (468, 3) metres: the person's face, which gives the size.

    Returns:
        (T, 468, 3) metres from the neutral face; 0 where the model lacks the point.
    """
    known = model.landmarks >= 0
    size = _eye_distance(face.cpu().numpy()) / _eye_distance(model.mean[model.landmarks].cpu().numpy())
    shapes = model.expression[:, model.landmarks] * known[:, None]
    return size * torch.einsum("tk,kvc->tvc", coefficients.to(shapes.device), shapes)


def fit_identity(model: FaceModel, neutral: np.ndarray, noise: float = 1e-3) -> Tensor:
    """Who a neutral face belongs to, for models whose vertices are not MediaPipe's points.

    The person's points are laid on the model by a similarity, which is solved together with the identity: pose and size
    are free, the identity has a prior of standard deviation 1.

    Args:
        model: any back end, on the CPU.
        neutral: (468, 3) from :func:`person_neutral`.
        noise: metres, standard deviation of a point and of its vertex about each other.

    Returns:
        (Ki,) float32 standard deviations: the person is ``model.vertices(expression, identity)``.
    """
    known = (model.landmarks >= 0).numpy()
    mean = model.mean[model.landmarks[known]].numpy().astype(np.float64)
    shapes = model.identity[:, model.landmarks[known]].numpy().astype(np.float64)
    person = np.asarray(neutral, dtype=np.float64)[None, known]
    everything = np.arange(len(mean))
    found = mean
    for _ in range(_IDENTITY_ROUNDS):
        laid = laid_on(person, found, everything)
        free = np.concatenate([shapes, small_similarities(laid[0])])
        solved = _solve(free, laid - mean, np.ones_like(mean), noise, len(shapes))[0, : len(shapes)]
        found = mean + np.tensordot(solved, shapes, axes=1)
    return torch.from_numpy(solved.astype(np.float32))


def _solve(shapes: np.ndarray, moved: np.ndarray, weights: np.ndarray, noise: float, bound: int) -> np.ndarray:
    """Coefficients (T, K) of displacements (T, N, 3) in shapes (K, N, 3), the first ``bound`` with a unit prior."""
    shapes = (shapes * weights).reshape(len(shapes), -1)
    moved = (moved * weights).reshape(len(moved), -1)
    normal = shapes @ shapes.T + noise**2 * np.diag(np.arange(len(shapes)) < bound)
    return np.linalg.solve(normal, shapes @ moved.T).T


def _eye_distance(face: np.ndarray) -> float:
    right, left = face[named.OUTER_EYE_CORNERS]
    return float(np.linalg.norm(left - right))
