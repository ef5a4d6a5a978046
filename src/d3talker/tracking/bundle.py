"""Bundle adjustment: one shape, one focal length and a pose per frame that explain the landmarks of a clip."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from d3talker.config.prepare import SolveSettings


@dataclass(frozen=True)
class Scene:
    """What the landmarks are explained by."""

    shape: np.ndarray
    """(N, 3) metres, head frame."""
    rotations: np.ndarray
    """(T, 3, 3)."""
    shifts: np.ndarray
    """(T, 3) metres."""
    focal: float
    """Pixels; the principal point is the origin of the pictures."""

    def in_camera(self) -> np.ndarray:
        """The points in front of every frame's camera: (T, N, 3) metres."""
        return np.einsum("tij,nj->tni", self.rotations, self.shape) + self.shifts[:, None]

    def project(self) -> np.ndarray:
        """(T, N, 2) pixels from the principal point."""
        camera = self.in_camera()
        return self.focal * camera[..., :2] / camera[..., 2:]


@dataclass(frozen=True)
class _Normal:
    """Normal equations; the shared unknowns are the points (3 N, or none) and the log focal length (1, or none)."""

    pose_pose: np.ndarray  # (T, 6, 6)
    pose_shared: np.ndarray  # (T, 6, S)
    shared_shared: np.ndarray  # (S, S)
    pose_gradient: np.ndarray  # (T, 6)
    shared_gradient: np.ndarray  # (S,)

    def step(self) -> tuple[np.ndarray, np.ndarray]:
        """The Gauss-Newton step of poses (T, 6) and shared unknowns (S,): poses are eliminated first (Schur)."""
        ridge = 1e-9 * np.einsum("tii->t", self.pose_pose)[:, None, None] * np.eye(6)
        both = np.concatenate([self.pose_shared, self.pose_gradient[..., None]], axis=2)
        eliminated = np.linalg.solve(self.pose_pose + ridge, both)
        schur = self.shared_shared - np.einsum("tij,tik->jk", self.pose_shared, eliminated[..., :-1])
        rest = self.shared_gradient - np.einsum("tij,ti->j", self.pose_shared, eliminated[..., -1])
        shared = -np.linalg.solve(schur, rest) if rest.size else np.zeros(0)
        return -eliminated[..., -1] - eliminated[..., :-1] @ shared, shared


def solve_scene(
    start: Scene, pixels: np.ndarray, noise: np.ndarray, settings: SolveSettings, free_shape: bool, free_focal: bool
) -> Scene:
    """Gauss-Newton over poses, shape and focal length.

    The shape is tied to ``start`` (loosely across the picture, firmly in depth), the logarithm of the focal length to
    that of ``start``. Both ties grow with the number of frames beyond ``settings.independent_frames``: the landmark
    network errs alike in frames that look alike, and on a long clip such an error would outvote every prior.

    Args:
        start: the first guess.
        pixels: (T, N, 2) from the principal point.
        noise: (N,) standard deviation of every point in pixels.
        settings: of the solve.
        free_shape: whether the shape is solved for.
        free_focal: whether the focal length is solved for.
    """
    scene = start
    for _ in range(settings.iterations):
        pose_step, shared_step = _normal_equations(scene, start, pixels, noise, settings, free_shape, free_focal).step()
        scene = replace(
            scene,
            rotations=Rotation.from_rotvec(pose_step[:, :3]).as_matrix() @ scene.rotations,
            shifts=scene.shifts + pose_step[:, 3:],
        )
        if free_focal:
            scene = replace(scene, focal=scene.focal * float(np.exp(np.clip(shared_step[-1], -0.3, 0.3))))
        if free_shape:
            scene = replace(scene, shape=scene.shape + shared_step[: scene.shape.size].reshape(-1, 3))
        if max(np.abs(pose_step).max(), np.abs(shared_step).max(initial=0.0)) < 1e-6:
            break
    return scene


def _normal_equations(
    scene: Scene,
    start: Scene,
    pixels: np.ndarray,
    noise: np.ndarray,
    settings: SolveSettings,
    free_shape: bool,
    free_focal: bool,
) -> _Normal:
    frames, points = pixels.shape[:2]
    repeated = max(1.0, frames / settings.independent_frames)
    residuals, by_pose, by_point, by_focal = _linearise(scene, pixels, noise)
    shared = by_focal[..., None] if free_focal else np.zeros((*residuals.shape, 0))
    pose_shared = np.einsum("tnri,tnrj->tij", by_pose, shared)
    shared_shared = np.einsum("tnri,tnrj->ij", shared, shared)
    gradient = np.einsum("tnri,tnr->i", shared, residuals)
    if free_focal:
        focal_tie = repeated / settings.focal_spread**2
        shared_shared += focal_tie
        gradient += focal_tie * np.log(scene.focal / start.focal)
    if free_shape:
        tie = repeated / np.array([settings.side_spread, settings.side_spread, settings.depth_spread]) ** 2
        own = np.einsum("tnri,tnrj->nij", by_point, by_point) + np.diag(tie)
        blocks = np.einsum("nij,nm->nimj", own, np.eye(points)).reshape(3 * points, 3 * points)
        across = np.einsum("tnri,tnrj->nij", by_point, shared).reshape(3 * points, -1)
        shared_shared = np.block([[blocks, across], [across.T, shared_shared]])
        pose_points = np.einsum("tnri,tnrj->tinj", by_pose, by_point).reshape(frames, 6, 3 * points)
        pose_shared = np.concatenate([pose_points, pose_shared], axis=2)
        point_gradient = np.einsum("tnri,tnr->ni", by_point, residuals) + tie * (scene.shape - start.shape)
        gradient = np.concatenate([point_gradient.ravel(), gradient])
    return _Normal(
        pose_pose=np.einsum("tnri,tnrj->tij", by_pose, by_pose),
        pose_shared=pose_shared,
        shared_shared=shared_shared,
        pose_gradient=np.einsum("tnri,tnr->ti", by_pose, residuals),
        shared_gradient=gradient,
    )


def _linearise(
    scene: Scene, pixels: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weighted residuals (T, N, 2) and their derivatives by pose (..., 6), point (..., 3) and log focal length (...).

    The pose's six are a turn about the head's origin (in the camera's axes) and a shift. Weights are Huber's, at 2.5
    standard deviations of the length of a residual.
    """
    turned = np.einsum("tij,nj->tni", scene.rotations, scene.shape)
    camera = turned + scene.shifts[:, None]
    inverse = 1 / camera[..., 2]
    seen = scene.focal * camera[..., :2] * inverse[..., None]
    residuals = seen - pixels
    length = np.linalg.norm(residuals, axis=-1) / noise
    weight = np.sqrt(np.minimum(1.0, 2.5 / np.maximum(length, 1e-12))) / noise
    by_camera = np.zeros((*residuals.shape, 3))
    by_camera[..., 0, 0] = by_camera[..., 1, 1] = scene.focal * inverse
    by_camera[..., 2] = -seen * inverse[..., None]
    by_camera *= weight[..., None, None]
    by_turn = np.cross(turned[..., None, :], by_camera)
    by_pose = np.concatenate([by_turn, by_camera], axis=-1)
    by_point = np.einsum("tnri,tij->tnrj", by_camera, scene.rotations)
    return residuals * weight[..., None], by_pose, by_point, seen * weight[..., None]
