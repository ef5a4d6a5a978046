"""A signal to one code a frame: a network on every frame's input, then one that looks at its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CODE_SIZE = 32
"""Numbers in the code of a frame."""
_PIECE = 64  # frames


class SignalEncoder(nn.Module):
    """The codes of frames from the inputs of a whole clip.

    ``net`` takes inputs (N, ...) to features (N, 32), ``look`` the features of ``before`` + 1 + ``after`` neighbouring
    frames (B, K, 32) to codes (B, 32).
    """

    def __init__(self, net: nn.Module, look: nn.Module, before: int, after: int) -> None:
        super().__init__()
        self.net, self.look = net, look
        self.before, self.after = before, after

    def forward(self, inputs: Tensor, frames: Tensor) -> Tensor:
        """Codes (B, 32) of the ``frames`` (B,) int64 of a clip with ``inputs`` (T, ...).

        Every frame that is looked at is encoded once; those before the start and after the end repeat the first and
        the last one.
        """
        wanted, place = self.around(frames, len(inputs)).unique(return_inverse=True)
        return self.look(self.net(inputs[wanted])[place])

    def clip(self, inputs: Tensor) -> Tensor:
        """The codes (T, 32) of every frame, in pieces, so that memory does not grow with the clip."""
        frames = torch.arange(len(inputs), device=inputs.device)
        return torch.cat([self(inputs, piece) for piece in frames.split(_PIECE)])

    def around(self, frames: Tensor, count: int) -> Tensor:
        """Indices (B, K) of what is looked at for each frame (B,), clamped to 0 .. ``count`` - 1."""
        offsets = torch.arange(-self.before, self.after + 1, device=frames.device)
        return (frames[:, None] + offsets).clamp(0, count - 1)
