"""The network of DeepSpeech 0.1.0: clipped layers around one bidirectional LSTM (spec 2, section 4.1).

Parameters keep the names and the layout of the published graph: matrices are (inputs, outputs), an LSTM has one
kernel for its input and its last output, gates in the order input, candidate, forget, output.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from d3talker.signals.deepspeech.graph import read_constants
from d3talker.signals.deepspeech.mfcc import INPUTS

CLASSES = 29
"""Logits a row: space, a to z, apostrophe, and the blank of CTC."""
WIDTH = 2048
"""Units a layer of the published network; the third layer has twice as many."""
CHUNK = 1500
"""Rows computed at a time (30 s); the numbers do not depend on it."""
_CLIP = 20.0
_FORGET = 1.0  # added to the forget gate, as TensorFlow's BasicLSTMCell does

State = tuple[Tensor, Tensor]
"""Output and memory of an LSTM, (width,) each."""


class Rows(Protocol):
    """Rows that can be looked up: :class:`d3talker.signals.deepspeech.mfcc.NetworkInputs`, or an array."""

    def __len__(self) -> int: ...
    def __getitem__(self, wanted: slice) -> np.ndarray: ...


class Network(nn.Module):
    """Inputs (T, 494) to logits (T, 29), 50 rows a second."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width = width
        for name, shape in parameter_shapes(width).items():
            self.register_parameter(_attribute(name), nn.Parameter(torch.empty(shape), requires_grad=False))

    @torch.no_grad()
    def stream(self, inputs: Rows, chunk: int = CHUNK) -> Iterator[np.ndarray]:
        """The logits in order, pieces (n, 29) float32 with n <= ``chunk``: those of the whole sound, without seams.

        The forward direction carries its state from chunk to chunk. The backward direction first runs through the
        chunks from the last to the first and keeps the state between them, 16 KB each; then every chunk is done
        again from the state after it. A sound of more than one chunk so costs a half more than in one go, and its
        memory is that of a chunk.
        """
        starts = range(0, len(inputs), chunk)
        after = [self._silence()]
        for start in reversed(starts[1:]):
            _, state = self._direction("bw", self._before(inputs[start : start + chunk]).flip(0), after[-1])
            after.append(state)
        state = self._silence()
        for start in starts:
            x = self._before(inputs[start : start + chunk])
            forward, state = self._direction("fw", x, state)
            backward, _ = self._direction("bw", x.flip(0), after.pop())
            yield self._after(torch.cat([forward, backward.flip(0)], dim=1)).cpu().numpy()

    def _silence(self) -> State:
        zeros = torch.zeros(self.width, device=self.get_parameter("b1").device)
        return zeros, zeros

    def _before(self, rows: np.ndarray) -> Tensor:
        x = torch.from_numpy(rows).to(self.get_parameter("b1").device)
        for layer in ("1", "2", "3"):
            x = self._dense(layer, x).clamp_(0.0, _CLIP)
        return x

    def _after(self, both: Tensor) -> Tensor:
        return self._dense("6", self._dense("5", both).clamp_(0.0, _CLIP))

    def _dense(self, layer: str, x: Tensor) -> Tensor:
        return torch.addmm(self.get_parameter(f"b{layer}"), x, self.get_parameter(f"h{layer}"))

    def _direction(self, name: str, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One direction of the LSTM over (T, 2 width): its outputs (T, width), and its state after the last row."""
        kernel, bias = self.get_parameter(f"{name}_kernel"), self.get_parameter(f"{name}_bias")
        from_input = torch.addmm(bias, x, kernel[: x.shape[1]])
        recurrent = kernel[x.shape[1] :]
        output, memory = state
        outputs = []
        for gates in from_input:
            enter, candidate, forget, leave = torch.addmv(gates, recurrent.T, output).chunk(4)
            memory = torch.sigmoid(forget + _FORGET) * memory + torch.sigmoid(enter) * torch.tanh(candidate)
            output = torch.sigmoid(leave) * torch.tanh(memory)
            outputs.append(output)
        return torch.stack(outputs), (output, memory)


def parameter_shapes(width: int = WIDTH) -> dict[str, tuple[int, ...]]:
    """The constants of the published graph by name; ``width`` makes a smaller network of the same kind."""
    cell = {"kernel": (3 * width, 4 * width), "bias": (4 * width,)}
    return {
        "h1": (INPUTS, width),
        "b1": (width,),
        "h2": (width, width),
        "b2": (width,),
        "h3": (width, 2 * width),
        "b3": (2 * width,),
        **{f"bidirectional_rnn/{d}/basic_lstm_cell/{part}": s for d in ("fw", "bw") for part, s in cell.items()},
        "h5": (2 * width, width),
        "b5": (width,),
        "h6": (width, CLASSES),
        "b6": (CLASSES,),
    }


def _attribute(name: str) -> str:
    """``bidirectional_rnn/fw/basic_lstm_cell/kernel`` is ``fw_kernel`` here."""
    return name.removeprefix("bidirectional_rnn/").replace("/basic_lstm_cell/", "_")


def load_network(path: Path, width: int = WIDTH) -> Network:
    """The network with the constants of a frozen graph.

    Raises:
        D3Error: no graph, or one of another architecture; the line names the first constant that differs.
    """
    constants = read_constants(path, parameter_shapes(width))
    with torch.device("meta"):
        network = Network(width)
    network = network.to_empty(device="cpu")
    for name, values in constants.items():
        network.get_parameter(_attribute(name)).numpy()[...] = values
    return network
