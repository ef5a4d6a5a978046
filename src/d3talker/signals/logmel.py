"""Log-mel speech features: no learning, no weights; the baseline that the learned ones are measured against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from d3talker.signals.mel import MelEnergies
from d3talker.signals.speech import SoundSource


class LogMel:
    """Log-mel energies, 25 ms windows, two 10 ms steps a row, the mean over speech removed.

    The normalisation is that of spec 5: levels differ by 18 dB between recordings, so the mean of every band over
    the active frames of the whole sound is taken away; the sound is read twice for it.
    """

    name = "logmel"

    def __init__(self, bands: int = 32) -> None:
        self.channels = bands
        self._energies = MelEnergies(bands)

    def fingerprint(self) -> str:
        """See :class:`SpeechFeatures`."""
        return f"logmel-{self.channels}-50hz-v1"

    def rows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """See :class:`SpeechFeatures`; values in [-5, 4]."""
        mean = self._speech_mean(sound)
        for energies in self._energies.stream(sound):
            pairs = energies.reshape(-1, 2, self.channels).mean(axis=1)
            yield np.clip((pairs - mean) / 2.5, -5.0, 4.0).astype(np.float32)

    def _speech_mean(self, sound: SoundSource) -> np.ndarray:
        """Mean of every band over the frames within 30 dB of the loudest ones, from a histogram of loudness."""
        floor, width, bins = -25.0, 0.25, 200
        sums, counts = np.zeros((bins, self.channels)), np.zeros(bins)
        for energies in self._energies.stream(sound):
            where = np.clip((energies.mean(axis=1) - floor) / width, 0, bins - 1).astype(int)
            np.add.at(sums, where, energies)
            np.add.at(counts, where, 1)
        heard = np.cumsum(counts[::-1])[::-1]
        loudest = int(np.flatnonzero(heard >= 0.05 * counts.sum()).max())
        active = slice(max(0, loudest - int(6.9 / width)), bins)  # 30 dB is a factor of e ** 6.9 in power
        return (sums[active].sum(axis=0) / counts[active].sum()).astype(np.float32)
