"""Sound to facial motion: expression coefficients of a face model, 25 a second."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from d3talker.assets.state import require_architecture
from d3talker.core.errors import D3Error
from d3talker.core.files import read_arrays, read_json, sha256_of
from d3talker.faces.model import FaceModel, load_face_model, require_same_basis
from d3talker.signals.audio_to_motion import MotionNet, MotionNetShape
from d3talker.signals.motion_features import phone_shares, stream_features
from d3talker.signals.motion_style import MotionStyle, Mouth, Said, stream_styled
from d3talker.signals.phone29 import Phone29
from d3talker.signals.speech import SoundSource

_FIX = "Install d3talker again, or train it anew: scripts/train_audio2motion.py."
_AT_ONCE = 500  # frames in one pass, so that memory does not grow with the sound


class MotionSource(Protocol):
    """What moves a face."""

    name: str
    face_model: FaceModel

    def fingerprint(self) -> str:
        """Names the source and everything that changes its numbers, the face basis too."""
        ...

    def coefficients(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """Expression coefficients in order, pieces (n, Ke) float32, a row a video frame of the sound."""
        ...


class AudioToMotion:
    """The default source: small networks over the phones, the spectrum and the pitch of any voice.

    Deterministic; what they cannot know, how far a person opens the mouth and when it blinks, comes from ``style``.
    """

    name = "audio2motion"

    def __init__(self, style: MotionStyle | None = None, path: Path | None = None) -> None:
        """Loads the shipped network, or one that ``scripts/train_audio2motion.py`` wrote.

        Raises:
            D3Error: it was trained on another face basis or other speech features.
        """
        self._path = path or _shipped()
        self._phones = Phone29()
        self.face_model = load_face_model()
        self.style = style or MotionStyle()
        self._nets = load_nets(self._path)
        told = read_json(self._path.with_suffix(".json"), _FIX)
        require_same_basis(self.face_model, told["face_basis"], self._path.name)
        if told["speech_features"] != self._phones.fingerprint():
            raise D3Error(
                f"{self._path.name} was trained on {told['speech_features']}", self._phones.fingerprint(), _FIX
            )
        self._mouth = Mouth.of(self.face_model)

    def fingerprint(self) -> str:
        """See :class:`MotionSource`."""
        return f"audio2motion-{_digest(self._path)}-{self.face_model.fingerprint()}-{self.style.fingerprint()}"

    def coefficients(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """See :class:`MotionSource`; the same numbers, up to rounding, however the sound is cut."""
        yield from stream_styled(self.raw(sound), self.style, self._mouth)

    def raw(self, sound: SoundSource) -> Iterator[Said]:
        """What the networks say, in pieces, before any style."""
        margin = self._nets[0].shape.margin
        held: np.ndarray | None = None
        for rows in stream_features(self._phones, sound):
            held = np.concatenate([np.repeat(rows[:1], margin, axis=0) if held is None else held, rows])
            ready = (len(held) - 2 * margin) // 2
            if ready >= _AT_ONCE:
                yield self._pass(held[: 2 * ready + 2 * margin])
                held = held[2 * ready :]
        if held is None:
            return
        held = np.concatenate([held, np.repeat(held[-1:], margin, axis=0)])
        if len(held) > 2 * margin:
            yield self._pass(held)

    def _pass(self, rows: np.ndarray) -> Said:
        margin = self._nets[0].shape.margin
        coefficients, inner = say(self._nets, rows, self.face_model)
        shares = phone_shares(rows[margin : len(rows) - margin])
        return Said(coefficients, shares.reshape(len(coefficients), 2, -1), inner)


@torch.no_grad()
def say(nets: list[MotionNet], rows: np.ndarray, model: FaceModel) -> tuple[np.ndarray, np.ndarray]:
    """What networks say for feature rows (2 T + 2 margin, C): coefficients (T, Ke), the lids open, and what their last
    layers hold, (T, H)."""
    heard = [net.heard(torch.from_numpy(rows)[None]) for net in nets]
    said = torch.stack([net.head(own)[0].T for net, own in zip(nets, heard, strict=True)]).mean(dim=0).numpy()
    inner = torch.cat([own[0, :, 1:-1].T for own in heard], dim=1).numpy()
    coefficients = np.zeros((len(said), len(model.expression)), np.float32)
    coefficients[:, [k for k in range(coefficients.shape[1]) if k not in model.blinks]] = said
    return coefficients, inner


def load_motion_source(name: str = "default", style: MotionStyle | None = None) -> MotionSource:
    """Opens a source of motion.

    Args:
        name: ``default``, or ``real3d:FOLDER:BFM`` with the folder of Real3D-Portrait's checkpoint and the file of the
            Basel face model.
        style: how far the mouth opens, and the blinks; for the default source.

    Raises:
        D3Error: no such source, or its files are missing or wrong.
    """
    kind, *paths = name.split(":")
    if name == "default":
        return AudioToMotion(style)
    if kind == "real3d" and len(paths) == 2:
        from d3talker.signals.real3d.motion import Real3dMotion

        return Real3dMotion(Path(paths[0]), load_face_model("bfm", Path(paths[1])))
    raise D3Error(f"there is no motion source {name!r}", "default or real3d:FOLDER:BFM_FILE", "Choose one of them.")


def load_nets(path: Path) -> list[MotionNet]:
    """The networks of one file, whose answers are averaged.

    Raises:
        D3Error: the file cannot be read, or holds another network.
    """
    arrays = read_arrays(path, _FIX)
    nets = []
    for number in sorted({name.partition(".")[0] for name in arrays}):
        own = {n.partition(".")[2]: a for n, a in arrays.items() if n.startswith(f"{number}.")}
        net = MotionNet(MotionNetShape())
        require_architecture(own, net.state_dict(), path, _FIX)
        state = {name: torch.from_numpy(a.astype(np.float32)) for name, a in own.items()}
        net.load_state_dict(net.state_dict() | state)
        nets.append(net.eval().requires_grad_(False))
    return nets


def _shipped() -> Path:
    return Path(str(resources.files("d3talker.assets") / "motion" / "audio2motion.safetensors"))


@cache
def _digest(path: Path) -> str:
    return sha256_of(path)[:12]
