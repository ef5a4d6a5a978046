"""The Coarse-to-Fine refiner of D3-Talker: which network, how wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from d3talker.core.errors import D3Error

Kind = Literal["lean", "styleunet"]
KINDS: tuple[Kind, ...] = ("lean", "styleunet")
WIDTHS = (1.0, 0.5, 0.25)
"""Factors that leave every layer a whole number of channels."""


@dataclass(frozen=True)
class RefinerSettings:
    """The network that turns the rendered composite into the final picture (D3-Talker, equation 11)."""

    kind: Kind = "lean"
    """``lean`` adds a bounded change and starts as the identity; ``styleunet`` paints the picture anew, as the paper
    does, and takes twenty times the parameters and ten times the work at full width."""
    width: float = 1.0
    """Factor on the channels of every layer: 1, 0.5 or 0.25. The style code of the StyleUNet keeps its 512 numbers."""


def refiner_of(told: str) -> RefinerSettings:
    """``lean`` or ``styleunet``, with a width other than 1 after a colon (``styleunet:0.5``).

    Raises:
        D3Error: something else.
    """
    kind, _, width = told.partition(":")
    known = {f"{factor:g}": factor for factor in WIDTHS}
    if kind not in KINDS or (width or "1") not in known:
        seen, wanted = f"the refiner {told!r}", "lean or styleunet, and after a colon a width of 1, 0.5 or 0.25"
        raise D3Error(seen, wanted, "Leave it out to take the method's own.")
    return RefinerSettings(cast("Kind", kind), known[width or "1"])
