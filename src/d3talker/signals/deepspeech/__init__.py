"""DeepSpeech 0.1.0 as speech features, from the published graph and without TensorFlow.

The windows are those that AD-NeRF and its successors store as ``aud.npy`` (spec 2, section 4.1): a head may learn on
such a file and on this alike. Rows beyond the sound are zeros there, so they are zeros here, not repeated.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from d3talker.assets.weights import DEEPSPEECH, find_weights
from d3talker.core.device import choose_device
from d3talker.signals.deepspeech.mfcc import NetworkInputs, cepstra
from d3talker.signals.deepspeech.network import CLASSES, Network, load_network
from d3talker.signals.speech import RATE, SoundSource, cut_windows, frame_count


class DeepSpeech:
    """Logits over the letters of English, before any softmax: windows (n, 16, 29)."""

    name = "deepspeech"
    channels = CLASSES

    def __init__(self) -> None:
        """Finds the graph and checks its hash.

        Raises:
            D3Error: it is missing (the line says where to get it), or it is another file.
        """
        self._graph = find_weights(DEEPSPEECH)

    def fingerprint(self) -> str:
        """See :class:`d3talker.signals.speech.WindowFeatures`."""
        return f"deepspeech-{DEEPSPEECH.sha1[:8]}-v1"

    def windows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        """See :class:`d3talker.signals.speech.WindowFeatures`; the network is held only while they are made."""
        return letter_windows(load_network(self._graph).to(choose_device()), sound)


def letter_windows(network: Network, sound: SoundSource) -> Iterator[np.ndarray]:
    """The windows (n, 16, 29) of every frame of a sound; the first window begins with eight rows of zeros."""
    samples = sum(len(piece) for piece in sound())
    return cut_windows(_rows(network, sound, samples), edges="zero")


def _rows(network: Network, sound: SoundSource, samples: int) -> Iterator[np.ndarray]:
    """Pieces (n, 29), two rows a frame in all.

    The published scripts round the sound to whole rows and then drop the last (10 s give 499): zeros stand for it.
    """
    inputs = NetworkInputs(cepstra(sound))
    kept, total = max(0, round(50 * samples / RATE) - 1), 2 * frame_count(samples)
    given = 0
    for rows in network.stream(inputs):
        if given < kept:
            yield rows[: kept - given]
            given += len(rows[: kept - given])
    yield np.zeros((total - given, CLASSES), np.float32)
