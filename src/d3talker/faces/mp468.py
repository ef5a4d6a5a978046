"""The packaged face model, on MediaPipe's mesh of 468 points."""

from __future__ import annotations

import functools
from importlib.resources import as_file, files

import numpy as np
import torch

from d3talker.core.files import read_arrays
from d3talker.faces import points
from d3talker.faces.model import LANDMARKS, FaceModel

_LIPS, _LIDS, _JAW, _CONTOUR = 5.0, 3.0, 2.0, 0.5
_DEPTH = 0.5
_FIX = "Install d3talker again."


@functools.cache
def face_triangles() -> np.ndarray:
    """MediaPipe's face mesh with the eyes and the mouth open.

    The canonical face has 898 triangles; 18 that fill the mouth and 14 in each eye are left out.

    Returns:
        (852, 3) int64, sorted, read-only; corners run counter-clockwise for a viewer in front of the face, so that
        ``cross(b - a, c - a)`` points out of the face.
    """
    triangles = _asset("mesh468.safetensors")["triangles"].astype(np.int64)
    triangles.flags.writeable = False
    return triangles


def load_mp468() -> FaceModel:
    """The packaged basis (``scripts/train_face_basis.py``).

    Expression coefficients 0 and 1 close the person's right and left lid: 0 open as in the neutral face, 1 where the
    lids of the mean face touch. The others are principal components of what is left, in standard deviations, the one
    that moves the lips most first.
    """
    arrays = _asset("mp468.safetensors")
    return mp468_model(arrays["mean"], arrays["identity"], arrays["expression"])


def mp468_model(mean: np.ndarray, identity: np.ndarray, expression: np.ndarray) -> FaceModel:
    """A face model of these numbers, (468, 3), (Ki, 468, 3), (Ke, 468, 3) metres, on MediaPipe's mesh."""
    return FaceModel(
        name="mp468",
        mean=torch.from_numpy(mean.astype(np.float32)),
        identity=torch.from_numpy(identity.astype(np.float32)),
        expression=torch.from_numpy(expression.astype(np.float32)),
        triangles=torch.from_numpy(face_triangles().astype(np.int32)),
        landmarks=torch.arange(LANDMARKS),
        blinks=(0, 1),
    )


@functools.cache
def point_weights() -> np.ndarray:
    """How much an error of each coordinate counts, before it is squared, where expressions are learned or fitted.

    Lips 5, lids 3, chin and lower cheeks 2, the outline of the face 0.5 (it slides over the silhouette), the rest 1;
    depth half of that, for a camera sees it worst.

    Returns:
        (468, 3), read-only.
    """
    weights = np.ones(LANDMARKS)
    weights[points.LOWER_FACE] = _JAW
    weights[points.FACE_OVAL] = _CONTOUR
    weights[points.LIDS] = _LIDS
    weights[points.LIPS] = _LIPS
    weights = weights[:, None] * np.array([1.0, 1.0, _DEPTH])
    weights.flags.writeable = False
    return weights


def _asset(name: str) -> dict[str, np.ndarray]:
    with as_file(files("d3talker.assets") / "faces" / name) as path:
        return read_arrays(path, _FIX)
