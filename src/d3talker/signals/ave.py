"""AVE, the audio-visual encoder of SyncTalk (Peng et al. 2024), as speech features: one vector a frame.

The encoder looks at patches of 16 mel steps at 80 Hz (200 ms) that start with every frame; the first and the last
vector are repeated twice, so that frame i sees the sound around its middle, 40 i + 20 ms (spec 2, section 4.4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from d3talker.assets.state import read_state, require_architecture
from d3talker.assets.weights import AVE, AVE_CONVERTED, find_weights, weights_folder
from d3talker.core.device import choose_device
from d3talker.signals.ave_mel import mel_patches
from d3talker.signals.speech import SoundSource, sound_frames

CHANNELS = 512
"""Numbers a frame."""
_FIX = f"Get {AVE.file} from {AVE.address}."
LEAD = 2
"""Frames by which the patches are shifted, so that a frame stands in the middle of its patch."""
_LAYERS = (
    # inputs, outputs, kernel, stride (mel bands, time), padding
    (1, 32, 3, (1, 1), 1),
    (32, 32, 3, (1, 1), 1),
    (32, 32, 3, (1, 1), 1),
    (32, 64, 3, (3, 1), 1),
    (64, 64, 3, (1, 1), 1),
    (64, 64, 3, (1, 1), 1),
    (64, 128, 3, (3, 3), 1),
    (128, 128, 3, (1, 1), 1),
    (128, 128, 3, (1, 1), 1),
    (128, 256, 3, (3, 2), 1),
    (256, 256, 3, (1, 1), 1),
    (256, 512, 3, (1, 1), 0),
    (512, 512, 1, (1, 1), 0),
)


class _Block(nn.Module):
    """Convolution, batch normalisation, ReLU; where the width stays, the input is added before the ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: tuple[int, int], padding: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.BatchNorm2d(outputs))
        self._residual = inputs == outputs and kernel == 3

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv_block(x)
        return functional.relu(inner + x if self._residual else inner)


class Encoder(nn.Sequential):
    """Patches (B, 1, 80, 16) to vectors (B, 512, 1, 1); state names as published (``0.conv_block.0.weight`` ...)."""

    def __init__(self) -> None:
        super().__init__(*(_Block(*layer) for layer in _LAYERS))


class AudioVisualEncoder:
    """AVE with its published weights, or a safetensors file of the same names: windows (n, 1, 512)."""

    name = "ave"
    channels = CHANNELS

    def __init__(self) -> None:
        """Reads the weights.

        Raises:
            D3Error: they are missing (the line says where to get them), or of another architecture.
        """
        converted = weights_folder() / AVE_CONVERTED
        self._encoder = load_encoder(converted if converted.exists() else find_weights(AVE)).to(choose_device())

    def fingerprint(self) -> str:
        """See :class:`d3talker.signals.speech.WindowFeatures`."""
        digest = hashlib.sha256()
        for values in self._encoder.state_dict().values():
            digest.update(values.cpu().numpy().tobytes())
        return f"ave-{digest.hexdigest()[:12]}-v1"

    def windows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """See :class:`d3talker.signals.speech.WindowFeatures`."""
        return frame_vectors(self._encoder, sound)


def load_encoder(path: Path) -> Encoder:
    """The encoder from a ``.pth`` (nothing in it is run) or ``.safetensors`` file, ready to use.

    Names may carry the prefix ``audio_encoder.`` or not.

    Raises:
        D3Error: damaged, or another architecture: the line names the first tensor that differs.
    """
    stored = {name.removeprefix("audio_encoder."): values for name, values in read_state(path, _FIX).items()}
    encoder = Encoder()
    wanted = encoder.state_dict()
    require_architecture(stored, wanted, path, _FIX)
    encoder.load_state_dict(wanted | stored)
    return encoder.eval().requires_grad_(False)


@torch.no_grad()
def frame_vectors(encoder: Encoder, sound: SoundSource) -> Iterator[np.ndarray]:
    """The vectors of every frame of a sound, pieces (n, 1, 512) float32; memory does not grow with the sound.

    Patches before the first and after the last frame repeat its vector.
    """
    frames, given = sound_frames(sound), 0
    last = np.zeros((0, 1, CHANNELS), np.float32)
    device = next(encoder.parameters()).device
    for patches in mel_patches(sound()):
        vectors = encoder(torch.from_numpy(patches)[:, None].to(device)).reshape(-1, 1, CHANNELS).cpu().numpy()
        if given == 0:
            vectors = np.concatenate([vectors[:1]] * LEAD + [vectors])
        last = vectors[-1:]
        yield vectors[: max(0, frames - given)]
        given += len(vectors)
    yield np.repeat(last, max(0, frames - given), axis=0)
