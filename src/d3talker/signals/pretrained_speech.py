"""Speech features of published models: HuBERT, wav2vec2 and XLSR.

The models look at everything they are given at once, so a long sound is cut into windows of 20 s that overlap by 4 s.
Of two windows the rows near the cut, which lack context, are dropped, and between them one fades into the other: there
is no seam, and memory does not grow with the sound. What is normalised over the whole sound (the samples, and in
wav2vec2 base the first convolution) is normalised over all of it, not over a window, from a first pass.

A model gives one row for every 320 samples that still have 80 more behind them: 499 rows for 10 s. Two rows make a
video frame (25 a second), so the last row is repeated up to two for every frame: 500 rows, 250 frames. Row j sees the
samples 320 j .. 320 j + 399, its middle stands 2.5 ms after that of the 50 Hz grid of the other front ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from d3talker.core.device import choose_device
from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of
from d3talker.signals.pretrained_models import (
    PRETRAINED,
    STEP_SAMPLES,
    WINDOW_SAMPLES,
    Output,
    find_pretrained,
    load_network,
    local_settings,
    local_weights,
)
from d3talker.signals.sound_moments import SoundMoments, measure_sound
from d3talker.signals.speech import SoundSource, frame_count

LONGEST = 1000
"""Rows of a window (20 s), as in the training of the models that listen to these features."""
OVERLAP = 200
"""Rows that two windows share."""
DROPPED = 64
"""Rows at a cut that are not used: as far as the position convolution of the models reaches."""
_FADE = OVERLAP - 2 * DROPPED


class PretrainedSpeech:
    """Rows of a published model. The channels are known before anything is fetched or loaded.

    Args:
        model: a name of :data:`PRETRAINED`, or the path of a folder with a HuBERT or wav2vec2 model.
        output: of a folder: the last hidden layer, or the logits over letters; a name has its own.
        device: where to compute, see :func:`choose_device`.

    Raises:
        D3Error: neither a name nor a folder with a model that fits.
    """

    def __init__(self, model: str | Path, output: Output = "hidden", device: str = "auto") -> None:
        self._device = choose_device(device)
        self._model = PRETRAINED.get(str(model))
        self._path = Path(model)
        if self._model is not None:
            self.name, self.channels, self._output = self._model.name, self._model.channels, self._model.output
        elif self._path.is_dir():
            settings = local_settings(self._path)
            self.name, self._output = self._path.name, output
            self.channels = int(settings["hidden_size" if output == "hidden" else "vocab_size"])
        else:
            raise D3Error(
                f"no speech model {str(model)!r}",
                f"{', '.join(PRETRAINED)}, or a folder with a model",
                "Check the name or the path.",
            )

    def fingerprint(self) -> str:
        """See :class:`RowFeatures`."""
        return f"{self._identity}-{self._output}-{self.channels}-50hz-v1"

    def rows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """See :class:`RowFeatures`; the sound is read twice.

        Raises:
            D3Error: transformers is missing, or the model is not on disk and cannot be fetched.
        """
        network = self._network  # first: what is missing is told before the sound is read
        moments = measure_sound(sound)
        given, last = 0, np.zeros((1, self.channels), np.float32)
        for block in _faded(self._windows(network, sound, moments)):
            given, last = given + len(block), block[-1:]
            yield block
        missing = 2 * frame_count(moments.samples) - given
        if missing > 0:
            yield np.repeat(last, missing, axis=0)

    @cached_property
    def _identity(self) -> str:
        if self._model is not None:
            return f"{self.name}-{self._model.revision[:12]}"
        settings, weights = sha256_of(self._path / "config.json"), sha256_of(local_weights(self._path))
        return f"local-{settings[:6]}{weights[:12]}"

    @cached_property
    def _network(self) -> nn.Module:
        folder = self._path if self._model is None else find_pretrained(self._model)
        network = load_network(folder, self._output)
        first = _first_layer(network)
        if isinstance(first.layer_norm, nn.GroupNorm):
            first.layer_norm = _WholeSoundNorm(first.layer_norm)
        return network.to(self._device)

    def _windows(
        self, network: nn.Module, sound: SoundSource, moments: SoundMoments
    ) -> Iterator[tuple[int, np.ndarray]]:
        """First row and rows (n, C) of all windows in order."""
        total = max(1, (moments.samples - WINDOW_SAMPLES) // STEP_SAMPLES + 1)
        held, start, pieces = np.zeros(0, np.float32), 0, iter(sound())
        for row in _starts(total):
            end = STEP_SAMPLES * (min(row + LONGEST, total) - 1) + WINDOW_SAMPLES
            while start + len(held) < end:
                piece = next(pieces, None)
                if piece is None:  # a sound of less than one window
                    piece = np.full(end - start - len(held), moments.mean, np.float32)
                held = np.concatenate([held, piece])
            spare = STEP_SAMPLES * row - start
            held, start = held[spare:], start + spare
            yield row, self._run(network, moments.normalise(held[: end - start]), moments)

    @torch.inference_mode()
    def _run(self, network: nn.Module, samples: np.ndarray, moments: SoundMoments) -> np.ndarray:
        first = _first_layer(network)
        if isinstance(first.layer_norm, _WholeSoundNorm):
            first.layer_norm.hear(first.conv, moments)
        found = network(torch.from_numpy(samples)[None].to(self._device))
        rows = found.last_hidden_state if self._output == "hidden" else found.logits
        return rows[0].float().cpu().numpy()


class _WholeSoundNorm(nn.Module):
    """A normalisation of every channel over time whose mean and variance are those of the whole sound."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.mean = self.variance = torch.zeros(0)

    def hear(self, convolution: nn.Conv1d, moments: SoundMoments) -> None:
        """Takes the moments behind ``convolution`` from those of the sound."""
        bias = None if convolution.bias is None else convolution.bias.cpu().numpy()
        mean, variance = moments.after_convolution(convolution.weight[:, 0].cpu().numpy(), bias)
        self.mean, self.variance = (torch.from_numpy(a).to(convolution.weight) for a in (mean, variance))

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight / torch.sqrt(self.variance + self.eps)
        return (x - self.mean[:, None]) * scale[:, None] + self.bias[:, None]


def _first_layer(network: Any) -> Any:
    """The first convolution of a model of transformers, with its normalisation."""
    return network.base_model.feature_extractor.conv_layers[0]


def _starts(total: int) -> Iterator[int]:
    """First rows of the windows of ``total`` rows; the last window is as long as the others, where the sound is."""
    start = 0
    while start + LONGEST < total:
        yield start
        start += LONGEST - OVERLAP
    yield max(0, total - LONGEST)


def _faded(windows: Iterable[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """Joins windows, each (first row, rows), by fading one into the next where both have context."""
    held, start = np.zeros((0, 0), np.float32), 0
    weight = ((np.arange(_FADE, dtype=np.float32) + 0.5) / _FADE)[:, None]
    for first, rows in windows:
        if len(held):
            old = len(held) - DROPPED - _FADE
            new = start + old - first
            mixed = held[old : old + _FADE] * (1 - weight) + rows[new : new + _FADE] * weight
            yield np.concatenate([held[:old], mixed])
            held, start = rows[new + _FADE :], start + old + _FADE
        else:
            held, start = rows, first
    yield held
