"""From landmarks to one camera, one face and a pose per frame: the head stands still, the camera moves."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np

from d3talker.config.prepare import SolveSettings
from d3talker.faces import points
from d3talker.faces.alignment import align
from d3talker.tracking.bundle import Scene, solve_scene
from d3talker.tracking.head_frame import head_axes, mean_face, metric_scale
from d3talker.tracking.pose_smoothing import smooth_poses

log = logging.getLogger(__name__)
BLOCK = 500
"""Frames whose poses are refined at once, so that memory does not grow with the clip."""


@dataclass(frozen=True)
class CameraSolve:
    """What a clip's landmarks say about camera and head."""

    focal: float
    """Pixels of the prepared picture."""
    face_shape: np.ndarray
    """(478, 3) metres, head frame: the person's mean face; origin at the middle of the rigid points."""
    face_points: np.ndarray
    """(T, 478, 3) float32 metres, head frame: the face of every frame, pose taken out."""
    world_to_cam: np.ndarray
    """(T, 4, 4)."""
    residual: np.ndarray
    """(T,) pixels: root mean square distance of the rigid landmarks from the projected shape."""
    jitter: np.ndarray
    """(T,) pixels: see :func:`jitter_of`, of the solved poses."""
    raw_jitter: np.ndarray
    """(T,) pixels: the same of the poses before the smoothness prior."""


def solve_cameras(
    landmarks: np.ndarray,
    size: int,
    settings: SolveSettings | None = None,
    face_shape: np.ndarray | None = None,
) -> CameraSolve:
    """Solves the camera of a clip.

    Three steps. Key frames spread over the clip give shape and focal length together with their poses (bundle
    adjustment with weak priors on both). Then every frame gets its pose under that shape, robustly, points weighted by
    how steady the clip shows them to be. Last, a smoothness prior as strong as the measured noise is laid on the poses.
    The scale is that of the irises and the eyes' distance.

    Args:
        landmarks: (T, 478, 3) pixels of the prepared picture (x, y, and depth towards the back of the head), T >= 5.
        size: pixels of a side of the picture; the principal point is its middle.
        settings: of the solve.
        face_shape: (478, 3) of a known person: shape, scale and head frame are then that person's.
    """
    settings = settings or SolveSettings()
    landmarks = np.asarray(landmarks, dtype=np.float64) - np.array([size / 2, size / 2, 0.0])
    keys = np.unique(np.linspace(0, len(landmarks) - 1, min(len(landmarks), settings.key_frames)).round().astype(int))
    shape = mean_face(landmarks[keys]) if face_shape is None else np.asarray(face_shape, dtype=np.float64)
    focal = settings.focal or settings.focal_guess * size
    rigid_pixels = landmarks[:, points.RIGID, :2]
    noise = np.ones(len(points.RIGID))

    start = _first_poses(landmarks[keys], shape, focal)
    for _ in range(2):
        key_scene = solve_scene(
            start, rigid_pixels[keys], noise, settings, free_shape=face_shape is None, free_focal=settings.focal is None
        )
        noise = _noise_of_points(key_scene, rigid_pixels[keys])
    scene = _poses_of_all(landmarks, shape, key_scene, rigid_pixels, noise, settings)

    raw = _as_matrices(scene)
    smooth = smooth_poses(raw, scene.focal, settings.smoothing)
    face_points = _lift(landmarks, scene.shape, smooth, scene.focal)
    if face_shape is None:
        face_points, raw, smooth, rigid_shape = _to_head_frame(face_points, raw, smooth, scene.shape)
        shape = np.median(face_points[keys], axis=0)
        shape[points.RIGID] = rigid_shape
    else:
        rigid_shape = scene.shape
    solved = Scene(rigid_shape, smooth[:, :3, :3], smooth[:, :3, 3], scene.focal)
    residual = np.sqrt(((solved.project() - rigid_pixels) ** 2).sum(axis=-1).mean(axis=-1))
    unsmoothed = replace(solved, rotations=raw[:, :3, :3], shifts=raw[:, :3, 3])
    result = CameraSolve(
        focal=scene.focal,
        face_shape=shape,
        face_points=face_points.astype(np.float32),
        world_to_cam=smooth,
        residual=residual,
        jitter=jitter_of(solved.project()),
        raw_jitter=jitter_of(unsmoothed.project()),
    )
    log.debug("focal %.0f px, residual %.2f px, jitter %.3f px", scene.focal, residual.mean(), result.jitter.mean())
    return result


