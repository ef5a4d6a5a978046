"""Gathers the numbers of an evaluation, frame by frame."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from d3talker.faces.points import RIGID
from d3talker.losses.perceptual import Perceptual
from d3talker.metrics.action_units import scale_error
from d3talker.metrics.images import flicker, psnr, sharpness_ratio, ssim_map
from d3talker.metrics.motion import amplitude_ratio, correlation_with_lag, head_jitter, landmark_distance
from d3talker.recipes.evaluate_closures import Closings, closure_numbers
from d3talker.recipes.evaluate_judges import lpips
from d3talker.tracking.landmarks import open_tracker
from d3talker.tracking.masks import FACE, HAIR, MOUTH

EYE_CORNERS = (33, 263)
"""Outer corners of both eyes: lip measures are given as parts of their distance, so that size does not matter."""
SHOWN = 12
"""Frames kept for the contact sheet."""
Regions = dict[str, tuple[tuple[slice, slice], np.ndarray | None]]
_KINDS = ("truth", "predicted", "still", "frozen")


class Scorer:
    """Takes frames in and gives the numbers of :func:`d3talker.recipes.evaluate.evaluate`.

    Truth, prediction and both ways of doing nothing are tracked alike, each by a tracker of its own, so that the same
    errors stand on both sides of every comparison.
    """

    def __init__(self, count: int, perceptual: Perceptual | None = None) -> None:
        self._perceptual = perceptual
        self._trackers = {kind: open_tracker() for kind in _KINDS}
        self._points: dict[str, list[np.ndarray]] = {kind: [] for kind in _KINDS}
        self._images: dict[str, dict[str, list[dict[str, float]]]] = {kind: defaultdict(list) for kind in _KINDS[1:]}
        self._before: dict[str, np.ndarray] = {}
        self._seconds: list[float] = []
        self._keep = set(np.linspace(0, count - 1, 4 * SHOWN).round().astype(int).tolist())
        self.kept: list[tuple[int, float, np.ndarray]] = []  # place, lip opening, truth beside prediction
        self.lips: dict[str, np.ndarray] = {}

    def add(self, pictures: dict[str, np.ndarray], labels: np.ndarray, box: np.ndarray, seconds: float) -> None:
        """Scores one frame.

        Args:
            pictures: (R, R, 3) uint8: the ``truth``; ``predicted``, what the person shows; ``still``, what it shows
                with a mouth that does not move; ``frozen``, one frame for ever.
            labels: (R, R) uint8 of the truth.
            box: (4,) top, bottom, left, right pixels around the lips.
            seconds: that drawing took.
        """
        head = np.isin(labels, (HAIR, FACE, MOUTH))
        top, bottom, left, right = box
        regions = _regions(head, np.s_[top:bottom, left:right])
        for kind in _KINDS[1:]:
            told = image_scores(pictures[kind], pictures["truth"], regions)
            if self._before:
                for region, (part, mask) in regions.items():
                    shown, wanted = ((self._before[name][part], pictures[name][part]) for name in (kind, "truth"))
                    told[region]["flicker"] = flicker(shown, wanted, None if mask is None else (mask, mask))
            if self._perceptual is not None:
                told["whole"]["lpips"] = lpips(self._perceptual, pictures[kind], pictures["truth"])
            for region, scores in told.items():
                self._images[kind][region].append(scores)
        for kind, picture in pictures.items():
            faces = self._trackers[kind].track(picture)
            self._points[kind].append(faces[0] if faces else np.full((478, 3), np.nan, np.float32))
        place = len(self._seconds)
        if place in self._keep:
            gap = float(lips_apart(self._points["truth"][-1][None])[0])
            self.kept.append((place, gap, np.hstack([pictures["truth"], pictures["predicted"]])))
        self._before = pictures
        self._seconds.append(seconds)

    def points(self) -> dict[str, np.ndarray]:
        """The tracked points of ``truth`` and ``predicted``, (T, 478, 3) pixels; nan where no face was found."""
        return {kind: np.stack(self._points[kind]) for kind in ("truth", "predicted")}

    def numbers(self, told: Closings) -> dict[str, Any]:
        """Everything, in groups; ``still_mouth`` and ``frozen_frame`` hold what doing nothing would score.

        Args:
            told: when lips must meet.
        """
        points = {kind: np.stack(found) for kind, found in self._points.items()}
        closures = closure_numbers(told, *(lips_apart(points[kind]) for kind in ("predicted", "truth")))
        seen = np.isfinite(np.stack([p[:, 0, 0] for p in points.values()])).all(axis=0)
        points = {kind: p[seen] for kind, p in points.items()}
        opening = {kind: lips_apart(p) for kind, p in points.items()}
        width = {kind: mouth_wide(p) for kind, p in points.items()}
        self.lips = {"truth": opening["truth"], "predicted": opening["predicted"]}
        groups = {
            kind: {
                **{region: _mean(scores) for region, scores in self._images[kind].items()},
                "face": _face_numbers(points[kind], points["truth"]),
            }
            for kind in _KINDS[1:]
        }
        lips: dict[str, Any] = {"frames_tracked": int(seen.sum())}
        for name, series in (("opening", opening), ("width", width)):
            found = correlation_with_lag(series["predicted"], series["truth"])
            lips[f"{name}_correlation"] = found.zero
            lips[f"{name}_lag_ms"] = 40 * found.lag
            lips[f"{name}_correlation_at_lag"] = found.best
            lips[f"{name}_amplitude_ratio"] = amplitude_ratio(series["predicted"], series["truth"])
        rigid = {kind: p[:, RIGID, :2] for kind, p in points.items()}
        gain = groups["predicted"]["mouth"]["psnr"] - groups["still"]["mouth"]["psnr"]
        return {
            **groups["predicted"],
            "lips": lips,
            "closures": closures,
            "motion": {"jitter_beyond_truth_px": head_jitter(rigid["predicted"], rigid["truth"])},
            "gain_over_still_mouth": {"psnr_gain": gain},
            "speed": {"frames_per_second": 1.0 / float(np.median(self._seconds))},
            "still_mouth": groups["still"],
            "frozen_frame": groups["frozen"],
        }

    def sheet(self) -> list[tuple[int, float, np.ndarray]]:
        """Frames for the contact sheet, from closed to wide open: place, lip opening, truth beside prediction."""
        by_opening = sorted(self.kept, key=lambda kept: kept[1])
        chosen = np.linspace(0, len(by_opening) - 1, min(SHOWN, len(by_opening))).round().astype(int)
        return [by_opening[i] for i in chosen]


def image_scores(picture: np.ndarray, truth: np.ndarray, regions: Regions) -> dict[str, dict[str, float]]:
    """PSNR, SSIM and sharpness of a picture in each region.

    Args:
        picture: (R, R, 3) uint8.
        truth: of the same shape.
        regions: name to the part of the picture and the pixels of it that count, or None for all.
    """
    found = {}
    for region, (part, mask) in regions.items():
        shown, wanted = picture[part], truth[part]
        similarity = ssim_map(shown, wanted)
        border = (len(wanted) - len(similarity)) // 2
        inner = similarity if mask is None else similarity[mask[border:-border, border:-border]]
        found[region] = {
            "psnr": psnr(shown, wanted, mask),
            "ssim": float(inner.mean()),
            "sharpness": sharpness_ratio(shown, wanted, mask),
        }
    return found


def _regions(head: np.ndarray, mouth: tuple[slice, slice]) -> Regions:
    return {"whole": (np.s_[:, :], None), "head": (np.s_[:, :], head), "mouth": (mouth, None)}


def _face_numbers(points: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    error = scale_error(points, truth)
    return {"lmd_mp": landmark_distance(points, truth), "aue_mp_lower": error.lower, "aue_mp_upper": error.upper}


def _mean(scores: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each score over the frames that have it: the first one cannot flicker."""
    return {name: float(np.mean([score[name] for score in scores if name in score])) for name in scores[-1]}


def lips_apart(points: np.ndarray) -> np.ndarray:
    """Gap of the inner lips (T,) as a part of the distance of the eyes, of points (T, 478, 2 or 3)."""
    return _distance(points, 13, 14) / _distance(points, *EYE_CORNERS)


def mouth_wide(points: np.ndarray) -> np.ndarray:
    """Width of the mouth (T,), alike."""
    return _distance(points, 61, 291) / _distance(points, *EYE_CORNERS)


def _distance(points: np.ndarray, one: int, other: int) -> np.ndarray:
    return np.linalg.norm(points[:, one, :2] - points[:, other, :2], axis=-1)
