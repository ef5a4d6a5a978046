"""Meshes painted with a colour at each vertex, edges smooth: the pictures of facial motion (PNCC)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from d3talker.ops.backend import runs_on_cpu_kernels
from d3talker.ops.pncc_cpu import Canvas
from d3talker.ops.pool import shared_pool

_TILE = 32  # rows and columns of samples that the reference looks at together
_AT_ONCE = 32  # pictures that it draws together


def paint(
    vertices: Tensor,
    triangles: Tensor,
    colours: Tensor,
    width: int,
    height: int,
    background: float = -1.0,
    supersample: int = 2,
    backend: str = "auto",
) -> Tensor:
    """Paints meshes that share their triangles and colours. Not differentiable.

    Every pixel is the mean of ``supersample`` x ``supersample`` samples. A sample takes the nearest triangle that it
    lies in or on the edge of, whichever way that is wound (:func:`~d3talker.ops.mesh.rasterize_mesh` has the whole
    rule), and blends its corners' colours in perspective; where there is none it takes the background. Both backends
    decide coverage in float64 by the same arithmetic, so they choose the same triangles and differ by rounding only
    (4e-7 for colours in [-1, 1]).

    Args:
        vertices: (B, V, 3) pixel x, pixel y, z from the camera in metres (> 0).
        triangles: (F, 3) integer vertex numbers.
        colours: (V, 3).
        width: pixels in a row.
        height: rows.
        background: value of every channel where there is no triangle.
        supersample: samples along each side of a pixel.
        backend: auto (the CPU kernels for float32 on the CPU, else reference), reference (plain torch, any device) or
            cpu.

    Returns:
        (B, 3, height, width) float32, on the device of the vertices.

    Raises:
        ValueError: shapes that do not fit, vertex numbers out of range, or a backend that cannot take the tensors.
    """
    if vertices.ndim != 3 or vertices.shape[2] != 3 or triangles.ndim != 2 or triangles.shape[1] != 3:
        seen = f"vertices {tuple(vertices.shape)} and triangles {tuple(triangles.shape)}"
        raise ValueError(f"{seen}; wanted (B, V, 3) and (F, 3)")
    if colours.shape != vertices.shape[1:]:
        raise ValueError(f"colours {tuple(colours.shape)}; wanted {tuple(vertices.shape[1:])}")
    if triangles.numel() and not 0 <= int(triangles.min()) <= int(triangles.max()) < len(colours):
        raise ValueError(f"triangles name vertices outside 0..{len(colours) - 1}")
    scale = torch.tensor([supersample, supersample, 1.0], dtype=torch.float64, device=vertices.device)
    samples = vertices.detach().double() * scale
    if runs_on_cpu_kernels(backend, vertices, colours):
        return _paint_cpu(samples, triangles, colours, width, height, background, supersample)
    pictures = vertices.new_empty((len(vertices), 3, height, width), dtype=torch.float32)
    size = width * supersample, height * supersample
    for some, picture in zip(samples.split(_AT_ONCE), pictures.split(_AT_ONCE), strict=True):
        sampled = _paint_reference(some, triangles.long(), colours.float(), *size, background)
        pixels = sampled.unflatten(2, (width, supersample)).unflatten(1, (height, supersample))
        picture[:] = pixels.mean(dim=(2, 4)).permute(0, 3, 1, 2)
    return pictures


def _paint_cpu(
    samples: Tensor, triangles: Tensor, colours: Tensor, width: int, height: int, background: float, supersample: int
) -> Tensor:
    corners = np.ascontiguousarray(triangles.numpy(), dtype=np.int64)
    points, palette = samples.numpy(), colours.numpy()[corners]
    pictures = np.full((len(samples), 3, height, width), background, dtype=np.float32)
    pool = shared_pool()
    canvases: list[Canvas | None] = [None] * pool.workers

    def draw(number: int, worker: int) -> None:
        canvas = canvases[worker] or Canvas(width * supersample, height * supersample, len(corners))
        canvases[worker] = canvas
        canvas.paint(points[number], corners, palette, supersample, pictures[number])

    pool.run(len(pictures), draw)
    return torch.from_numpy(pictures)


def _paint_reference(
    samples: Tensor, triangles: Tensor, colours: Tensor, width: int, height: int, background: float
) -> Tensor:
    """One colour a sample, (B, height, width, 3), by trying in each tile every triangle that may touch it."""
    corners = samples[:, triangles]  # (B, F, 3 corners, 3)
    x, y, z = corners.unbind(dim=-1)
    area = (x[..., 1] - x[..., 0]) * (y[..., 2] - y[..., 0]) - (x[..., 2] - x[..., 0]) * (y[..., 1] - y[..., 0])
    drawn = (z > 0).all(dim=-1) & (area != 0) & area.isfinite() & z.sum(dim=-1).isfinite()
    left, right = (edge.masked_fill(~drawn, torch.nan) for edge in (x.amin(dim=-1), x.amax(dim=-1)))
    top, bottom = (edge.masked_fill(~drawn, torch.nan) for edge in (y.amin(dim=-1), y.amax(dim=-1)))
    pictures = colours.new_full((len(samples), height, width, 3), background)
    for row in range(0, height, _TILE):
        for column in range(0, width, _TILE):
            below, beside = min(row + _TILE, height), min(column + _TILE, width)
            touching = (left < beside) & (right > column) & (top < below) & (bottom > row)  # never for not-a-number
            faces = touching.any(dim=0).nonzero()[:, 0]
            if not len(faces):
                continue
            ys = torch.arange(row, below, dtype=torch.float64, device=samples.device) + 0.5
            xs = torch.arange(column, beside, dtype=torch.float64, device=samples.device) + 0.5
            centres = torch.stack([xs.repeat(len(ys)), ys.repeat_interleave(len(xs))])
            palette = colours[triangles[faces]]
            tile = _paint_tile(corners[:, faces], touching[:, faces], palette, centres, background)
            pictures[:, row:below, column:beside] = tile.unflatten(1, (len(ys), len(xs)))
    return pictures


def _paint_tile(corners: Tensor, drawn: Tensor, colours: Tensor, centres: Tensor, background: float) -> Tensor:
    """(B, P, 3): corners (B, F, 3, 3), drawn (B, F) bool, colours (F, 3, 3) of the corners, centres (2, P)."""
    x, y, z = (corner[..., None] for corner in corners.unbind(dim=-1))  # (B, F, 3, 1)
    xa, xb, xc = x.unbind(dim=2)
    ya, yb, yc = y.unbind(dim=2)
    per_area = 1.0 / ((xb - xa) * (yc - ya) - (xc - xa) * (yb - ya))
    up_a, up_b, up_c = ya - centres[1], yb - centres[1], yc - centres[1]
    weights = torch.stack(
        [
            ((xb - centres[0]) * up_c - (xc - centres[0]) * up_b) * per_area,
            ((xc - centres[0]) * up_a - (xa - centres[0]) * up_c) * per_area,
            ((xa - centres[0]) * up_b - (xb - centres[0]) * up_a) * per_area,
        ],
        dim=2,
    )  # (B, F, 3, P)
    near = weights * (1.0 / z)
    closeness = near[:, :, 0] + near[:, :, 1] + near[:, :, 2]
    covered = (weights >= 0).all(dim=2) & drawn[..., None]
    closest, face = closeness.masked_fill(~covered, 0.0).max(dim=1)  # the first of equals
    picked = near.gather(1, face[:, None, None].expand(-1, -1, 3, -1))[:, 0]  # (B, 3, P)
    blend = (picked * (1.0 / closest)[:, None]).float()
    painted = torch.einsum("bkp,bpkc->bpc", blend, colours[face])
    return torch.where((closest > 0)[..., None], painted, background)
