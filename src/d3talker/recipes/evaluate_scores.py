"""Gathers the numbers of an evaluation, frame by frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import ndimage

from d3talker.faces.points import RIGID
from d3talker.metrics.action_units import scale_error
from d3talker.metrics.fan import mouth_distance
from d3talker.metrics.images import change_map, psnr, sharpness_ratio, ssim_map
from d3talker.metrics.motion import amplitude_ratio, correlation_with_lag, head_jitter, landmark_distance
from d3talker.recipes.evaluate_closures import Closings, closure_numbers
from d3talker.recipes.evaluate_judges import Judges, lpips
from d3talker.tracking.landmarks import open_tracker
from d3talker.tracking.masks import FACE, HAIR, MOUTH

EYE_CORNERS = (33, 263)
"""Outer corners of both eyes: lip measures are given as parts of their distance, so that size does not matter."""
SHOWN = 12
"""Frames kept for the contact sheet."""
BEST_PSNR = 100.0
"""Decibels that equal pictures count, whose ratio is infinite."""
NO_FACE = np.full((478, 3), np.nan, np.float32)
"""The points of a frame in which none is found."""
SMALLEST = 12
"""Pixels of a side of a crop, which SSIM can still look at."""
Regions = dict[str, tuple[tuple[slice, slice], np.ndarray | None]]
NOTHING = {"still": "still_mouth", "frozen": "frozen_frame"}
"""Ways of doing nothing, and their groups in the numbers."""


class Scorer:
    """Takes frames in and gives the numbers of :func:`d3talker.recipes.evaluate.evaluate`.

    Truth, prediction and what does nothing are tracked alike, each by a tracker of its own, so that the same errors
    stand on both sides of every comparison.

    Args:
        count: frames that will come.
        kinds: what doing nothing there is, of :data:`NOTHING`.
        judges: networks that judge pictures.
        tracked: points that are known already, by kind, (T, 478, 3) pixels; nan where no face was found.
    """

    def __init__(
        self, count: int, kinds: tuple[str, ...], judges: Judges, tracked: Mapping[str, np.ndarray] | None = None
    ) -> None:
        self._judges, self._tracked = judges, tracked or {}
        self._shown = ("predicted", *kinds)
        every = ("truth", *self._shown)
        self._trackers = {kind: open_tracker() for kind in every if kind not in self._tracked}
        self._points: dict[str, list[np.ndarray]] = {kind: [] for kind in every}
        self._mouths: dict[str, list[np.ndarray]] = {kind: [] for kind in every}
        self._images: dict[str, dict[str, list[dict[str, float]]]] = {kind: defaultdict(list) for kind in self._shown}
        self._before: dict[str, np.ndarray] = {}
        self._keep = set(np.linspace(0, count - 1, 4 * SHOWN).round().astype(int).tolist())
        self.kept: list[tuple[int, float, np.ndarray]] = []  # place, lip opening, truth beside prediction

    def add(self, pictures: dict[str, np.ndarray], labels: np.ndarray, box: np.ndarray) -> None:
        """Scores one frame.

        Args:
            pictures: (H, W, 3) uint8: the ``truth``; ``predicted``, what is scored; ``still``, the same head with a
                mouth that does not move; ``frozen``, one frame for ever.
            labels: (H, W) uint8 of the truth.
            box: (4,) top, bottom, left, right pixels around the lips.
        """
        regions = _regions(labels, box)
        for kind in self._shown:
            told = image_scores(pictures[kind], pictures["truth"], regions)
            if self._before:
                changed = change_map(*(both[name] for both in (pictures, self._before) for name in (kind, "truth")))
                for region, (part, mask) in regions.items():
                    told[region]["flicker"] = float((changed[part] if mask is None else changed[mask]).mean())
            if self._judges.perceptual is not None:
                told["whole"]["lpips"] = lpips(self._judges.perceptual, pictures[kind], pictures["truth"])
            for region, scores in told.items():
                self._images[kind][region].append(scores)
        for kind, picture in pictures.items():
            if self._before and np.array_equal(picture, self._before[kind]):
                self._points[kind].append(self._points[kind][-1])
                self._mouths[kind] += self._mouths[kind][-1:]
            else:
                self._track(kind, picture)
        place = len(self._points["truth"]) - 1
        if place in self._keep:
            gap = float(lips_apart(self._points["truth"][-1][None])[0])
            self.kept.append((place, gap, np.hstack([pictures["truth"], pictures["predicted"]])))
        self._before = pictures

    def _track(self, kind: str, picture: np.ndarray) -> None:
        if kind in self._tracked:
            self._points[kind].append(self._tracked[kind][len(self._points[kind])])
        else:
            faces = self._trackers[kind].track(picture)
            self._points[kind].append(faces[0] if faces else NO_FACE)
        if self._judges.fan is not None:
            self._mouths[kind].append(self._judges.fan.mouth(picture))

    def points(self) -> dict[str, np.ndarray]:
        """The tracked points of every kind of picture, (T, 478, 3) pixels; nan where no face was found."""
        return {kind: np.stack(found) for kind, found in self._points.items()}

    def numbers(self, told: Closings | None) -> dict[str, Any]:
        """Everything, in groups; ``still_mouth`` and ``frozen_frame`` hold what doing nothing would score.

        Args:
            told: when lips must meet; None where there is no sound.
        """
        points, reasons = self.points(), self._judges.reasons
        groups: dict[str, dict[str, Any]] = {
            kind: {region: _mean(scores) for region, scores in self._images[kind].items()} for kind in self._shown
        }
        for kind, group in groups.items():
            group["face"] |= self._face_numbers(kind, points)
        shown, true = points["predicted"], points["truth"]
        closures = {} if told is None else closure_numbers(told, lips_apart(shown), lips_apart(true))
        seen = _seen(shown, true)
        shake = head_jitter(shown[seen][:, RIGID, :2], true[seen][:, RIGID, :2])
        numbers = {
            **groups["predicted"],
            "lips": lip_numbers(shown, true, reasons),
            "closures": closures,
            "motion": {"jitter_beyond_truth_px": shake},
        }
        if "still" in self._shown:
            gain = groups["predicted"]["mouth"]["psnr"] - groups["still"]["mouth"]["psnr"]
            numbers["gain_over_still_mouth"] = {"psnr_gain": gain}
        numbers |= {NOTHING[kind]: groups[kind] for kind in self._shown[1:]}
        return _known(numbers, reasons)

    def rows(self) -> list[dict[str, float | None]]:
        """The prediction's numbers frame by frame; None where there is none."""
        points = self.points()
        shown, true, rows = points["predicted"], points["truth"], []
        apart = {"predicted": lips_apart(shown), "truth": lips_apart(true)}
        wide = {"predicted": mouth_wide(shown), "truth": mouth_wide(true)}
        for place in range(len(true)):
            row = {
                f"{region}_{name}": value
                for region, scores in self._images["predicted"].items()
                for name, value in scores[place].items()
            }
            row["lmd_mp"] = landmark_distance(shown[place][None], true[place][None])
            for name, curves in (("opening", apart), ("width", wide)):
                row |= {f"{name}_{kind}": float(curve[place]) for kind, curve in curves.items()}
            rows.append({name: value if np.isfinite(value) else None for name, value in row.items()})
        return rows

    def _face_numbers(self, kind: str, points: dict[str, np.ndarray]) -> dict[str, float]:
        seen = _seen(points[kind], points["truth"])
        shown, true = points[kind][seen], points["truth"][seen]
        error = scale_error(shown, true)
        numbers = {"lmd_mp": landmark_distance(shown, true)}
        if self._judges.fan is not None:
            numbers["lmd"] = mouth_distance(*(np.stack(self._mouths[name]) for name in (kind, "truth")))
        return numbers | {"aue_mp_lower": error.lower, "aue_mp_upper": error.upper}

    def sheet(self) -> list[tuple[int, float, np.ndarray]]:
        """Frames for the contact sheet, from closed to wide open: place, lip opening, truth beside prediction."""
        by_opening = sorted(self.kept, key=lambda kept: kept[1])
        chosen = np.linspace(0, len(by_opening) - 1, min(SHOWN, len(by_opening))).round().astype(int)
        return [by_opening[i] for i in chosen]


