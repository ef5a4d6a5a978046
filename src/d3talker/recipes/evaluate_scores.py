"""Gathers the numbers of an evaluation, frame by frame."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from d3talker.faces.points import RIGID
from d3talker.metrics.images import flicker, psnr, sharpness_ratio, ssim, ssim_map
from d3talker.metrics.motion import amplitude_ratio, correlation_with_lag, head_jitter, landmark_distance
from d3talker.recipes.evaluate_closures import Closings, closure_numbers
from d3talker.tracking.landmarks import open_tracker
from d3talker.tracking.masks import FACE, HAIR, MOUTH

EYE_CORNERS = (33, 263)
"""Outer corners of both eyes: lip measures are given as parts of their distance, so that size does not matter."""
SHOWN = 12
"""Frames kept for the contact sheet."""
Box = tuple[slice, slice]
_KINDS = ("truth", "predicted", "still")


class Scorer:
    """Takes frames in and gives the numbers of :func:`d3talker.recipes.evaluate.evaluate`.

    Truth, prediction and the still mouth are tracked alike, each by a tracker of its own, so that the same errors
    stand on both sides of every comparison.
    """

    def __init__(self, resolution: int, count: int) -> None:
        self._resolution = resolution
        self._trackers = {kind: open_tracker() for kind in _KINDS}
        self._points: dict[str, list[np.ndarray]] = {kind: [] for kind in _KINDS}
        self._images: dict[str, dict[str, list[dict[str, float]]]] = {kind: defaultdict(list) for kind in _KINDS[1:]}
        self._before: dict[str, np.ndarray] = {}
        self._seconds: list[float] = []
        self._keep = set(np.linspace(0, count - 1, 4 * SHOWN).round().astype(int).tolist())
        self.kept: list[tuple[int, float, np.ndarray]] = []  # place, lip opening, truth beside prediction
        self.lips: dict[str, np.ndarray] = {}

    def add(
        self, truth: np.ndarray, labels: np.ndarray, predicted: np.ndarray, still: np.ndarray, box: np.ndarray
    ) -> None:
        """Scores one frame.

        Args:
            truth: (R, R, 3) uint8; ``predicted`` and ``still`` alike.
            labels: (R, R) uint8 of the truth.
            predicted: what the person shows.
            still: what it shows with a mouth that does not move.
            box: (4,) top, bottom, left, right pixels around the lips.
        """
        head = np.isin(labels, (HAIR, FACE, MOUTH))
        top, bottom, left, right = box
        mouth = np.s_[top:bottom, left:right]
        regions: dict[str, tuple[Any, np.ndarray | None]] = {
            "whole": (..., None),
            "head": (..., head),
            "mouth": (mouth, None),
        }
        pictures = dict(zip(_KINDS, (truth, predicted, still), strict=True))
        for kind in _KINDS[1:]:
            told = _image_scores(pictures[kind], truth, head, mouth)
            if self._before:
                for region, (part, mask) in regions.items():
                    shown, wanted = ((self._before[name][part], pictures[name][part]) for name in (kind, "truth"))
                    told[region]["flicker"] = flicker(shown, wanted, None if mask is None else (mask, mask))
            for region, scores in told.items():
                self._images[kind][region].append(scores)
        self._before = pictures
        for kind, picture in pictures.items():
            faces = self._trackers[kind].track(picture)
            self._points[kind].append(faces[0] if faces else np.full((478, 3), np.nan, np.float32))
        place = len(self._seconds)
        if place in self._keep:
            gap = float(_opening(self._points["truth"][-1][None])[0])
            self.kept.append((place, gap, np.hstack([truth, predicted])))

    def spend(self, seconds: float) -> None:
        """Adds the time that drawing one frame took."""
        self._seconds.append(seconds)

    def numbers(self, told: Closings) -> dict[str, Any]:
        """Everything, in groups; ``still_mouth`` holds what doing nothing would score, ``told`` when lips must meet."""
        points = {kind: np.stack(found) for kind, found in self._points.items()}
        closures = closure_numbers(told, *(_opening(points[kind]) for kind in ("predicted", "truth")))
        seen = np.isfinite(np.stack([p[:, 0, 0] for p in points.values()])).all(axis=0)
        points = {kind: p[seen] for kind, p in points.items()}
        opening = {kind: _opening(p) for kind, p in points.items()}
        width = {kind: _distance(p, 61, 291) / _distance(p, *EYE_CORNERS) for kind, p in points.items()}
        self.lips = {"truth": opening["truth"], "predicted": opening["predicted"]}
        image = {kind: {name: _mean(scores) for name, scores in told.items()} for kind, told in self._images.items()}
        lips: dict[str, Any] = {"frames_tracked": int(seen.sum())}
        for name, series in (("opening", opening), ("width", width)):
            found = correlation_with_lag(series["predicted"], series["truth"])
            lips[f"{name}_correlation"] = found.zero
            lips[f"{name}_lag_frames"] = found.lag
            lips[f"{name}_correlation_at_lag"] = found.best
            lips[f"{name}_amplitude_ratio"] = amplitude_ratio(series["predicted"], series["truth"])
        lips["lmd_mp"] = landmark_distance(points["predicted"], points["truth"])
        still = landmark_distance(points["still"], points["truth"])
        rigid = {kind: p[:, RIGID, :2] for kind, p in points.items()}
        predicted = image["predicted"]
        jitter = {"jitter_beyond_truth_px": head_jitter(rigid["predicted"], rigid["truth"])}
        gain = {"psnr_gain": predicted["mouth"]["psnr"] - image["still"]["mouth"]["psnr"]}
        return {
            "whole": predicted["whole"],
            "head": predicted["head"],
            "mouth": predicted["mouth"],
            "lips": lips,
            "closures": closures,
            "motion": jitter,
            "gain_over_still_mouth": gain,
            "speed": {"frames_per_second": 1.0 / float(np.median(self._seconds))},
            "still_mouth": {**image["still"], "lips": {"lmd_mp": still}},
        }

    def sheet(self) -> list[tuple[int, float, np.ndarray]]:
        """Frames for the contact sheet, from closed to wide open: place, lip opening, truth beside prediction."""
        by_opening = sorted(self.kept, key=lambda kept: kept[1])
        chosen = np.linspace(0, len(by_opening) - 1, min(SHOWN, len(by_opening))).round().astype(int)
        return [by_opening[i] for i in chosen]


def _image_scores(picture: np.ndarray, truth: np.ndarray, head: np.ndarray, mouth: Box) -> dict[str, dict[str, float]]:
    similarity = ssim_map(picture, truth)
    border = (len(truth) - len(similarity)) // 2
    inner_head = head[border:-border, border:-border]
    return {
        "whole": {
            "psnr": psnr(picture, truth),
            "ssim": float(similarity.mean()),
            "sharpness": sharpness_ratio(picture, truth),
        },
        "head": {
            "psnr": psnr(picture, truth, head),
            "ssim": float(similarity[inner_head].mean()),
            "sharpness": sharpness_ratio(picture, truth, head),
        },
        "mouth": {
            "psnr": psnr(picture[mouth], truth[mouth]),
            "ssim": ssim(picture[mouth], truth[mouth]),
            "sharpness": sharpness_ratio(picture[mouth], truth[mouth]),
        },
    }


def _mean(scores: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each score over the frames that have it: the first one cannot flicker."""
    return {name: float(np.mean([score[name] for score in scores if name in score])) for name in scores[-1]}


def _opening(points: np.ndarray) -> np.ndarray:
    """Gap of the inner lips (T,) as a part of the distance of the eyes."""
    return _distance(points, 13, 14) / _distance(points, *EYE_CORNERS)


def _distance(points: np.ndarray, one: int, other: int) -> np.ndarray:
    return np.linalg.norm(points[:, one, :2] - points[:, other, :2], axis=-1)
