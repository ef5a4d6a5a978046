"""All methods on the same clips in one run: the tables of docs/results.md, or the rows of D3-Talker's Table 4.

    python -m benchmarks.methods --clips french obama aoc --seconds 10 --preset cpu
    python -m benchmarks.methods --clips french obama --ablations --priors runs/ablations

A clip is a prepared folder, a video, or the name of one in ``--data``. Same seconds, preset and seed for all; a clip
that would leave less than a quarter of itself unseen is learned from its first three quarters. Each person is also
driven by the sound of each other clip, whose own speaker's lips are the truth. What is in ``--out`` is not made again.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from d3talker.cli import run_script
from d3talker.cli.bars import Bars
from d3talker.config.ablation import ABLATIONS, ablated
from d3talker.config.method import D3TALKER, METHODS, MethodSettings
from d3talker.config.presets import PRESETS
from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, write_json
from d3talker.models.head import Counted
from d3talker.models.prior import default_prior, find_prior
from d3talker.recipes.adapt import adapt
from d3talker.recipes.cross_drive import drive
from d3talker.recipes.evaluate import evaluate
from d3talker.recipes.prepare import prepared
from d3talker.tracking.clip import Clip, load_clip

COLUMNS = (
    "lips r",
    "width r",
    "amplitude",
    "LMD-mp",
    "head PSNR",
    "head SSIM",
    "mouth PSNR",
    "mouth gain dB",
    "mouth sharpness",
    "mouth flicker",
    "jitter px",
    "minutes",
)

_FIX = (
    "Make them all alike: d3talker pretrain CLIP... --preset quick --out FOLDER/NAME.safetensors,"
    " with --method or --ablation NAME, then give --priors FOLDER."
)


@dataclass(frozen=True)
class Row:
    """One line: a method, its prior, and which fields move the head when it is measured."""

    name: str
    method: MethodSettings
    prior: str
    counted: Counted = "all"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", nargs="+", required=True, help="prepared clips, videos, names in --data")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/dev"), help="folder of videos")
    parser.add_argument("--seconds", type=float, default=10.0, help="to learn from")
    parser.add_argument("--preset", default="cpu", choices=tuple(PRESETS))
    parser.add_argument("--out", type=Path, default=Path("runs/methods"), help="folder of persons and numbers")
    parser.add_argument("--ablations", action="store_true", help="the rows of D3-Talker's Table 4")
    parser.add_argument("--priors", type=Path, help="folder of priors, in place of the shipped ones")
    options = parser.parse_args()
    clips = [read_clip(name, options) for name in options.clips]
    rows = ablation_rows(options.priors) if options.ablations else method_rows(options.priors)
    measured = {row.name: [measure(row, clip, clips, options) for clip in clips] for row in rows}
    tables = (own_table, driven_table, closure_table) if len(clips) > 1 else (own_table, closure_table)
    text = "\n\n".join(table(measured, clips) for table in tables)
    (options.out / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def read_clip(name: str, options: argparse.Namespace) -> Clip:
    """The prepared clip of a name."""
    source = Path(name) if Path(name).exists() else options.data / f"{name}.mp4"
    return prepared(source, options.out / "clips" / source.stem, Bars())


def method_rows(priors: Path | None) -> list[Row]:
    """The three methods.

    Raises:
        D3Error: a method that learns from a prior has none in ``priors``.
    """
    order = ("talkinggaussian", "instag", "d3talker")
    rows = [Row(name, METHODS[name], prior_of(METHODS[name], priors)) for name in order]
    alone = [row.name for row in rows if row.prior == "none" and default_prior(row.method) != "none"]
    if alone:
        raise D3Error(f"{priors} has no prior of {', '.join(alone)}", "one for each method", _FIX)
    return rows


def ablation_rows(priors: Path | None) -> list[Row]:
    """The full method, each ablation that has a prior, and the full one with half of its fields.

    Raises:
        D3Error: there is no prior of the full method.
    """
    full = Row("d3talker", D3TALKER, prior_of(D3TALKER, priors))
    if full.prior == "none":
        raise D3Error(f"{priors} has no prior of d3talker", "one of the full method and of its ablations", _FIX)
    methods = [ablated(D3TALKER, name) for name in ABLATIONS]
    changed = [Row(method.name, method, prior_of(method, priors)) for method in methods]
    alone = [row.name for row in changed if row.prior == "none"]
    if alone:
        print(f"left out, for want of a prior: {', '.join(alone)}. {_FIX}", file=sys.stderr)
    return [
        full,
        *(row for row in changed if row.prior != "none"),
        Row("general only (test)", D3TALKER, full.prior, "general"),
        Row("individual only (test)", D3TALKER, full.prior, "individual"),
    ]


def prior_of(method: MethodSettings, priors: Path | None) -> str:
    """The prior in a folder that learned as the method learns, or none; the shipped one where no folder is given."""
    return default_prior(method) if priors is None else str(find_prior(method, priors) or "none")


def measure(row: Row, clip: Clip, clips: list[Clip], options: argparse.Namespace) -> dict:
    """Trains, unless it is done, and measures one person: its own sound, and each other's."""
    name = clip.path.name
    folder, told = options.out / f"{name}-{row.method.name}", options.out / f"{name}-{row.name.replace(' ', '-')}.json"
    if not told.exists():
        seconds, preset = min(options.seconds, 0.75 * len(clip) / 25), PRESETS[options.preset]
        print(f"{row.name}, {name}: {seconds:.1f} s of {len(clip) / 25:.1f} s", file=sys.stderr)
        person = adapt(clip.path, folder, row.method, preset, seconds=seconds, prior=row.prior, progress=Bars())
        numbers = evaluate(person, clip.path, counted=row.counted, progress=Bars())
        others = [other for other in clips if other is not clip and row.counted == "all"]
        driven = {
            other.path.name: drive(person, load_clip(other.path), Bars())["opening_correlation"] for other in others
        }
        write_json(told, {"numbers": numbers, "driven": driven})
    return read_json(told, "Delete it.")