def lip_numbers(shown: np.ndarray, truth: np.ndarray, reasons: dict[str, str]) -> dict[str, Any]:
    """How well lips go with those of the truth: correlation as they stand and at the best lag, lag, size of motion.

    Args:
        shown: (T, 478, 2 or 3) tracked points; nan where no face was found, which is left out.
        truth: of as many frames.
        reasons: why a number is None is added here.
    """
    seen = _seen(shown, truth)
    numbers: dict[str, Any] = {"frames_tracked": int(seen.sum())}
    for name, measured in (("opening", lips_apart), ("width", mouth_wide)):
        told, wanted = measured(shown[seen]), measured(truth[seen])
        fit = correlation_with_lag(told, wanted)
        known = not fit.reason
        if fit.reason:
            reasons[f"lips {name}"] = fit.reason
        numbers[f"{name}_correlation"] = fit.zero if known else None
        numbers[f"{name}_lag_ms"] = 40 * fit.lag if known else None
        numbers[f"{name}_correlation_at_lag"] = fit.best if known else None
        numbers[f"{name}_amplitude_ratio"] = amplitude_ratio(told, wanted) if known else None
    return numbers


def image_scores(picture: np.ndarray, truth: np.ndarray, regions: Regions) -> dict[str, dict[str, float]]:
    """PSNR, SSIM and sharpness of a picture in each region.

    Args:
        picture: (R, R, 3) uint8.
        truth: of the same shape.
        regions: name to the part of the picture and the pixels of it that count, or None for all.
    """
    found, windows = {}, ssim_map(picture, truth)
    border = (len(truth) - len(windows)) // 2
    for region, (part, mask) in regions.items():
        shown, wanted = picture[part], truth[part]
        top, left = (side.start or 0 for side in part)
        similarity = windows[top:, left:][: len(wanted) - 2 * border, : wanted.shape[1] - 2 * border]
        inner = similarity if mask is None else similarity[mask[border:-border, border:-border]]
        found[region] = {
            "psnr": min(psnr(shown, wanted, mask), BEST_PSNR),
            "ssim": float(inner.mean()),
            "sharpness": sharpness_ratio(shown, wanted, mask),
        }
    return found


