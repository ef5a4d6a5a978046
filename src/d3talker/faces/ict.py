"""ICT-FaceKit Light as a face model: 100 identity and 53 expression shapes, MIT licence.

Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import torch

from d3talker.core.errors import D3Error
from d3talker.faces.correspondence import centred, find_landmarks, outward
from d3talker.faces.model import FaceModel

VERTICES = 26_719
"""Vertices of the whole head with teeth, eyes and lashes."""
NARROW = 6_706
"""The first of them: the face from brow to chin, without ears, sockets and eyes."""
IDENTITIES = 100
EXPRESSIONS = (
    *("browDown_L", "browDown_R", "browInnerUp_L", "browInnerUp_R", "browOuterUp_L", "browOuterUp_R"),
    *("cheekPuff_L", "cheekPuff_R", "cheekSquint_L", "cheekSquint_R", "eyeBlink_L", "eyeBlink_R"),
    *("eyeLookDown_L", "eyeLookDown_R", "eyeLookIn_L", "eyeLookIn_R", "eyeLookOut_L", "eyeLookOut_R"),
    *("eyeLookUp_L", "eyeLookUp_R", "eyeSquint_L", "eyeSquint_R", "eyeWide_L", "eyeWide_R"),
    *("jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimple_L", "mouthDimple_R"),
    *("mouthFrown_L", "mouthFrown_R", "mouthFunnel", "mouthLeft", "mouthLowerDown_L", "mouthLowerDown_R"),
    *("mouthPress_L", "mouthPress_R", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper"),
    *("mouthShrugLower", "mouthShrugUpper", "mouthSmile_L", "mouthSmile_R", "mouthStretch_L", "mouthStretch_R"),
    *("mouthUpperUp_L", "mouthUpperUp_R", "noseSneer_L", "noseSneer_R"),
)
"""File names of the expression shapes, in the order of the publisher's ``vertex_indices.json``."""
KEYPOINTS = np.array(
    [
        *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443),
        *(268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269),
        *(3360, 1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732, 5708, 5695, 2081, 0, 4275),
        *(6200, 6213, 6346, 6461, 5518, 5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),
    ]
)
"""Vertices of the 68 points of Multi-PIE, as the publisher's read-me lists them."""

_CENTIMETRE = 0.01
_WANTED = "the folder FaceXModel of ICT-FaceKit Light (154 OBJ files, 0.5 GB, MIT licence)"
_FIX = "Get it from https://github.com/ICT-VGL/ICT-FaceKit and give the path of the folder."


def load_ict(path: Path | None) -> FaceModel:
    """Reads the narrow face of ICT-FaceKit Light.

    Expression coefficients are weights of the shapes, 0 to 1 by their design; 11 and 10 close the right and left lid.
    Identity coefficients are in standard deviations. Sizes are the publisher's (cm, turned to metres).

    Args:
        path: the folder FaceXModel, or the repository that holds it.

    Raises:
        D3Error: no path, a file missing, or one that is not of this model.
    """
    if path is None:
        raise D3Error("the path of the face model ict is not given", _WANTED, _FIX)
    folder = Path(path) / "FaceXModel" if (Path(path) / "FaceXModel").is_dir() else Path(path)
    neutral = _read_vertices(folder / "generic_neutral_mesh.obj", VERTICES)[:NARROW]
    triangles = outward(neutral, _read_triangles(folder / "generic_neutral_mesh.obj"))
    identity = np.stack([_read_vertices(folder / f"identity{n:03d}.obj", NARROW) for n in range(IDENTITIES)])
    expression = np.stack([_read_vertices(folder / f"{name}.obj", NARROW) for name in EXPRESSIONS])
    mean = neutral * _CENTIMETRE
    landmarks = find_landmarks(mean, triangles, KEYPOINTS)
    return FaceModel(
        name="ict",
        mean=torch.from_numpy(centred(mean, landmarks).astype(np.float32)),
        identity=torch.from_numpy(((identity - neutral) * _CENTIMETRE).astype(np.float32)),
        expression=torch.from_numpy(((expression - neutral) * _CENTIMETRE).astype(np.float32)),
        triangles=torch.from_numpy(triangles.astype(np.int32)),
        landmarks=torch.from_numpy(landmarks),
        blinks=(EXPRESSIONS.index("eyeBlink_R"), EXPRESSIONS.index("eyeBlink_L")),
    )


def _read_vertices(path: Path, count: int) -> np.ndarray:
    """The first ``count`` vertices of an OBJ file, (count, 3) float64."""
    try:
        with path.open(encoding="ascii") as file:
            lines = list(islice((line for line in file if line.startswith("v ")), count))
        vertices = np.array([line.split()[1:4] for line in lines], dtype=np.float64)
    except OSError:
        raise D3Error(f"{path} is missing", _WANTED, _FIX) from None
    except ValueError:  # text that is no text, or vertices that are no numbers
        raise D3Error(f"{path} is damaged", _WANTED, _FIX) from None
    if vertices.shape != (count, 3):
        raise D3Error(f"{path} has {len(vertices)} vertices, not {count:,} or more", _WANTED, _FIX)
    return vertices


def _read_triangles(path: Path) -> np.ndarray:
    """The polygons whose corners all belong to the narrow face, cut into triangles, (F, 3) int64."""
    triangles = []
    with path.open(encoding="ascii") as file:
        for line in file:
            if line.startswith("f "):
                corners = [int(corner.split("/")[0]) - 1 for corner in line.split()[1:]]
                if max(corners) < NARROW:
                    triangles += [(corners[0], b, c) for b, c in zip(corners[1:-1], corners[2:], strict=True)]
    if not triangles:
        raise D3Error(f"{path} has no polygons in the face", _WANTED, _FIX)
    return np.array(triangles, dtype=np.int64)
