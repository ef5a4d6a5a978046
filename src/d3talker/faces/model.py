"""A face model: any face is a neutral one plus what the person and the expression add to it.

Three back ends give the same object: ``mp468`` comes with the package, ``ict`` and ``bfm`` read data of others.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from d3talker.core.errors import D3Error

NAMES = ("mp468", "ict", "bfm")
"""The back ends of :func:`load_face_model`."""
LANDMARKS = 468
"""Points of MediaPipe's face mesh, irises left out."""


@dataclass(frozen=True)
class FaceModel:
    """Linear model of faces in the head frame (metres; x to the right of the picture, y up, z to the viewer)."""

    name: str
    """The back end that it came from."""
    mean: Tensor
    """(V, 3) float32: the neutral face, nearly closed mouth and open eyes."""
    identity: Tensor
    """(Ki, V, 3) float32 metres for one standard deviation among people."""
    expression: Tensor
    """(Ke, V, 3) float32 metres for one unit; the unit is the back end's own."""
    triangles: Tensor
    """(F, 3) int32 vertex numbers; eyes and mouth are open."""
    landmarks: Tensor
    """(468,) int64: the vertex that stands for each point of MediaPipe's mesh, -1 where there is none."""
    blinks: tuple[int, ...] = ()
    """Which expression coefficients close the person's right and left lid; empty where no single one does."""

    @property
    def colours(self) -> Tensor:
        """(V, 3) in [0, 1]: where each vertex lies in the mean face, R to the right, G up, B to the viewer.

        The normalised coordinate code of 3DDFA: the smallest value of each axis is 0, the largest 1.
        """
        lowest, highest = self.mean.amin(dim=0), self.mean.amax(dim=0)
        return (self.mean - lowest) / (highest - lowest)

    def to(self, device: torch.device | str) -> FaceModel:
        """The same model on a device."""
        moved: dict[str, Any] = {name: x.to(device) for name, x in vars(self).items() if isinstance(x, Tensor)}
        return replace(self, **moved)

    def vertices(self, expression: Tensor, identity: Tensor | None = None, neutral: Tensor | None = None) -> Tensor:
        """Faces of given coefficients.

        Args:
            expression: (B, Ke).
            identity: (Ki,) standard deviations; none is the mean person.
            neutral: (V, 3) metres: a person's own neutral face in place of the mean and the identity.

        Returns:
            (B, V, 3) metres, head frame.
        """
        rest = self.mean if neutral is None else neutral
        if identity is not None and neutral is None:
            rest = rest + torch.einsum("k,kvc->vc", identity, self.identity)
        return rest + torch.einsum("bk,kvc->bvc", expression, self.expression)

    def fingerprint(self) -> str:
        """The back end and the first 12 digits of the SHA-256 of all numbers: what is learned on it belongs to it."""
        digest = hashlib.sha256(repr(self.blinks).encode())
        for value in (self.mean, self.identity, self.expression, self.triangles, self.landmarks):
            array = np.ascontiguousarray(value.cpu().numpy())
            digest.update(repr((array.dtype.str, array.shape)).encode() + array.tobytes())
        return f"{self.name}-{digest.hexdigest()[:12]}"


def require_same_basis(model: FaceModel, fingerprint: str, source: str) -> None:
    """Refuses coefficients, or a network that gives them, made for another face basis.

    Args:
        model: the basis at hand.
        fingerprint: that of the basis they were made for.
        source: where they come from, for the message.

    Raises:
        D3Error: the two differ.
    """
    if fingerprint != model.fingerprint():
        raise D3Error(
            f"{source} belongs to the face basis {fingerprint or '(none named)'}",
            model.fingerprint(),
            "Make it anew with this basis, or choose the basis that it was made with.",
        )


def load_face_model(name: str = "mp468", path: Path | None = None) -> FaceModel:
    """Opens a face model.

    Args:
        name: ``mp468`` (packaged), ``ict`` (ICT-FaceKit Light) or ``bfm`` (Basel face model of Deep3DFaceRecon).
        path: the data of ``ict`` (a folder) and ``bfm`` (a file), which do not come with the package.

    Raises:
        D3Error: no such back end, or its data are missing or not what they should be.
    """
    if name == "mp468":
        from d3talker.faces.mp468 import load_mp468

        return load_mp468()
    if name == "ict":
        from d3talker.faces.ict import load_ict

        return load_ict(path)
    if name == "bfm":
        from d3talker.faces.bfm import load_bfm

        return load_bfm(path)
    raise D3Error(f'there is no face model "{name}"', ", ".join(NAMES), "Choose one of them.")
