"""Kernels of the painted mesh; :mod:`d3talker.ops.pncc` tells what they compute."""

from __future__ import annotations

import numpy as np
from numba import njit

from d3talker.ops.mesh import draw_band, find_rows


class Canvas:
    """The z-buffer of one worker, used for one picture after the other."""

    def __init__(self, width: int, height: int, triangles: int) -> None:
        self._index = np.empty((height, width), dtype=np.int32)
        self._weights = np.empty((height, width, 3), dtype=np.float32)
        self._depth = np.empty((height, width), dtype=np.float32)
        self._rows = np.empty((triangles, 2), dtype=np.int32)

    def paint(
        self, vertices: np.ndarray, triangles: np.ndarray, colours: np.ndarray, supersample: int, picture: np.ndarray
    ) -> None:
        """Draws one picture.

        Args:
            vertices: (V, 3) float64, x and y in pixels of the canvas.
            triangles: (F, 3) int64.
            colours: (F, 3, 3) float32, those of the corners of every triangle.
            supersample: rows and columns of the canvas that make one of the picture.
            picture: (3, H, W) float32, filled with the background; written to.
        """
        height = len(self._index)
        self._index.fill(-1)
        find_rows(vertices, triangles, 0, len(triangles), height, self._rows)
        draw_band(vertices, triangles, self._rows, 0, height, self._index, self._weights, self._depth)
        average(self._index, self._weights, colours, supersample, picture)


@njit(nogil=True, cache=True, error_model="numpy")
def average(index, weights, colours, supersample, picture):
    """Blends the colours of the corners at every sample and averages the samples of a pixel, background and all."""
    height, width = picture.shape[1:]
    share = np.float32(1.0 / supersample**2)
    for row in range(height):
        for column in range(width):
            bare = 0
            red = green = blue = np.float32(0)
            for y in range(row * supersample, (row + 1) * supersample):
                for x in range(column * supersample, (column + 1) * supersample):
                    face = index[y, x]
                    if face < 0:
                        bare += 1
                        continue
                    corner = colours[face]
                    wa, wb, wc = weights[y, x]
                    red += wa * corner[0, 0] + wb * corner[1, 0] + wc * corner[2, 0]
                    green += wa * corner[0, 1] + wb * corner[1, 1] + wc * corner[2, 1]
                    blue += wa * corner[0, 2] + wb * corner[1, 2] + wc * corner[2, 2]
            if bare < supersample**2:
                behind = np.float32(bare)
                picture[0, row, column] = (red + behind * picture[0, row, column]) * share
                picture[1, row, column] = (green + behind * picture[1, row, column]) * share
                picture[2, row, column] = (blue + behind * picture[2, row, column]) * share