def own_table(measured: dict[str, list[dict]], clips: list[Clip]) -> str:
    """Unseen frames, own sound: a line for each row and clip, and their mean."""
    lines = ["| method | clip | " + " | ".join(COLUMNS) + " |", "|-" * (len(COLUMNS) + 2) + "|"]
    for row, told in measured.items():
        values = [numbers_of(one["numbers"]) for one in told]
        for clip, own in zip(clips, values, strict=True):
            lines.append(f"| {row} | {clip.path.name} | " + " | ".join(f"{value:.3f}" for value in own) + " |")
        if len(clips) > 1:
            mean = np.nanmean(values, axis=0)
            lines.append(f"| {row} | mean | " + " | ".join(f"{value:.3f}" for value in mean) + " |")
    return "\n".join(lines)


def numbers_of(numbers: dict) -> list[float]:
    """As :data:`COLUMNS`."""
    lips = numbers["lips"]
    return [
        lips["opening_correlation"],
        lips["width_correlation"],
        lips["opening_amplitude_ratio"],
        numbers["face"]["lmd_mp"],
        numbers["head"]["psnr"],
        numbers["head"]["ssim"],
        numbers["mouth"]["psnr"],
        numbers["gain_over_still_mouth"]["psnr_gain"],
        numbers["mouth"]["sharpness"],
        numbers["mouth"]["flicker"],
        numbers["motion"]["jitter_beyond_truth_px"],
        numbers["training_seconds"] / 60,
    ]


def driven_table(measured: dict[str, list[dict]], clips: list[Clip]) -> str:
    """Heads that say what others said: correlation of lip openings with the real speaker's."""
    first = next(iter(measured.values()))
    pairs = [(place, other) for place, one in enumerate(first) for other in one["driven"]]
    heads = [clip.path.name for clip in clips]
    lines = ["| method | " + " | ".join(f"{heads[place]} says {other}" for place, other in pairs) + " | mean |"]
    lines.append("|-" * (len(pairs) + 2) + "|")
    for row, told in measured.items():
        values = [told[place]["driven"].get(other) for place, other in pairs]
        if None not in values:
            lines.append(f"| {row} | " + " | ".join(f"{value:.3f}" for value in [*values, np.mean(values)]) + " |")
    return "\n".join(lines)


def closure_table(measured: dict[str, list[dict]], clips: list[Clip]) -> str:
    """Whether lips meet on p, b and m and how far they are apart in pauses, beside the real speaker's."""
    lines = ["| lips | clip | moments | truth | " + " | ".join(measured) + " |", "|-" * (len(measured) + 4) + "|"]
    for title, count, name in (
        ("shut on p, b, m", "bilabials", "shut_on_bilabials"),
        ("apart in pauses", "pause_frames", "opening_in_pauses"),
    ):
        for place, clip in enumerate(clips):
            told = [one[place]["numbers"]["closures"] for one in measured.values()]
            values = [told[0][f"{name}_in_truth"], *(closures[name] for closures in told)]
            cells = " | ".join("none" if value is None else f"{value:.3f}" for value in values)
            lines.append(f"| {title} | {clip.path.name} | {told[0][count]} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run_script(main)
