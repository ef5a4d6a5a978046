"""A made-up face in MediaPipe's numbering, whose head frame, poses and camera are known exactly."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from d3talker.faces import points
from d3talker.tracking.head_frame import IRIS_DIAMETER, LEAN

SIZE = 512


def make_face(rng: np.random.Generator) -> np.ndarray:
    """(478, 3) metres, symmetric, eyes and irises of average size, the rigid points' middle at the origin."""

    def depth(x, y):
        return 0.06 - 6.0 * x**2 - 3.0 * y**2

    face = np.empty((points.COUNT, 3))
    face[:, :2] = rng.uniform((-0.06, -0.08), (0.06, 0.08), (points.COUNT, 2))
    for right, left in points.MIRROR_PAIRS:
        face[right, 0] = -abs(face[right, 0])
        face[left, :2] = face[right, :2] * (-1, 1)
    face[points.MIDLINE, 0] = 0
    face[:, 2] = depth(face[:, 0], face[:, 1])
    face[points.MIDLINE, 2] += 0.02
    for side, corners, ring in ((-1, (33, 133), points.RIGHT_IRIS), (1, (263, 362), points.LEFT_IRIS)):
        face[corners[0]] = (side * points.EYE_DISTANCE / 2, 0.02, depth(0.045, 0.02))
        face[corners[1]] = (side * 0.016, 0.02, depth(0.016, 0.02))
        iris = np.array([side * 0.03, 0.02, depth(0.03, 0.02)])
        around = np.array([(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0)]) * IRIS_DIAMETER / 2
        face[ring] = iris + around
    face[points.GLABELLA] = (0, 0.04, 0.07)
    face[points.NOSE_BASE] = (0, -0.03, 0.07 + 0.07 * np.tan(LEAN))
    for column, (upper, lower) in enumerate(zip(points.UPPER_INNER_LIP, points.LOWER_INNER_LIP, strict=True)):
        face[upper] = face[lower] = ((column - 1) * 0.005, -0.05, 0.06)
    return face - face[points.RIGID].mean(axis=0)


@dataclass
class MadeUpClip:
    """Landmarks (T, 478, 3) in pixels and what they were made from."""

    landmarks: np.ndarray
    face: np.ndarray
    face_points: np.ndarray
    world_to_cam: np.ndarray
    focal: float
    lip_opening: np.ndarray


def make_clip(
    rng: np.random.Generator,
    frames: int = 200,
    noise: float = 0.5,
    focal: float = 1126.4,
    turn: float = 1.0,
    distance: float = 0.9,
) -> MadeUpClip:
    """A head that turns, nods and sways while the lips open and close; white noise on the landmarks, in pixels."""
    seconds = np.arange(frames) / 25
    face = make_face(rng)
    yaw, pitch, roll = (
        turn * amplitude * np.sin(2 * np.pi * rate * seconds + phase)
        for amplitude, rate, phase in ((10, 0.4, 0), (6, 0.9, 1), (4, 0.3, 2))
    )
    turns = Rotation.from_euler("yxz", np.column_stack([yaw, pitch, roll]), degrees=True).as_matrix()
    poses = np.tile(np.eye(4), (frames, 1, 1))
    poses[:, :3, :3] = np.diag([1.0, -1.0, -1.0]) @ turns
    sway = [0.02 * np.sin(1.5 * seconds), 0.01 * np.sin(2.5 * seconds), distance + 0.02 * np.sin(seconds)]
    poses[:, :3, 3] = np.column_stack(sway)
    opening = 0.006 * (1 + np.sin(2 * np.pi * 3.1 * seconds)).clip(0.3) - 0.006 * 0.3
    moved = np.tile(face, (frames, 1, 1))
    moved[:, points.LOWER_INNER_LIP, 1] -= opening[:, None]
    camera = np.einsum("tij,tnj->tni", poses[:, :3, :3], moved) + poses[:, None, :3, 3]
    landmarks = np.empty_like(camera)
    landmarks[..., :2] = focal * camera[..., :2] / camera[..., 2:] + SIZE / 2
    landmarks[..., 2] = (camera[..., 2] - poses[:, None, 2, 3]) * focal / poses[:, None, 2, 3]
    landmarks += rng.normal(0, noise, landmarks.shape)
    return MadeUpClip(landmarks, face, moved, poses, focal, opening)
