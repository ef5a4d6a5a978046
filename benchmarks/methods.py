"""All methods on the same clips in one run: the table of docs/results.md, or the rows of D3-Talker's Table 4.

    python -m benchmarks.methods --clips $TRACKED/french $TRACKED/obama $TRACKED/aoc --out runs/methods
    python -m benchmarks.methods --ablations --priors runs/ablations ...

Same seconds, preset and seed for all. Every person is kept in ``--out`` and not trained twice. Each person is also
driven by the sound of the next clip, whose own speaker's lips are the truth.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from d3talker.cli.bars import Bars
from d3talker.config.ablation import ABLATIONS, ablated
from d3talker.config.method import D3TALKER, METHODS, MethodSettings
from d3talker.config.presets import PRESETS
from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, write_json
from d3talker.models.prior import default_prior
from d3talker.recipes.adapt import adapt
from d3talker.recipes.cross_drive import drive
from d3talker.recipes.evaluate import evaluate
from d3talker.tracking.clip import load_clip


@dataclass(frozen=True)
class Row:
    """One line: a method, its prior, and which fields move the head when it is measured."""

    name: str
    method: MethodSettings
    prior: str
    counted: str = "all"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, nargs="+", required=True, help="prepared clips")
    parser.add_argument("--seconds", type=float, default=10.0, help="to learn from")
    parser.add_argument("--preset", default="cpu")
    parser.add_argument("--out", type=Path, required=True, help="folder of persons and numbers")
    parser.add_argument("--ablations", action="store_true", help="the rows of D3-Talker's Table 4")
    parser.add_argument(
        "--priors", type=Path, help="folder with a prior METHOD.safetensors for each row, if not shipped"
    )
    options = parser.parse_args()
    rows = ablation_rows(options.priors) if options.ablations else method_rows(options.priors)
    options.out.mkdir(parents=True, exist_ok=True)
    lines = ["| row | " + " | ".join(COLUMNS) + " |", "|-" * (len(COLUMNS) + 1) + "|"]
    for row in rows:
        found = [measure(row, clip, options) for clip in range(len(options.clips))]
        means = [np.nanmean([told[column] for told in found]) for column in COLUMNS]
        lines.append(f"| {row.name} | " + " | ".join(f"{mean:.3f}" for mean in means) + " |")
        print(lines[-1], flush=True)
    (options.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


COLUMNS = (
    "lips r",
    "driven by another r",
    "LMD-mp",
    "head PSNR",
    "head SSIM",
    "mouth PSNR gain",
    "mouth sharpness",
    "minutes",
)


def method_rows(priors: Path | None) -> list[Row]:
    """The three methods."""
    order = ("talkinggaussian", "instag", "d3talker")
    return [Row(name, METHODS[name], prior_of(METHODS[name], priors)) for name in order]


def ablation_rows(priors: Path | None) -> list[Row]:
    """The full method, each ablation, and the full one with half of its fields."""
    full = Row("d3talker", D3TALKER, prior_of(D3TALKER, priors))
    changed = [ablated(D3TALKER, name) for name in ABLATIONS]
    return [
        full,
        *(Row(method.name, method, prior_of(method, priors)) for method in changed),
        Row("general only (test)", D3TALKER, full.prior, "general"),
        Row("individual only (test)", D3TALKER, full.prior, "individual"),
    ]


def prior_of(method: MethodSettings, priors: Path | None) -> str:
    """A prior made for just this method, the shipped one, or none."""
    if priors is not None and (own := priors / f"{method.name}.safetensors").exists():
        return str(own)
    return default_prior(method)


def measure(row: Row, clip: int, options: argparse.Namespace) -> dict[str, float]:
    """Trains, unless it is done, and measures one person."""
    source, other = options.clips[clip], options.clips[(clip + 1) % len(options.clips)]
    folder = options.out / f"{source.name}-{row.method.name}"
    told = options.out / f"{source.name}-{row.name.replace(' ', '-')}.json"
    if not told.exists():
        preset = PRESETS[options.preset]
        person = adapt(source, folder, row.method, preset, seconds=options.seconds, prior=row.prior, progress=Bars())
        numbers = evaluate(person, source, counted=row.counted, progress=Bars())
        driven = drive(person, load_clip(other), Bars()).zero if row.counted == "all" and other != source else np.nan
        write_json(told, {"numbers": numbers, "driven": None if np.isnan(driven) else driven})
    stored = read_json(told, "Delete it.")
    numbers = stored["numbers"]
    values = (
        numbers["lips"]["opening_correlation"],
        np.nan if stored["driven"] is None else stored["driven"],
        numbers["lips"]["lmd_mp"],
        numbers["head"]["psnr"],
        numbers["head"]["ssim"],
        numbers["gain_over_still_mouth"]["psnr_gain"],
        numbers["mouth"]["sharpness"],
        numbers["training_seconds"] / 60,
    )
    return dict(zip(COLUMNS, values, strict=True))


if __name__ == "__main__":
    try:
        main()
    except D3Error as error:
        print(error, file=sys.stderr)
        sys.exit(2)
