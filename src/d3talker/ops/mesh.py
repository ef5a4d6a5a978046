"""Triangle meshes: which triangle is seen at every pixel, by a z-buffer over row bands; normals at the vertices."""

from __future__ import annotations

import numba
import numpy as np

from d3talker.ops.pool import shared_pool


def rasterize_mesh(
    vertices: np.ndarray, triangles: np.ndarray, width: int, height: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finds the nearest triangle at every pixel centre.

    A pixel belongs to a triangle when its centre (column + 0.5, row + 0.5) lies inside or on an edge, whichever way the
    triangle is wound; of several the nearest is kept, of equally near ones the first. Triangles with a vertex that is
    not finite or not in front of the camera, and triangles without area, are not drawn.

    Args:
        vertices: (V, 3) pixel x, pixel y and camera z in metres (> 0).
        triangles: (F, 3) integer vertex numbers.
        width: pixels in a row.
        height: rows.

    Returns:
        Triangle number (height, width) int32, -1 where there is none; the weights of its three vertices
        (height, width, 3) float32, perspective-correct (they blend any vertex attribute; sum 1, or 0 where there is no
        triangle); depth (height, width) float32 in metres, 0 where there is none.

    Raises:
        ValueError: shapes that do not fit, or vertex numbers out of range.
    """
    vertices = np.ascontiguousarray(vertices, dtype=np.float64)
    triangles = np.ascontiguousarray(triangles, dtype=np.int64)
    if vertices.ndim != 2 or vertices.shape[1] != 3 or triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ValueError(f"vertices {vertices.shape} and triangles {triangles.shape}; wanted (V, 3) and (F, 3)")
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(vertices)):
        raise ValueError(f"triangles name vertices outside 0..{len(vertices) - 1}")
    index = np.full((height, width), -1, dtype=np.int32)
    weights = np.zeros((height, width, 3), dtype=np.float32)
    depth = np.zeros((height, width), dtype=np.float32)
    pool = shared_pool()
    # Several bands a worker: faces fill the middle of a picture, so wide bands would leave workers idle.
    edges = np.linspace(0, height, min(height, 4 * pool.workers) + 1).astype(np.int64)
    rows = np.empty((len(triangles), 2), dtype=np.int32)
    shares = np.linspace(0, len(triangles), pool.workers + 1).astype(np.int64)
    pool.run(
        pool.workers,
        lambda share, worker: find_rows(vertices, triangles, shares[share], shares[share + 1], height, rows),
    )
    pool.run(
        len(edges) - 1,
        lambda band, worker: draw_band(vertices, triangles, rows, edges[band], edges[band + 1], index, weights, depth),
    )
    return index, weights, depth


@numba.njit(nogil=True, cache=True)
def vertex_normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Unit normals at the vertices: the sum of the triangles around, weighted by area.

    Args:
        points: (V, 3).
        triangles: (F, 3) int, counter-clockwise seen from outside in a right-handed frame.

    Returns:
        (V, 3), like ``points``; 0 where no triangle has area.
    """
    normals = np.zeros_like(points)
    for face in range(len(triangles)):
        a, b, c = triangles[face]
        ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
        vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for vertex in (a, b, c):
            normals[vertex, 0] += nx
            normals[vertex, 1] += ny
            normals[vertex, 2] += nz
    for vertex in range(len(points)):
        length = np.sqrt((normals[vertex] ** 2).sum())
        if length > 0.0:
            normals[vertex] /= length
    return normals


@numba.njit(nogil=True, cache=True)
def find_rows(vertices, triangles, first, end, height, rows):
    """First and last picture row of every triangle; the first stands after the last where nothing is to be drawn."""
    for face in range(first, end):
        a, b, c = triangles[face]
        xa, ya, za = vertices[a]
        xb, yb, zb = vertices[b]
        xc, yc, zc = vertices[c]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        rows[face, 0], rows[face, 1] = 1, 0
        if za > 0.0 and zb > 0.0 and zc > 0.0 and area != 0.0 and np.isfinite(area) and np.isfinite(za + zb + zc):
            top = max(0.0, np.ceil(min(ya, yb, yc) - 0.5))
            bottom = min(height - 1.0, np.floor(max(ya, yb, yc) - 0.5))
            if top <= bottom:
                rows[face, 0], rows[face, 1] = int(top), int(bottom)


@numba.njit(nogil=True, cache=True)
def draw_band(vertices, triangles, rows, first_row, end_row, index, weights, depth):
    """Draws the part of every triangle that lies in the rows ``first_row`` to ``end_row`` - 1."""
    width = index.shape[1]
    nearest = np.zeros((end_row - first_row, width))  # 1 / z of what is drawn so far: linear in the picture
    for face in range(triangles.shape[0]):
        top, bottom = max(rows[face, 0], first_row), min(rows[face, 1], end_row - 1)
        if top > bottom:
            continue
        a, b, c = triangles[face]
        xa, ya, za = vertices[a]
        xb, yb, zb = vertices[b]
        xc, yc, zc = vertices[c]
        left = int(max(0.0, np.ceil(min(xa, xb, xc) - 0.5)))
        right = int(min(width - 1.0, np.floor(max(xa, xb, xc) - 0.5)))
        if left > right:
            continue
        # Measured from the pixel, so that two triangles see a shared edge with exactly opposite signs: no holes.
        per_area = 1.0 / ((xb - xa) * (yc - ya) - (xc - xa) * (yb - ya))
        near_a, near_b, near_c = 1.0 / za, 1.0 / zb, 1.0 / zc
        for row in range(top, bottom + 1):
            up_a, up_b, up_c = ya - (row + 0.5), yb - (row + 0.5), yc - (row + 0.5)
            entered = False
            for column in range(left, right + 1):
                x = column + 0.5
                wa = ((xb - x) * up_c - (xc - x) * up_b) * per_area
                wb = ((xc - x) * up_a - (xa - x) * up_c) * per_area
                wc = ((xa - x) * up_b - (xb - x) * up_a) * per_area
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    if entered:
                        break
                    continue
                entered = True
                closeness = wa * near_a + wb * near_b + wc * near_c
                if closeness > nearest[row - first_row, column]:
                    nearest[row - first_row, column] = closeness
                    z = 1.0 / closeness
                    index[row, column] = face
                    weights[row, column, 0] = wa * near_a * z
                    weights[row, column, 1] = wb * near_b * z
                    weights[row, column, 2] = wc * near_c * z
                    depth[row, column] = z
