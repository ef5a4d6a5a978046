"""The network from sound to facial motion: a few small convolutional nets whose answers are averaged.

Each is a stem over rows at 50 Hz, dilated residual blocks, a step down to 25 Hz and a linear head (spec 5). There is no
padding inside, so a stream and a whole file give the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from d3talker.signals.motion_features import COLUMNS


@dataclass(frozen=True)
class MotionNetShape:
    """Sizes of one net."""

    columns: int = COLUMNS
    """Of the features."""
    coefficients: int = 32
    """Numbers that a face is moved by, blinks left out."""
    width: int = 64
    """Channels between the layers."""
    dilations: tuple[int, ...] = (1, 2, 4)
    """Of the residual blocks, in rows of 20 ms."""
    members: int = 4
    """Nets that are averaged."""

    @property
    def margin(self) -> int:
        """Rows on either side of a frame's two rows that its motion depends on."""
        return 5 + sum(self.dilations)


class MotionNet(nn.Module):
    """Feature rows (B, 2 T + 2 margin, C) at 50 Hz to coefficients (B, T, K) at 25 frames a second."""

    def __init__(self, shape: MotionNetShape, dropout: float = 0.25) -> None:
        super().__init__()
        self.shape, self.dropout = shape, dropout
        self.stem = nn.Conv1d(shape.columns, shape.width, 5)
        self.stem_norm = nn.BatchNorm1d(shape.width)
        self.blocks = nn.ModuleList(nn.Conv1d(shape.width, shape.width, 3, dilation=d) for d in shape.dilations)
        self.down = nn.Conv1d(shape.width, shape.width, 4, stride=2)
        self.head = nn.Conv1d(shape.width, shape.coefficients, 3)

    def forward(self, rows: Tensor) -> Tensor:
        """See the class."""
        return self.head(self.heard(rows)).transpose(1, 2)

    def heard(self, rows: Tensor) -> Tensor:
        """The last layer before the head, (B, width, T + 2): the head looks one frame to either side."""
        x = functional.gelu(self.stem_norm(self.stem(rows.transpose(1, 2))))
        for block, dilation in zip(self.blocks, self.shape.dilations, strict=True):
            inner = functional.dropout(functional.gelu(block(x)), self.dropout, self.training)
            x = x[:, :, dilation:-dilation] + inner
        return functional.dropout(functional.gelu(self.down(x)), self.dropout, self.training)
