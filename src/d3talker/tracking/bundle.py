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


def solve_scene(
    start: Scene, pixels: np.ndarray, noise: np.ndarray, settings: SolveSettings, free_shape: bool, free_focal: bool
) -> Scene:
    """Gauss-Newton over poses, shape and focal length; the poses are eliminated first (Schur complement).

    The shape is tied to ``start`` (loosely across the picture, firmly in depth), the focal length to the prior of
    ``settings``. Both priors count as much as ``frames / settings.independent_frames`` landmark sets: the landmark network errs alike in
    frames that look alike, and without this any such error would outvote every prior on a long clip.

    Args:
        start: the first guess.
        pixels: (T, N, 2) from the principal point.
        noise: (N,) standard deviation of every point in pixels.
        settings: of the solve.
        free_shape: whether the shape is solved for.
        free_focal: whether the focal length is solved for.
    """
    scene = start
    focal_guess = start.focal
    evidence = max(1.0, len(pixels) / settings.independent_frames)
    tie = evidence / np.array([settings.side_spread, settings.side_spread, settings.depth_spread]) ** 2
    for _ in range(settings.iterations):
        residuals, by_pose, by_point, by_focal = _linearise(scene, pixels, noise)
        count = scene.shape.size if free_shape else 0
        shared = np.zeros((*residuals.shape, 0)) if not free_focal else by_focal[..., None]
        pose_pose = np.einsum("tnri,tnrj->tij", by_pose, by_pose)
        pose_gradient = np.einsum("tnri,tnr->ti", by_pose, residuals)
        pose_shared = np.einsum("tnri,tnrj->tij", by_pose, shared)
        shared_shared = np.einsum("tnri,tnrj->ij", shared, shared)
        gradient = np.einsum("tnri,tnr->i", shared, residuals)
        if free_focal:
            shared_shared += evidence / settings.focal_spread**2
            gradient += evidence * np.log(scene.focal / focal_guess) / settings.focal_spread**2
        if free_shape:
            pose_points = np.einsum("tnri,tnrj->tinj", by_pose, by_point).reshape(len(pixels), 6, count)
            point_point = np.einsum("tnri,tnrj->nij", by_point, by_point) + np.diag(tie)
            point_shared = np.einsum("tnri,tnrj->nij", by_point, shared).reshape(count, -1)
            point_gradient = np.einsum("tnri,tnr->ni", by_point, residuals) + tie * (scene.shape - start.shape)
            blocks = np.zeros((count, count))
            for number, block in enumerate(point_point):
                blocks[3 * number : 3 * number + 3, 3 * number : 3 * number + 3] = block
            shared_shared = np.block([[blocks, point_shared], [point_shared.T, shared_shared]])
            pose_shared = np.concatenate([pose_points, pose_shared], axis=2)
            gradient = np.concatenate([point_gradient.ravel(), gradient])
        pose_pose += 1e-9 * np.einsum("tii->t", pose_pose)[:, None, None] * np.eye(6)
        eliminated = np.linalg.solve(pose_pose, np.concatenate([pose_shared, pose_gradient[..., None]], axis=2))
        shared_step = np.zeros(len(gradient))
        if len(gradient):
            schur = shared_shared - np.einsum("tij,tik->jk", pose_shared, eliminated[..., :-1])
            shared_step = -np.linalg.solve(schur, gradient - np.einsum("tij,ti->j", pose_shared, eliminated[..., -1]))
        pose_step = -eliminated[..., -1] - eliminated[..., :-1] @ shared_step
        scene = replace(
            scene,
            rotations=Rotation.from_rotvec(pose_step[:, :3]).as_matrix() @ scene.rotations,
            shifts=scene.shifts + pose_step[:, 3:],
            shape=scene.shape + shared_step[:count].reshape(-1, 3) if free_shape else scene.shape,
            focal=scene.focal * float(np.exp(np.clip(shared_step[-1], -0.3, 0.3))) if free_focal else scene.focal,
        )
        if np.abs(pose_step).max() < 1e-7 and np.abs(shared_step).max(initial=0) < 1e-6:
            break
    return scene


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
