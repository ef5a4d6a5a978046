"""Sound to expression coefficients of the BFM face with Real3D-Portrait's network.

The network is a stack of convolutions without attention, and HuBERT and pitch come as streams. So a sound of any
length goes through in windows of 20 s that carry 3.84 s more on either side than they give, further than the network
sees: the coefficients are those of one pass over the whole sound, without seams, and memory does not grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from d3talker.core.device import choose_device
from d3talker.core.errors import D3Error
from d3talker.faces.model import FaceModel
from d3talker.signals.pitch import stream_pitch
from d3talker.signals.pretrained_speech import PretrainedSpeech
from d3talker.signals.real3d.checkpoint import Checkpoint, load_checkpoint
from d3talker.signals.real3d.network import COEFFICIENTS, FEATURES, LATENTS, REACH, ROWS_PER_LATENT
from d3talker.signals.speech import RowFeatures, SoundSource

_CORE = 1000  # rows at 50 Hz that a window gives, whole latents
_UNVOICED, _HIGHEST_CODE = 1, 255
_LOWEST_PITCH, _HIGHEST_PITCH = 50.0, 1100.0  # Hz, of the codes


class Real3dMotion:
    """The published audio-to-motion model as a source of motion.

    Its coefficients are those of the Basel face model.

    Args:
        checkpoint: the folder with model_ckpt_steps_*.ckpt, or that file.
        face_model: the Basel face model, whose 64 expression coefficients it gives.
        features: rows of HuBERT-large; by default fetched by name.
        temperature: 0 gives the likeliest motion; Real3D-Portrait itself draws at 0.2.
        seed: of the draws, where the temperature is above 0.
        mouth_amp: how far the mouth opens, 90th percentile of the distance between the outer lips in decimetres;
            0.45 is an average speaker. Without effect where the checkpoint was trained without it, as the next.
        eye_amp: how far the eyes open; 1 is usual.
        device: where to compute, see :func:`choose_device`.

    Raises:
        D3Error: the checkpoint is missing or another network's, or the features are not HuBERT-large's.
    """

    name = "real3d"
    channels = COEFFICIENTS

    def __init__(
        self,
        checkpoint: Path,
        face_model: FaceModel,
        features: RowFeatures | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        mouth_amp: float = 0.45,
        eye_amp: float = 1.0,
        device: str = "auto",
    ) -> None:
        if len(face_model.expression) != COEFFICIENTS:
            raise D3Error(
                f"the face model {face_model.name} has {len(face_model.expression)} expression coefficients",
                f"{COEFFICIENTS}",
                "Real3D-Portrait's model moves the Basel face model: give BFM_model_front.mat.",
            )
        self.face_model = face_model
        self._device = choose_device(device)
        self._features = PretrainedSpeech("hubert", device=device) if features is None else features
        if self._features.channels != FEATURES:
            raise D3Error(
                f"{self._features.name} has {self._features.channels} channels",
                f"HuBERT-large's {FEATURES}",
                "Leave the features of Real3D-Portrait's model at hubert.",
            )
        self._checkpoint: Checkpoint = load_checkpoint(Path(checkpoint))
        self._network = self._checkpoint.network.to(self._device)
        self._temperature, self._seed = temperature, seed
        self._mouth_amp, self._eye_amp = mouth_amp, eye_amp

    def fingerprint(self) -> str:
        """Names the checkpoint, its input, and every setting that changes the motion."""
        drawn = f"-t{self._temperature:g}-s{self._seed}" if self._temperature else ""
        settings = f"m{self._mouth_amp:g}-e{self._eye_amp:g}{drawn}"
        parts = (self._checkpoint.sha256[:12], settings, self._features.fingerprint(), self.face_model.fingerprint())
        return f"real3d-{'-'.join(parts)}"

    def coefficients(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """The motion at 25 frames a second, pieces (n, 64) float32 in standard deviations, one row a video frame.

        The sound is read four times: HuBERT and the pitch need its level first.
        """
        pitch = stream_pitch(sound, 0.02, floor=80.0, ceiling=750.0, voicing_threshold=0.6, whole_windows=True)
        for window in _windows(_paired(self._features.rows(sound), pitch)):
            yield self._run(*window)

    @cached_property
    def _amplitudes(self) -> tuple[torch.Tensor, torch.Tensor]:
        mouth, eyes = torch.tensor([[self._mouth_amp], [self._eye_amp]], device=self._device)
        return mouth, eyes

    @torch.inference_mode()
    def _run(self, rows: np.ndarray, codes: np.ndarray, start: int, first: int, count: int) -> np.ndarray:
        spare = -len(rows) % ROWS_PER_LATENT
        rows, codes = np.pad(rows, ((0, spare), (0, 0))), np.pad(codes, (0, spare), constant_values=_UNVOICED)
        noise = self._noise(start // ROWS_PER_LATENT, len(rows) // ROWS_PER_LATENT)
        inputs = (torch.from_numpy(array)[None].to(self._device) for array in (rows, codes, noise))
        motion = self._network(*inputs, *self._amplitudes)[0]
        return motion[(first - start) // 2 : (first - start + count) // 2].float().cpu().numpy()

    def _noise(self, first: int, count: int) -> np.ndarray:
        """Of the latents ``first`` and following (count, 16), the same however the sound is cut."""
        if self._temperature == 0:
            return np.zeros((count, LATENTS), np.float32)
        drawn = [
            np.random.default_rng((self._seed, latent)).standard_normal(LATENTS)
            for latent in range(first, first + count)
        ]
        return (self._temperature * np.array(drawn)).astype(np.float32)


def pitch_codes(pitch: np.ndarray) -> np.ndarray:
    """Pitch (n,) in Hz, 0 unvoiced, to codes (n,) int64: 1 unvoiced, up to 255 on the mel scale (spec 2, 1.1)."""
    mel, low, high = (1127.0 * np.log1p(np.asarray(f) / 700.0) for f in (pitch, _LOWEST_PITCH, _HIGHEST_PITCH))
    codes = np.rint(1.0 + (mel - low) * (_HIGHEST_CODE - 1) / (high - low))
    return np.where(np.asarray(pitch) > 0, np.clip(codes, 1, _HIGHEST_CODE), _UNVOICED).astype(np.int64)


def _paired(blocks: Iterable[np.ndarray], pitch: Iterator[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (n, 1024) with their pitch codes (n,); the last pitch is repeated where there are fewer pitches."""
    held, last = np.zeros(0), np.zeros(1)
    for block in blocks:
        while len(held) < len(block):
            piece = next(pitch, None)
            if piece is None:
                piece = np.repeat(last, len(block) - len(held))
            held = np.concatenate([held, piece])
            last = held[-1:]
        yield block, pitch_codes(held[: len(block)])
        held = held[len(block) :]


def _windows(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
) -> Iterator[tuple[np.ndarray, np.ndarray, int, int, int]]:
    """Cuts a stream of rows and codes: rows, codes, where they start, and which ``count`` rows from ``first`` count."""
    rows, codes = np.zeros((0, FEATURES), np.float32), np.zeros(0, np.int64)
    start = first = 0
    for block, more in blocks:
        rows, codes = np.concatenate([rows, block]), np.concatenate([codes, more])
        while start + len(rows) >= first + _CORE + REACH:
            end = first + _CORE + REACH - start
            yield rows[:end], codes[:end], start, first, _CORE
            first += _CORE
            spare = max(0, first - REACH - start)
            rows, codes, start = rows[spare:], codes[spare:], start + spare
    if start + len(rows) > first:
        yield rows, codes, start, first, start + len(rows) - first
