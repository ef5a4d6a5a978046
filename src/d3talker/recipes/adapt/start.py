"""Where the Gaussians start: on the tracked surface, in the colours of a frame."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial import cKDTree

from d3talker.config.method import BranchSettings
from d3talker.faces.points import INNER_LIPS
from d3talker.models.gaussians import Gaussians, start_gaussians
from d3talker.recipes.adapt.frames import TrainingFrames
from d3talker.tracking.clip import Clip
from d3talker.tracking.geometry import face_geometry
from d3talker.tracking.masks import FACE, HAIR, MOUTH


def start_face(clip: Clip, frames: TrainingFrames, settings: BranchSettings, rng: np.random.Generator) -> Gaussians:
    """The face branch: one Gaussian a few pixels of the head in the most frontal frame, or a cube of random points.

    Skin takes its depth from the fitted face; hair and ears continue it backwards, the farther from the face the
    deeper.
    """
    if settings.start == "cube":
        points = rng.uniform(-0.1, 0.1, (settings.points, 3))
        return _gaussians(points, rng.uniform(0, 1, (settings.points, 3)) / 255 + 0.5, settings, frames)
    best = most_frontal(frames)
    label = np.asarray(frames.labels[best])
    camera = frames.world_to_cam[best].cpu().numpy().astype(np.float64)
    intrinsics = frames.intrinsics.cpu().numpy().astype(np.float64)
    depth, _, seen = face_geometry(clip.face_points[best], camera, intrinsics, frames.resolution)

    head = (label == FACE) | (label == HAIR)
    rows, columns = np.nonzero(head)
    chosen = rng.permutation(len(rows))[: settings.points]
    pixels = np.stack([columns[chosen], rows[chosen]], axis=1) + rng.uniform(0, 1, (len(chosen), 2))
    known_rows, known_columns = np.nonzero(seen)
    known = np.stack([known_columns, known_rows], axis=1) + 0.5
    distance, nearest = cKDTree(known).query(pixels)
    metres_a_pixel = np.median(depth[seen]) / intrinsics[0, 0]
    z = depth[known_rows, known_columns][nearest] + 0.6 * distance * metres_a_pixel
    points = _at_rest(_unproject(pixels, z, camera, intrinsics), clip, best)
    rgb = np.asarray(frames.pictures[best])[rows[chosen], columns[chosen]] / 255.0
    return _gaussians(points, rgb, settings, frames)


def start_mouth(clip: Clip, frames: TrainingFrames, settings: BranchSettings, rng: np.random.Generator) -> Gaussians:
    """The mouth branch: points in a box behind the lips, in the mean colour of the inside of the mouth."""
    if settings.start == "cube":
        points = rng.uniform(-0.1, 0.1, (settings.points, 3))
        return _gaussians(points, rng.uniform(0, 1, (settings.points, 3)) / 255 + 0.5, settings, frames)
    lips = clip.face_points[: len(frames)][:, INNER_LIPS].reshape(-1, 3)
    low, high = np.percentile(lips, [1, 99], axis=0)
    low[2] = high[2] - 0.03
    high[2] -= 0.004
    grown = np.array([0.002, 0.003, 0.0])
    points = rng.uniform(low - grown, high + grown, (settings.points, 3))
    open_most = int(np.argmax(frames.lip_opening))
    inside = np.asarray(frames.pictures[open_most])[np.asarray(frames.labels[open_most]) == MOUTH]
    rgb = inside.mean(axis=0) / 255.0 if len(inside) else np.array([0.3, 0.15, 0.15])
    return _gaussians(points, np.tile(rgb, (settings.points, 1)), settings, frames)


def most_frontal(frames: TrainingFrames) -> int:
    """The frame whose camera looks most straight at the face, eyes open."""
    towards = -frames.world_to_cam[:, 2, 2].cpu().numpy()  # the head's z axis against the viewing direction
    return int(np.argmax(towards - 0.2 * (frames.blink > 0.5)))


def _at_rest(points: np.ndarray, clip: Clip, frame: int) -> np.ndarray:
    """Points (N, 3) of a frame moved to where they are when the face rests, as the face points around them do."""
    distance, nearest = cKDTree(clip.face_points[frame]).query(points, k=4)
    weight = 1.0 / (distance + 1e-3) ** 2
    near = np.clip(1.5 - distance[:, :1] / 0.02, 0.0, 1.0)  # hair and ears stay
    moved = (clip.face_points[frame] - clip.face_shape)[nearest]
    return points - near * (moved * weight[..., None]).sum(axis=1) / weight.sum(axis=1, keepdims=True)


def _unproject(pixels: np.ndarray, z: np.ndarray, camera: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    rays = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1) @ np.linalg.inv(intrinsics).T
    return (rays * z[:, None] - camera[:3, 3]) @ camera[:3, :3]


def _gaussians(points: np.ndarray, rgb: np.ndarray, settings: BranchSettings, frames: TrainingFrames) -> Gaussians:
    spacing = cKDTree(points).query(points, k=4)[0][:, 1:].mean(axis=1).clip(2e-4, 0.01)

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(array, dtype=np.float32)).to(frames.device)

    opacity = 0.1 if settings.start == "cube" else 0.5
    return start_gaussians(tensor(points), tensor(rgb), tensor(spacing), settings.colour_degree, opacity)
