"""The cells of a bench: which head learns from how much of which clip, with which seed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from d3talker.config.ablation import ABLATIONS, ablated
from d3talker.config.bench import AT_TEST, BenchSettings
from d3talker.config.method import METHODS, MethodSettings
from d3talker.core.errors import D3Error
from d3talker.models.prior import default_prior, find_prior
from d3talker.recipes.adapt import SHORTEST
from d3talker.recipes.evaluate import FEWEST
from d3talker.tracking.clip import Clip

FULL = "d3talker"
"""The method that ablations leave parts out of."""
_FIX = (
    "Make them all alike: d3talker pretrain CLIP... --preset quick --out FOLDER/NAME.safetensors,"
    " with --method or --ablation NAME, then give --priors FOLDER."
)


@dataclass(frozen=True)
class Row:
    """What is compared: a method, whole or with a part left out, and what it has learned before."""

    name: str
    method: str
    ablation: str | None
    prior: str

    def settings(self) -> MethodSettings:
        """Of the head."""
        return ablated(METHODS[self.method], self.ablation)


@dataclass(frozen=True)
class Cell:
    """One head to train and measure."""

    clip: str
    row: Row
    seconds: float
    seed: int
    views: tuple[str, ...]
    """Which fields move the head when it is measured: all, and for the full method perhaps halves of them."""

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.clip}-{self.row.name}-{self.seconds:g}s-seed{self.seed}"

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Matrix:
    """All cells, and why others are not among them."""

    cells: list[Cell]
    left_out: list[str]


def compared(settings: BenchSettings) -> list[str]:
    """The methods; ablations are compared with the full one."""
    return list(dict.fromkeys((*settings.methods, *([FULL] if settings.ablations else []))))


def check(settings: BenchSettings) -> None:
    """Refuses what cannot be run, before anything is prepared.

    Raises:
        D3Error: naming it.
    """
    rows_of(settings)
    short = [seconds for seconds in settings.seconds if not seconds >= SHORTEST]
    if short or not settings.seconds:
        raise D3Error(
            f"--seconds {short[0] if short else 'of nothing'}", f"{SHORTEST:g} and more", "Give other lengths."
        )
    if settings.workers < 1 or not settings.seeds or not settings.methods:
        seen = f"{settings.workers} workers, {len(settings.seeds)} seeds, {len(settings.methods)} methods"
        raise D3Error(seen, "at least one of each", "Mend the options.")


def rows_of(settings: BenchSettings) -> tuple[list[Row], list[str]]:
    """The methods and ablations, each with its prior; and why a row is left out.

    Raises:
        D3Error: no such method or ablation, or a method has no prior in the folder that is given.
    """
    for names, known, kind in (
        (settings.methods, tuple(METHODS), "method"),
        (settings.ablations, (*ABLATIONS, *AT_TEST), "ablation"),
    ):
        wrong = [name for name in names if name not in known]
        if wrong:
            raise D3Error(f"there is no {kind} {wrong[0]!r}", ", ".join(known), "Choose among them.")
    left_out = []
    rows = [Row(name, name, None, _prior(METHODS[name], settings.priors)) for name in compared(settings)]
    alone = [row.name for row in rows if row.prior == "none" and default_prior(row.settings()) != "none"]
    if alone:
        raise D3Error(f"{settings.priors} has no prior of {', '.join(alone)}", "one for each method", _FIX)
    for name in dict.fromkeys(settings.ablations):
        if name in ABLATIONS:
            method = ablated(METHODS[FULL], name)
            prior = _prior(method, settings.priors)
            if prior == "none":
                left_out.append(f"{method.name}: there is no prior that learned so. {_FIX}")
            else:
                rows.append(Row(method.name, FULL, name, prior))
    return rows, left_out


def build_matrix(clips: dict[str, Clip], settings: BenchSettings) -> Matrix:
    """Every clip, row, length and seed, save for clips that are too short for the length.

    The order is that of seeds, then clips: a bench that is stopped has whole tables early.
    """
    rows, left_out = rows_of(settings)
    fits = []
    for name, clip in clips.items():
        for seconds in dict.fromkeys(settings.seconds):
            if len(clip) - round(25 * seconds) >= FEWEST:
                fits.append((name, seconds))
            else:
                wanted = f"{seconds:g} s to learn from and {FEWEST / 25:g} s to be measured on"
                left_out.append(f"{name}: it lasts {len(clip) / 25:.1f} s, wanted {wanted}.")
    halves = tuple(name for name in dict.fromkeys(settings.ablations) if name in AT_TEST)
    cells = [
        Cell(name, row, seconds, seed, ("all", *halves) if row.name == FULL else ("all",))
        for seed in dict.fromkeys(settings.seeds)
        for name, seconds in fits
        for row in rows
    ]
    if not cells:
        raise D3Error("; ".join(left_out), "a clip that is long enough", "Give other clips, or fewer --seconds.")
    return Matrix(cells, left_out)


def speakers_of(name: str, clips: list[str], chosen: list[str]) -> list[str]:
    """Whose words a head says: those of the chosen clips but its own, or of the next clip where none is chosen."""
    after = clips.index(name) + 1
    return [speaker for speaker in chosen or (clips[after:] + clips[:after])[:1] if speaker != name]


def _prior(method: MethodSettings, folder: Path | None) -> str:
    """The prior in a folder that learned as the method learns, or none; the shipped one where no folder is given."""
    return default_prior(method) if folder is None else str(find_prior(method, folder) or "none")