def _regions(labels: np.ndarray, box: np.ndarray) -> Regions:
    top, bottom, left, right = box
    head, everything = np.isin(labels, (HAIR, FACE, MOUTH)), np.s_[:, :]
    face = ndimage.find_objects(np.isin(labels, (FACE, MOUTH)).astype(np.uint8))
    crop = everything
    if face and min(side.stop - side.start for side in face[0]) >= SMALLEST:
        crop = face[0]
    return {
        "whole": (everything, None),
        "head": (everything, head),
        "face": (crop, None),
        "mouth": (np.s_[top:bottom, left:right], None),
    }


def _known(numbers: dict[str, Any], reasons: dict[str, str], start: str = "") -> dict[str, Any]:
    """The numbers with None for what is no number, and why in the reasons."""
    known: dict[str, Any] = {}
    for name, value in numbers.items():
        if isinstance(value, dict):
            known[name] = _known(value, reasons, f"{start}{name} ")
        elif isinstance(value, float) and not np.isfinite(value):
            known[name] = None
            reasons[f"{start}{name}"] = "no frame has what it needs"
        else:
            known[name] = value
    return known


def _seen(shown: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(T,) bool, where both have a face."""
    return np.isfinite(shown[:, 0, 0]) & np.isfinite(truth[:, 0, 0])


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
