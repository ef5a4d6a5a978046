"""How near the motion of the face is to the truth: lips, timing, size and steadiness."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LIP_POINTS = (61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91, 78, 81, 13, 311, 308, 402, 14, 178)
"""MediaPipe points in the places of the 20 mouth points (48 to 67) of the 68-point scheme."""

_FEWEST = 3  # frames that two curves must share for a correlation to mean anything


class LaggedCorrelation(NamedTuple):
    """How two curves go together.

    Attributes:
        zero: Pearson's r as they stand.
        lag: frames by which the prediction is late at the best match; negative where it is early.
        best: Pearson's r at that lag.
        reason: why there is no correlation and all three are 0; empty where there is one.
    """

    zero: float
    lag: int
    best: float
    reason: str


def landmark_distance(prediction: np.ndarray, truth: np.ndarray) -> float:
    """LMD-mp: mean distance of the 20 lip points, each set about its own mean, per frame, then averaged over frames.

    The LMD of the literature, on MediaPipe's points, so its numbers do not compare with those of the 68-point trackers.
    Translation is taken out, size and rotation are not.

    Args:
        prediction: (T, 468 or 478, 2 or 3) pixels; x and y count.
        truth: as many frames and points.

    Returns:
        Pixels; nan for no frames.
    """
    points = list(LIP_POINTS)
    difference = _about_mean(prediction[:, points, :2]) - _about_mean(truth[:, points, :2])
    return float(np.linalg.norm(difference, axis=-1).mean()) if len(difference) else float("nan")


def correlation_with_lag(prediction: np.ndarray, truth: np.ndarray, max_lag: int = 10) -> LaggedCorrelation:
    """Pearson's r of two curves, as they stand and at the shift that fits best.

    At lag k, ``prediction[t + k]`` is compared with ``truth[t]`` over the frames that both have: a prediction that
    shows everything two frames late has lag +2. Of equally good lags the one nearest to zero counts.

    Args:
        prediction: (T,).
        truth: (T,).
        max_lag: the largest shift that is tried, in frames.

    Returns:
        All zero, with a reason, where a curve does not move (a frozen mouth) or is shorter than 3 frames.

    Raises:
        ValueError: the curves differ in length.
    """
    if len(prediction) != len(truth):
        raise ValueError(f"curves of {len(prediction)} and {len(truth)} frames")
    if len(truth) < _FEWEST:
        return LaggedCorrelation(0.0, 0, 0.0, f"only {len(truth)} frames")
    for name, curve in (("prediction", prediction), ("truth", truth)):
        if not np.isfinite(curve).all():
            return LaggedCorrelation(0.0, 0, 0.0, f"the {name} has values that are no numbers")
        if _still(curve):
            return LaggedCorrelation(0.0, 0, 0.0, f"the {name} does not move")
    widest = min(max_lag, len(truth) - _FEWEST)
    lags = sorted(range(-widest, widest + 1), key=abs)
    values = [_pearson(prediction[max(k, 0) :][: len(truth) - abs(k)], truth[max(-k, 0) :]) for k in lags]
    best = int(np.argmax(np.round(values, 9)))
    return LaggedCorrelation(values[0], lags[best], values[best], "")


def amplitude_ratio(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Standard deviation of a curve over that of the truth: below 1 the motion is too small.

    Args:
        prediction: (T,).
        truth: (T,).

    Returns:
        At least 0; nan where the truth does not move.
    """
    return float("nan") if _still(truth) else float(np.std(prediction) / np.std(truth))


def head_jitter(points: np.ndarray, truth: np.ndarray) -> float:
    """Shaking of rigid points beyond what the truth does itself.

    The RMS length of the second difference over time, ``p[t+1] - 2 p[t] + p[t-1]``, less the same of the truth.

    Args:
        points: (T, P, 2) pixels of points that move with the skull.
        truth: the same of the truth.

    Returns:
        Pixels; 0 as steady as the truth, negative steadier; nan for fewer than 3 frames.
    """
    return _shake(points) - _shake(truth)


def _about_mean(points: np.ndarray) -> np.ndarray:
    points = points.astype(np.float64)
    return points - points.mean(axis=1, keepdims=True)


def _still(curve: np.ndarray) -> bool:
    return bool(np.ptp(curve) <= 1e-9 * max(1e-9, float(np.abs(curve).max())))


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    b = b[: len(a)]
    if _still(a) or _still(b):
        return 0.0
    a, b = a - a.mean(), b - b.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def _shake(points: np.ndarray) -> float:
    second = np.diff(points.astype(np.float64), n=2, axis=0)
    return float(np.sqrt((second**2).sum(axis=-1).mean())) if second.size else float("nan")
