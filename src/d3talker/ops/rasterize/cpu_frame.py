"""Drives the CPU kernels over the pool: one camera forward, and its gradients."""

from __future__ import annotations

import numpy as np
from numpy import ndarray

from d3talker.ops.pool import Pool
from d3talker.ops.rasterize.cpu_bin import count_entries, fill_entries, place_lists
from d3talker.ops.rasterize.cpu_blend import (
    BACKWARD_PLANES,
    FORWARD_PLANES,
    SPAN_BATCH,
    TILE_HEIGHT,
    TILE_PIXELS,
    TILE_WIDTH,
    blend_tiles,
    replay_tiles,
)
from d3talker.ops.rasterize.cpu_data import Lists, Pictures, Scene, SceneGradients, Walk
from d3talker.ops.rasterize.cpu_project import gather_extra, project_gaussians, unproject_gradients

_RUNS = 12  # of tiles per worker: they even out what the costs do not foresee
_TILE_COST = 4  # entries that an empty tile costs


def render_frame(
    pool: Pool, scene: Scene, background: ndarray, near: float, training: bool, pictures: Pictures, radii: ndarray
) -> Walk:
    """Renders one camera into ``pictures`` and ``radii`` (N,), which starts as zeros.

    Args:
        pool: threads.
        scene: what to render.
        background: (H * W, C), or (1, C) for all pixels alike.
        near: nearest camera z that is drawn, metres, > 0.
        training: whether gradients will be asked for.
        pictures: written.
        radii: int32, written.
    """
    height, width, channels = pictures.features.shape
    size, tile = (width, height), (TILE_WIDTH, TILE_HEIGHT)
    order = _depth_order(scene, near)
    count = len(order)
    packed, boxes = np.empty((count, 16), np.float32), np.empty((count, 4), np.int32)
    extra = np.empty((count, -(-max(0, channels - 3) // 4) * 4), np.float32)
    parts = _parts(pool, count)

    def project(chunk: int, worker: int) -> None:
        first, last = parts[chunk], parts[chunk + 1]
        project_gaussians(
            first, last, order, scene.means, scene.quats, scene.scales, scene.opacities, scene.features, scene.probe,
            scene.pose, scene.intrinsics, size, tile, packed, boxes, radii,
        )  # fmt: skip
        if extra.shape[1]:
            gather_extra(first, last, order, scene.features, extra)

    pool.run(len(parts) - 1, project)
    lists, bounds = _bin(pool, boxes, width, height, parts)
    planes = FORWARD_PLANES + extra.shape[1]
    tiles = [_aligned(planes * TILE_PIXELS) for _ in range(pool.workers)]
    scratches = [_aligned(8 * SPAN_BATCH) for _ in range(pool.workers)]
    step = int(len(background) > 1)

    def blend(chunk: int, worker: int) -> None:
        blend_tiles(
            bounds[chunk], bounds[chunk + 1], lists, packed, extra, background, step, training,
            tiles[worker], scratches[worker], pictures,
        )  # fmt: skip

    pool.run(len(bounds) - 1, blend)
    return Walk(order, packed, extra, boxes, lists, bounds)


def frame_gradients(
    pool: Pool, scene: Scene, walk: Walk, pictures: Pictures, gradients: Pictures, pose_wanted: bool
) -> SceneGradients:
    """Takes loss gradients of ``pictures`` back to the scene; ``walk`` and ``pictures`` are :func:`render_frame`'s."""
    height, width, _ = pictures.features.shape
    extra_channels = walk.extra.shape[1]
    sums = np.zeros((pool.workers, len(walk.order), 10 + extra_channels), np.float32)
    tiles = [_aligned((BACKWARD_PLANES + extra_channels) * TILE_PIXELS) for _ in range(pool.workers)]

    def replay(chunk: int, worker: int) -> None:
        replay_tiles(
            walk.bounds[chunk], walk.bounds[chunk + 1], walk.lists, walk.packed, walk.extra, pictures, gradients,
            tiles[worker], sums[worker],
        )  # fmt: skip

    pool.run(len(walk.bounds) - 1, replay)

    fields = (scene.means, scene.quats, scene.scales, scene.opacities, scene.features, scene.probe, scene.pose)
    found = SceneGradients(*[np.zeros_like(field) for field in fields])
    parts = _parts(pool, len(walk.order))
    poses = np.zeros((len(parts) - 1, 3 if pose_wanted else 0, 4))

    def unproject(chunk: int, worker: int) -> None:
        unproject_gradients(
            parts[chunk], parts[chunk + 1], walk.order, scene.means, scene.quats, scene.scales, scene.opacities,
            scene.pose, scene.intrinsics, (width, height), walk.packed, walk.boxes, sums, found.means, found.quats,
            found.scales, found.opacities, found.features, found.probe, poses[chunk],
        )  # fmt: skip

    pool.run(len(parts) - 1, unproject)
    if pose_wanted:
        found.pose[:3] = poses.sum(axis=0)
    return found


def _depth_order(scene: Scene, near: float) -> ndarray:
    depths = scene.means @ scene.pose[2, :3] + scene.pose[2, 3]
    drawable = np.flatnonzero((depths >= near) & (depths < np.inf))
    # the bits of positive floats sort like the floats; the index below them keeps equal depths in order
    keys = (depths.view(np.uint32)[drawable].astype(np.uint64) << np.uint64(32)) | drawable.astype(np.uint64)
    keys.sort()
    return keys.astype(np.uint32).view(np.int32)


def _bin(pool: Pool, boxes: ndarray, width: int, height: int, parts: list[int]) -> tuple[Lists, list[int]]:
    across, down = -(-width // TILE_WIDTH), -(-height // TILE_HEIGHT)
    counts = np.empty((len(parts) - 1, across * down), np.int32)
    offsets = np.empty(across * down + 1, np.int64)
    pool.run(len(counts), lambda c, worker: count_entries(parts[c], parts[c + 1], boxes, across, counts[c]))
    place_lists(counts, offsets)
    entries = np.empty(offsets[-1], np.int32)
    pool.run(len(counts), lambda c, worker: fill_entries(parts[c], parts[c + 1], boxes, across, counts[c], entries))

    # runs of neighbouring tiles, which share cache lines of the pictures, of about equal cost
    cost = np.cumsum(np.diff(offsets) + _TILE_COST)
    runs = _RUNS * pool.workers
    cuts = np.searchsorted(cost, cost[-1] * np.arange(1, runs) / runs)
    spans = np.empty((len(entries), 2), np.uint16)
    lists = Lists(across, offsets, entries, spans, np.empty(across * down, np.int32))
    return lists, [0, *cuts.tolist(), across * down]


def _parts(pool: Pool, count: int) -> list[int]:
    """Bounds of equal parts, one a worker."""
    return [count * part // pool.workers for part in range(pool.workers + 1)]


def _aligned(floats: int) -> ndarray:
    """Zeros that start on a cache line."""
    room = np.zeros(floats + 16, np.float32)
    skip = -(room.ctypes.data // 4) % 16
    return room[skip : skip + floats]
