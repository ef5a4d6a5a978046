"""The Coarse-to-Fine refiner of D3-Talker: which network, how wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RefinerSettings:
    """The network that turns the rendered composite into the final picture (D3-Talker, equation 11)."""

    kind: Literal["lean", "styleunet"] = "lean"
    """``lean`` adds a bounded change and starts as the identity; ``styleunet`` paints the picture anew, as the paper
    does, and takes twenty times the parameters and ten times the work at full width."""
    width: float = 1.0
    """Factor on the channels of every layer: 1, 0.5 or 0.25. The style code of the StyleUNet keeps its 512 numbers."""
