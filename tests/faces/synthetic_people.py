"""People who talk and blink, made of the packaged face model, with known coefficients."""

import numpy as np
import torch

from d3talker.faces.basis import Recording
from d3talker.faces.model import load_face_model
from d3talker.faces.points import LOWER_INNER_LIP, UPPER_INNER_LIP

MODEL = load_face_model()
SHAPES = 5
"""Expression components that the people use, from the first after the blinks."""


def coefficients(generator: np.random.Generator, frames: int) -> np.ndarray:
    """(frames, Ke) float32: the first tenth rests with open eyes, then lips move and eyes blink, each on its own."""
    values = np.zeros((frames, len(MODEL.expression)), dtype=np.float32)
    values[:, 2 : 2 + SHAPES] = generator.normal(size=(frames, SHAPES))
    values[:, 2] = np.abs(values[:, 2])  # the first component opens the mouth; it is rarely shut tighter than at rest
    values[:, :2] = generator.random((frames, 2)) < 0.2
    values[: frames // 10] = 0
    return values


def neutral_face(generator: np.random.Generator) -> np.ndarray:
    """(468, 3) metres: somebody's face at rest."""
    identity = torch.from_numpy(generator.normal(size=len(MODEL.identity)).astype(np.float32))
    return MODEL.vertices(torch.zeros(1, len(MODEL.expression)), identity=identity)[0].numpy()


def record(generator: np.random.Generator, neutral: np.ndarray, values: np.ndarray, noise: float = 0.0) -> Recording:
    """The tracked clip of a person with these expressions."""
    points = MODEL.vertices(torch.from_numpy(values), neutral=torch.from_numpy(neutral)).numpy().astype(np.float64)
    points += generator.normal(0, noise, points.shape) if noise else 0
    gap = points[:, UPPER_INNER_LIP, 1].mean(axis=1) - points[:, LOWER_INNER_LIP, 1].mean(axis=1)
    return Recording(points, np.maximum(gap - gap[0], 0), values[:, :2].mean(axis=1))
