"""The Basel face model 2009, cut and scaled as Deep3DFaceRecon does: what Real3D-Portrait's coefficients mean.

Paysan et al., "A 3D Face Model for Pose and Illumination Invariant Face Recognition", AVSS 2009; expressions of Guo et
al. (FaceWarehouse), TPAMI 2018. The data may not be passed on, so nothing of them is in the package.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from d3talker.core.errors import D3Error
from d3talker.faces.correspondence import centred, find_landmarks, outward
from d3talker.faces.model import LANDMARKS, FaceModel

VERTICES = 35_709
IDENTITIES = 80
EXPRESSIONS = 64

_DECIMETRE = 0.1
_SHAPES = {
    "meanshape": (1, 3 * VERTICES),
    "idBase": (3 * VERTICES, IDENTITIES),
    "exBase": (3 * VERTICES, EXPRESSIONS),
    "keypoints": (1, 68),
}
_WANTED = "BFM_model_front.mat of Deep3DFaceRecon (127 MB; Basel face model 2009, research only, not to be passed on)"
_FIX = (
    "Register at https://faces.dmi.unibas.ch/bfm and convert the model as "
    "https://github.com/sicxu/Deep3DFaceRecon_pytorch tells."
)
_EYE_FILES = ("bfm_right_eye_faces.npy", "bfm_left_eye_faces.npy")
_LANDMARK_FILE = "index_mp468_from_mesh35709.npy"


def load_bfm(path: Path | None) -> FaceModel:
    """Reads ``BFM_model_front.mat``.

    Coefficients of identity and expression are in standard deviations, as Deep3DFaceRecon and Real3D-Portrait use them.
    Sizes are the model's own. The mesh has no hole in the mouth to begin with; the balls in the eyes are taken out.

    What Real3D-Portrait keeps beside the model is used where it is there: ``bfm_right_eye_faces.npy``,
    ``bfm_left_eye_faces.npy`` (in this folder or the one above) and ``index_mp468_from_mesh35709.npy``. Else the eyes
    are what lies between the lids' key points, and landmarks are found by :mod:`~d3talker.faces.correspondence`.

    Args:
        path: the file, or the folder that holds it.

    Raises:
        D3Error: no path, no such file, or another kind of file.
    """
    if path is None:
        raise D3Error("the path of the face model bfm is not given", _WANTED, _FIX)
    file = Path(path) / "BFM_model_front.mat" if Path(path).is_dir() else Path(path)
    arrays = _read_mat(file)
    mean = arrays["meanshape"].reshape(VERTICES, 3).astype(np.float64) * _DECIMETRE
    triangles = arrays["tri"].astype(np.int64) - 1
    keypoints = arrays["keypoints"].ravel().astype(np.int64) - 1
    if min(triangles.min(), keypoints.min()) < 0 or max(triangles.max(), keypoints.max()) >= VERTICES:
        raise D3Error(f"{file} names vertices outside 1..{VERTICES}", _WANTED, _FIX)
    triangles = outward(mean, triangles)
    stored = _beside(file, _LANDMARK_FILE, LANDMARKS)
    landmarks = find_landmarks(mean, triangles, keypoints) if stored is None else stored
    in_eyes = [_beside(file, name) for name in _EYE_FILES]
    if in_eyes[0] is None or in_eyes[1] is None:
        closed = [between_lids(mean, triangles, keypoints[first : first + 6]) for first in (36, 42)]
        seen = ~(closed[0] | closed[1])
    else:
        seen = ~np.isin(np.arange(1, len(triangles) + 1), np.concatenate([in_eyes[0], in_eyes[1]]))
    return FaceModel(
        name="bfm",
        mean=torch.from_numpy(centred(mean, landmarks).astype(np.float32)),
        identity=_basis(arrays["idBase"]),
        expression=_basis(arrays["exBase"]),
        triangles=torch.from_numpy(triangles[seen].astype(np.int32)),
        landmarks=torch.from_numpy(landmarks),
    )


def between_lids(vertices: np.ndarray, triangles: np.ndarray, lids: np.ndarray) -> np.ndarray:
    """Which triangles (F,) lie in the opening of an eye, seen from the front.

    The lids are parabolas through the key points: four of the upper lid, four of the lower, corners shared.

    Args:
        vertices: (V, 3) of the neutral face.
        triangles: (F, 3).
        lids: (6,) vertices around the eye from one corner: two of the upper lid, the other corner, two of the lower.
    """
    outline = vertices[lids, :2]
    upper = np.polyfit(outline[:4, 0], outline[:4, 1], 2)
    lower = np.polyfit(outline[[3, 4, 5, 0], 0], outline[[3, 4, 5, 0], 1], 2)
    x, y, z = vertices[triangles].mean(axis=1).T
    inside = (y < np.polyval(upper, x)) & (y > np.polyval(lower, x))
    near = np.abs(z - vertices[lids, 2].mean()) < np.ptp(outline[:, 0])
    return inside & near & (x > outline[:, 0].min()) & (x < outline[:, 0].max())


def _read_mat(file: Path) -> dict[str, np.ndarray]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not file.is_file():
        raise D3Error(f"{file} is missing", _WANTED, _FIX)
    try:
        arrays = loadmat(file, variable_names=[*_SHAPES, "tri"])
    except (MatReadError, ValueError, TypeError, NotImplementedError, OSError):
        raise D3Error(f"{file} is no MATLAB file, or a damaged one", _WANTED, _FIX) from None
    for name in (*_SHAPES, "tri"):
        if name not in arrays:
            raise D3Error(f"{file} has no {name}", _WANTED, _FIX)
        shape = arrays[name].shape
        if name in _SHAPES and shape not in (_SHAPES[name], _SHAPES[name][::-1] if 1 in _SHAPES[name] else ()):
            raise D3Error(f"{name} of {file} is {shape}, not {_SHAPES[name]}", _WANTED, _FIX)
    if arrays["tri"].ndim != 2 or arrays["tri"].shape[1] != 3 or not len(arrays["tri"]):
        raise D3Error(f"tri of {file} is {arrays['tri'].shape}, not (triangles, 3)", _WANTED, _FIX)
    return arrays


def _beside(file: Path, name: str, count: int | None = None) -> np.ndarray | None:
    """An array of integers that Real3D-Portrait keeps beside the model or a folder above, None where it is not."""
    for folder in (file.parent, file.parent.parent):
        if (folder / name).is_file():
            try:
                found = np.load(folder / name, allow_pickle=False).astype(np.int64).ravel()
            except (ValueError, OSError):
                raise D3Error(f"{folder / name} is damaged", "an array of integers", "Get it anew.") from None
            if count is not None and (len(found) != count or found.max() >= VERTICES):
                raise D3Error(f"{folder / name} does not fit", f"{count} vertices of the model", "Get it anew.")
            return found
    return None


def _basis(flat: np.ndarray) -> torch.Tensor:
    """(3 V, K) in dm to (K, V, 3) in metres."""
    shapes = flat.astype(np.float32).T.reshape(-1, VERTICES, 3) * np.float32(_DECIMETRE)
    return torch.from_numpy(np.ascontiguousarray(shapes))
