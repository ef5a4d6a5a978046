"""The option that all verbs share."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import arg

Device = Annotated[str, arg(metavar="auto|cpu|cuda")]
"""Where to compute."""
