"""The page that a motion video shows: three pictures, under them the sound and how far the lips are open.

A page holds up to ten seconds; its curves are drawn once, a cursor then walks over them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from d3talker.metrics.closure import SHUT, runs

WIDTH = 1280
"""Pixels of a page, if nothing else is asked for; everything else is given for this width."""
HEIGHT = 720
_LEFT, _GAP, _TOP = 16, 8, 44
_PANEL_WIDTH, _PANEL_HEIGHT = 411, 440
_WAVE_TOP, _WAVE_HEIGHT = 498, 72
_TRACE_TOP, _TRACE_HEIGHT = 578, 106
_PLOT_LEFT, _PLOT_RIGHT = 72, WIDTH - 15
_HIGHEST = 21.0  # millimetres at the top of the trace
_LEGEND = 702
_SMALL, _LARGE = 15, 19
_FINE = 2  # curves are drawn so many times larger

_PAGE, _CARD, _INK, _SOFT, _LINE = (12, 13, 16), (23, 26, 31), (226, 230, 236), (138, 146, 158), (48, 53, 61)
_WAVE, _CURSOR = (96, 112, 136), (255, 255, 255)
COLOURS = ((92, 172, 255), (255, 178, 72))
"""Of the curves: the prediction, the truth."""


class Page:
    """Lays pictures and curves out.

    Args:
        width: pixels of the video; an odd one becomes even.
        title: what is heard.
        peak: largest value of the sound.
        total: frames of the whole video.
    """

    def __init__(self, width: int, title: str, peak: float, total: int) -> None:
        self._scale = width / WIDTH
        self.width, self.height = width + width % 2, 2 * round(HEIGHT * self._scale / 2)
        self.panel_height = self._px(_PANEL_HEIGHT)
        self._panel_width = self._px(_PANEL_WIDTH)
        self._peak, self._total = peak, total
        self._fonts = {size: ImageFont.load_default(max(8, round(size * self._scale))) for size in (_SMALL, _LARGE)}
        self._panels: Sequence[str] = ()
        self._first, self._frames = 0, 1
        self._blank = Image.new("RGB", (self.width, self.height), _PAGE)
        pen = ImageDraw.Draw(self._blank)
        self._write(pen, (_LEFT, 22), title if len(title) <= 90 else f"{title[:89]}…", _INK, size=_LARGE)
        for name, top, height in (("sound", _WAVE_TOP, _WAVE_HEIGHT), ("lips apart", _TRACE_TOP, _TRACE_HEIGHT)):
            pen.rectangle(self._box(_PLOT_LEFT, top, _PLOT_RIGHT, top + height), fill=_CARD)
            self._write(pen, (_PLOT_LEFT + 8, top + 13), name, _SOFT)
        for millimetres, told in ((0, "0"), (10, "10"), (20, "20 mm")):
            self._write(pen, (_PLOT_LEFT - 7, self._height(millimetres)), told, _SOFT, anchor="rm")
        told = f"bars: predicted lips are shut, less than {1000 * SHUT:.1f} mm apart"
        self._write(pen, (_PLOT_LEFT, _LEGEND), told, _SOFT)
        self._plots = self._blank

    def name(self, panels: Sequence[str], curves: Sequence[str]) -> None:
        """Names the three pictures and the one or two curves of lip opening."""
        self._panels = panels
        pen, right = ImageDraw.Draw(self._blank), float(_PLOT_RIGHT)
        for name, colour in reversed(list(zip(curves, COLOURS, strict=False))):
            self._write(pen, (right, _LEGEND), name, colour, anchor="rm")
            right -= pen.textlength(name, self._fonts[_SMALL]) / self._scale + 20

    def turn(self, first: int, samples: np.ndarray, openings: Sequence[np.ndarray]) -> None:
        """Draws the curves of the next page.

        Args:
            first: number of its first frame.
            samples: (S,) the sound in its frames.
            openings: lip opening (T,) in metres for every curve, nan where there is none.
        """
        self._first, self._frames = first, len(openings[0])
        page = self._blank.copy()
        box = self._box(_PLOT_LEFT, _WAVE_TOP, _PLOT_RIGHT, _TRACE_TOP + _TRACE_HEIGHT)
        fine = page.crop(box).resize((_FINE * (box[2] - box[0]), _FINE * (box[3] - box[1])), Image.Resampling.NEAREST)
        pen = ImageDraw.Draw(fine)
        self._draw_sound(pen, fine.width, samples)
        self._draw_shut(pen, fine.width, openings[0])
        for millimetres in (5, 10, 15, 20):
            y = self._fine_y(self._height(millimetres))
            pen.line([(0, y), (fine.width, y)], fill=_LINE, width=_FINE // 2)
        for opening, colour in reversed(list(zip(openings, COLOURS, strict=False))):
            self._draw_curve(pen, fine.width, opening, colour)
        page.paste(fine.reduce(_FINE), box[:2])
        self._plots = page

    def frame(self, number: int, panels: Sequence[np.ndarray]) -> np.ndarray:
        """One frame (height, width, 3) uint8.

        Args:
            number: of the frame in the video.
            panels: three pictures (``panel_height``, ``panel_height``, 3) uint8; the middle of their width is shown.
        """
        page, side = self._plots.copy(), (self.panel_height - self._panel_width) // 2
        pen = ImageDraw.Draw(page)
        for i, (panel, label) in enumerate(zip(panels, self._panels, strict=True)):
            left = _LEFT + i * (_PANEL_WIDTH + _GAP)
            shown = np.ascontiguousarray(panel[:, side : side + self._panel_width])
            page.paste(Image.fromarray(shown), (self._px(left), self._px(_TOP)))
            self._write(pen, (left + 12, _TOP + 18), label, _SOFT)
        clock = f"{number / 25:.2f} / {self._total / 25:.2f} s"
        self._write(pen, (_PLOT_RIGHT, 22), clock, _SOFT, size=_LARGE, anchor="rm")
        x = _PLOT_LEFT + (number - self._first + 0.5) / self._frames * (_PLOT_RIGHT - _PLOT_LEFT)
        pen.rectangle(self._box(x - 0.7, _WAVE_TOP, x + 0.7, _TRACE_TOP + _TRACE_HEIGHT), fill=_CURSOR)
        return np.asarray(page)

    def _draw_sound(self, pen: ImageDraw.ImageDraw, width: int, samples: np.ndarray) -> None:
        middle, half = self._fine_y(_WAVE_TOP + _WAVE_HEIGHT / 2), 0.46 * _WAVE_HEIGHT * self._scale * _FINE
        for x, (low, high) in enumerate((_envelope(samples, width) / self._peak).clip(-1, 1).tolist()):
            pen.line([(x, middle - half * high - 1), (x, middle - half * low + 1)], fill=_WAVE)

    def _draw_shut(self, pen: ImageDraw.ImageDraw, width: int, opening: np.ndarray) -> None:
        step, colour = width / self._frames, (COLOURS[0][0] // 2, COLOURS[0][1] // 2, COLOURS[0][2] // 2)
        top, bottom = self._fine_y(_TRACE_TOP + _TRACE_HEIGHT - 5), self._fine_y(_TRACE_TOP + _TRACE_HEIGHT)
        for first, end in runs(opening < SHUT):
            pen.rectangle([first * step, top, end * step, bottom], fill=colour)

    def _draw_curve(
        self, pen: ImageDraw.ImageDraw, width: int, opening: np.ndarray, colour: tuple[int, int, int]
    ) -> None:
        points = [
            ((i + 0.5) * width / self._frames, self._fine_y(self._height(min(1000 * metres, _HIGHEST))))
            for i, metres in enumerate(opening.tolist())
            if not math.isnan(metres)
        ]
        if len(points) > 1:
            pen.line(points, fill=colour, width=max(1, round(1.6 * self._scale * _FINE)), joint="curve")

    def _height(self, millimetres: float) -> float:
        """Place on the page of a lip opening."""
        return _TRACE_TOP + _TRACE_HEIGHT - 6 - millimetres / _HIGHEST * (_TRACE_HEIGHT - 12)

    def _fine_y(self, y: float) -> float:
        return (y - _WAVE_TOP) * self._scale * _FINE

    def _px(self, value: float) -> int:
        return round(value * self._scale)

    def _box(self, left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int]:
        return self._px(left), self._px(top), self._px(right), self._px(bottom)

    def _write(
        self,
        pen: ImageDraw.ImageDraw,
        at: tuple[float, float],
        text: str,
        colour: tuple[int, int, int],
        size: int = _SMALL,
        anchor: str = "lm",
    ) -> None:
        place = (at[0] * self._scale, at[1] * self._scale)
        pen.text(place, text, fill=colour, font=self._fonts[size], anchor=anchor)


def _envelope(samples: np.ndarray, columns: int) -> np.ndarray:
    """Lowest and highest sample (columns, 2) of every column; 0 where there are none."""
    if len(samples) < columns:
        samples = np.pad(samples, (0, columns - len(samples)))
    starts = np.linspace(0, len(samples), columns, endpoint=False).astype(int)
    return np.stack([np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)], axis=1)