def jitter_of(tracks: np.ndarray) -> np.ndarray:
    """How much points shake from frame to frame, motion left out.

    The fourth difference over time, scaled so that white noise of 1 px a coordinate gives sqrt(2) px; root mean square
    over the points. The first and last two frames repeat their neighbours.

    Args:
        tracks: (T, N, 2) pixels.

    Returns:
        (T,) pixels; zeros where T < 5.
    """
    if len(tracks) < 5:
        return np.zeros(len(tracks))
    shake = np.sqrt((np.diff(tracks, 4, axis=0) ** 2).sum(axis=-1).mean(axis=-1) / 70)
    return np.pad(shake, 2, mode="edge")


def _first_poses(landmarks: np.ndarray, shape: np.ndarray, focal: float) -> Scene:
    """Poses by aligning the shape with the landmarks in 3D, as if the camera were far away."""
    rotations, shifts = [], []
    for face in landmarks[:, points.RIGID]:
        pixels_per_metre, rotation, shift = align(shape[points.RIGID], face)
        distance = focal / pixels_per_metre
        rotations.append(rotation)
        shifts.append([shift[0] / pixels_per_metre, shift[1] / pixels_per_metre, distance])
    return Scene(shape[points.RIGID], np.array(rotations), np.array(shifts), focal)


def _noise_of_points(scene: Scene, pixels: np.ndarray) -> np.ndarray:
    """(N,) pixels: how far every point strays from the rigid shape; brows and skin that move get little say."""
    apart = np.linalg.norm(scene.project() - pixels, axis=-1)
    return np.maximum(np.sqrt((np.minimum(apart, 3 * np.median(apart, axis=0)) ** 2).mean(axis=0) / 2), 0.2)


def _poses_of_all(
    landmarks: np.ndarray,
    shape: np.ndarray,
    key_scene: Scene,
    pixels: np.ndarray,
    noise: np.ndarray,
    settings: SolveSettings,
) -> Scene:
    """The pose of every frame under the shape and focal length of the key frames, each frame on its own."""
    full = shape.copy()
    full[points.RIGID] = key_scene.shape
    solved = []
    for first in range(0, len(landmarks), BLOCK):
        part = slice(first, first + BLOCK)
        start = _first_poses(landmarks[part], full, key_scene.focal)
        solved.append(solve_scene(start, pixels[part], noise, settings, free_shape=False, free_focal=False))
    return replace(
        key_scene,
        rotations=np.concatenate([scene.rotations for scene in solved]),
        shifts=np.concatenate([scene.shifts for scene in solved]),
    )


def _lift(landmarks: np.ndarray, rigid_shape: np.ndarray, world_to_cam: np.ndarray, focal: float) -> np.ndarray:
    """Every landmark in the head frame, at its own depth: (T, 478, 3).

    The network's depth is in pixels and its tilt is not quite that of the solved pose; a plane fitted to the difference
    at the rigid points, frame by frame, brings the two together.
    """
    lifted = np.empty(landmarks.shape)
    for face, pose, out in zip(landmarks, world_to_cam, lifted, strict=True):
        rigid_depth = (rigid_shape @ pose[:3, :3].T + pose[:3, 3])[:, 2]
        own_depth = face[:, 2] * pose[2, 3] / focal
        plane = np.column_stack([np.ones(len(face)), face[:, :2] / focal])
        fit = np.linalg.lstsq(plane[points.RIGID], rigid_depth - own_depth[points.RIGID], rcond=None)[0]
        depth = own_depth + plane @ fit
        camera = np.column_stack([face[:, :2] / focal, np.ones(len(face))]) * depth[:, None]
        out[:] = (camera - pose[:3, 3]) @ pose[:3, :3]
    return lifted


def _to_head_frame(
    face_points: np.ndarray, raw: np.ndarray, smooth: np.ndarray, rigid_shape: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Moves origin, axes and unit to those of the head frame; what is seen stays the same."""
    mean = np.median(face_points[:: max(1, len(face_points) // 300)], axis=0)
    mean[points.RIGID] = rigid_shape
    axes, origin = head_axes(mean), rigid_shape.mean(axis=0)
    scale = metric_scale((face_points - origin) @ axes.T)

    def moved(poses: np.ndarray) -> np.ndarray:
        result = poses.copy()
        result[:, :3, :3] = poses[:, :3, :3] @ axes.T
        result[:, :3, 3] = scale * (poses[:, :3, 3] + poses[:, :3, :3] @ origin)
        return result

    return (face_points - origin) @ axes.T * scale, moved(raw), moved(smooth), (rigid_shape - origin) @ axes.T * scale


def _as_matrices(scene: Scene) -> np.ndarray:
    matrices = np.tile(np.eye(4), (len(scene.shifts), 1, 1))
    matrices[:, :3, :3] = scene.rotations
    matrices[:, :3, 3] = scene.shifts
    return matrices
