"""What was asked for when a person was begun: kept in the person's folder, so that any studio can go on with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import dacite

from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, write_json

FILE = "work/studio-order.json"
PRESETS = ("auto", "cpu", "gpu", "tiny")
METHODS = ("d3talker", "instag", "talkinggaussian")


@dataclass(frozen=True)
class Order:
    """How a person is made."""

    clip: str
    """Name of the clip in the work folder."""
    preset: str = "auto"
    """One of :data:`PRESETS`."""
    method: str = "d3talker"
    """One of :data:`METHODS`."""
    seconds: float | None = None
    """Learn from the first so many; None for all."""
    device: str = "auto"
    """Where to compute."""

    def __post_init__(self) -> None:
        if self.preset not in PRESETS or self.method not in METHODS:
            seen = f"preset {self.preset!r}, method {self.method!r}"
            raise D3Error(seen, f"{', '.join(PRESETS)}; {', '.join(METHODS)}", "Choose one of each.")


def write_order(folder: Path, order: Order) -> None:
    """Keeps it."""
    write_json(folder / FILE, asdict(order))


def read_order(folder: Path) -> Order:
    """The order of the person in ``folder``.

    Raises:
        D3Error: there is none, or it is damaged.
    """
    again = "Give the clip again, under another name."
    try:
        return dacite.from_dict(Order, read_json(folder / FILE, again), dacite.Config(strict=True))
    except dacite.DaciteError:
        raise D3Error(f"{folder.name}/{FILE} is damaged", "what was asked for", again) from None
