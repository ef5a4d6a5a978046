"""What a motion video shows, page by page: the predicted face, and a tracked one where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from d3talker.faces.lip_gauge import LipGauge
from d3talker.faces.model import FaceModel
from d3talker.recipes.motion_compare import Agreement, Tracked, compare
from d3talker.recipes.motion_page import Page
from d3talker.recipes.motion_pictures import FacePainter

TURN = 35.0
"""Degrees that the second view is turned by: lips that push forward are seen from the side."""
_AT_ONCE = 25  # faces in memory; dense models have 35,709 vertices


class Scene:
    """Draws the frames of a motion video and keeps what is needed to compare lips.

    Args:
        model: the face model of all coefficients.
        page: where everything is laid out.
        tracked: the face to draw beside, if any.
    """

    def __init__(self, model: FaceModel, page: Page, tracked: Tracked | None) -> None:
        self._model, self._page, self._tracked = model, page, tracked
        self._painter, self._gauge = FacePainter(model, page.panel_height), LipGauge(model)
        self._done = 0  # frames drawn
        self._curves: list[tuple[np.ndarray, np.ndarray]] = []
        if tracked is None:
            page.name(("predicted", f"predicted, turned {TURN:.0f}°", "predicted, PNCC"), ("predicted",))
        else:
            page.name(("predicted", "tracked", "predicted, PNCC"), ("predicted", "tracked"))

    def pictures(self, coefficients: np.ndarray, samples: np.ndarray) -> Iterator[np.ndarray]:
        """The frames (height, width, 3) uint8 of the next page.

        Args:
            coefficients: (T, Ke) of its frames.
            samples: (S,) their sound.
        """
        first, frames = self._done, len(coefficients)
        curves = [self._measure(coefficients[i : i + _AT_ONCE]) for i in range(0, frames, _AT_ONCE)]
        openings = [np.concatenate([opening for opening, _ in curves])]
        if self._tracked is not None:
            openings.append(self._tracked.openings(first, frames))
            if first < self._tracked.end:  # what comes after is not compared, and an hour of it not kept
                self._curves += curves
        self._page.turn(first, samples, openings)
        for i in range(frames):
            yield self._page.frame(first + i, self._panels(first + i, coefficients[i]))
        self._done += frames

    def agreement(self) -> Agreement | None:
        """How well the lips drawn so far agree with the tracked ones; None where there are none."""
        if self._tracked is None:
            return None
        opening, width = (np.concatenate(curves) for curves in zip(*self._curves, strict=True))
        return compare(opening, width, self._tracked)

    def _panels(self, number: int, coefficients: np.ndarray) -> list[np.ndarray]:
        face = self._faces(coefficients[None])[0]
        if self._tracked is None:
            beside = self._painter.shaded(face, TURN)
        elif self._tracked.first <= number < self._tracked.end:
            true = self._tracked.coefficients[number - self._tracked.first]
            beside = self._painter.shaded(self._faces(true[None])[0])
        else:
            beside = self._painter.nothing()
        return [self._painter.shaded(face), beside, self._painter.pncc(coefficients)]

    def _measure(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        faces = self._faces(coefficients)
        return self._gauge.opening(faces), self._gauge.width(faces)

    def _faces(self, coefficients: np.ndarray) -> np.ndarray:
        return self._model.vertices(torch.from_numpy(coefficients).float()).numpy()
