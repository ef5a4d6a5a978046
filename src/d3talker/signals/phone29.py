"""The default speech features: what is being said, as logits over 29 broad phone classes at 50 Hz.

A drop-in for DeepSpeech's 29 characters, trained by ``scripts/train_phone_encoder.py`` on many voices and languages
and shipped with the package; ``docs/front-end.md`` has the numbers and the model card.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from d3talker.assets.state import require_architecture
from d3talker.core.files import read_arrays, sha256_of
from d3talker.phonetics.classes import CLASSES
from d3talker.signals.mel import MelEnergies
from d3talker.signals.phone_encoder import BANDS, PhoneEncoder, PhoneEncoderShape, silent_rows
from d3talker.signals.speech import SoundSource
from d3talker.signals.speech_level import LOOK_AHEAD, SpeechLevel

_FIX = "Install d3talker again: pip install --force-reinstall d3talker."
_AT_ONCE = 1000  # rows in one pass, so that memory does not grow with the sound


class Phone29:
    """Logits over 29 phone classes; a row knows of the sound up to :attr:`look_ahead_ms` after it."""

    name = "phone29"
    channels = len(CLASSES)

    def __init__(self, path: Path | None = None) -> None:
        """Loads the shipped weights, or those in ``path``."""
        self._path = path or shipped()
        self._encoder, self._level = load_encoder(self._path)

    @property
    def look_ahead_ms(self) -> int:
        """How much later than the middle of a row the sound must be known: window, level and network together."""
        window = 12 + 10  # half a window, and the second step of the row
        return window + 10 * LOOK_AHEAD + 20 * self._encoder.shape.future

    def fingerprint(self) -> str:
        """See :class:`SpeechFeatures`."""
        return f"phone29-{_digest(self._path)}"

    def rows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """See :class:`SpeechFeatures`; the same numbers, up to rounding, however the sound is cut."""
        for logits, _ in self.rows_and_steps(sound):
            yield logits

    def rows_and_steps(self, sound: SoundSource) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The logits (n, 29) and what they were made of: two normalised mel steps a row, (n, 160)."""
        shape = self._encoder.shape
        held = silent_rows(shape.past)
        for steps in self._level.stream(MelEnergies(BANDS).stream(sound)):
            held = torch.cat([held, torch.from_numpy(steps).reshape(-1, 2 * BANDS)])
            ready = len(held) - shape.past - shape.future
            if ready >= 2:
                yield from self._passes(held[: shape.past + ready - ready % 2 + shape.future])
                held = held[ready - ready % 2 :]
        held = torch.cat([held, silent_rows(shape.future)])
        if len(held) > shape.past + shape.future:
            yield from self._passes(held)

    @torch.no_grad()
    def _passes(self, rows: Tensor) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        past, future = self._encoder.shape.past, self._encoder.shape.future
        count = len(rows) - past - future
        for start in range(0, count, _AT_ONCE):
            end = min(start + _AT_ONCE, count)
            logits = self._encoder(rows[None, start : end + past + future])[0]
            yield logits.numpy(), rows[past + start : past + end].numpy()


@cache
def load_encoder(path: Path) -> tuple[PhoneEncoder, SpeechLevel]:
    """The network and the normalisation in front of it.

    Raises:
        D3Error: the file cannot be read, or holds another network.
    """
    arrays = read_arrays(path, _FIX)
    encoder = PhoneEncoder(PhoneEncoderShape())
    require_architecture(arrays, encoder.state_dict() | {"speech_shape": torch.zeros(BANDS)}, path, _FIX)
    shape = arrays.pop("speech_shape")
    state = {name: torch.from_numpy(a.astype(np.float32)) for name, a in arrays.items()}
    encoder.load_state_dict(encoder.state_dict() | state)
    return encoder.eval().requires_grad_(False), SpeechLevel(shape)


def shipped() -> Path:
    """The weights in the package."""
    return Path(str(resources.files("d3talker.assets") / "speech_features" / "phone29.safetensors"))


@cache
def _digest(path: Path) -> str:
    return sha256_of(path)[:12]
