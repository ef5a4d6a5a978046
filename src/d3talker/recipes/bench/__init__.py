"""The bench: methods, clips, seconds and seeds in one matrix, in the shapes of the papers' tables.

The story: prepare the clips, lay out the matrix, run every cell that is not done in a process of its own, gather the
numbers, write tables after every cell and a page in the end. Killed at any point, the same call goes on where it was.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from d3talker import __version__
from d3talker.config.bench import BenchSettings
from d3talker.core.device import choose_device
from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, sha256_of, writable_folder
from d3talker.core.progress import Progress, Silent
from d3talker.recipes.bench.cell import DRIVING, Order, Speaker
from d3talker.recipes.bench.formats import write_latex, write_markdown, write_numbers
from d3talker.recipes.bench.hardware import hardware
from d3talker.recipes.bench.matrix import Matrix, build_matrix, check, compared, speakers_of
from d3talker.recipes.bench.page import write_page
from d3talker.recipes.bench.results import Result, is_done, read_results
from d3talker.recipes.bench.tables import Table, make_tables
from d3talker.recipes.bench.workers import run_orders
from d3talker.recipes.prepare import prepared
from d3talker.tracking.clip import Clip


@dataclass(frozen=True)
class Bench:
    """What a bench has to show."""

    tables: list[Table]
    failures: dict[str, str]
    """By the cell's name."""
    left_out: list[str]
    page: Path


def bench(
    sources: list[Path],
    out: Path,
    settings: BenchSettings,
    *,
    drive: list[Path] | None = None,
    restart: bool = False,
    progress: Progress | None = None,
) -> Bench:
    """Trains and measures every cell of the matrix, and writes tables and a page.

    ``out`` then holds ``cells`` (a person's folder each, with its numbers, frames and videos), ``clips``,
    ``results.csv``, ``results.json``, ``tables.md``, ``tables.tex`` and ``report.html``.

    Args:
        sources: videos, or folders that ``prepare`` wrote, one a clip.
        out: folder of the bench; cells that are done in it are not done again.
        settings: the matrix.
        drive: clips, alike, whose words every head says; by default each head says those of the next clip.
        restart: forget the cells of this matrix and train them anew.
        progress: hears of clips and cells.

    Raises:
        D3Error: another bench is at work in ``out``, two clips have one name, an unknown method, or no cell at all can
            be done. A cell that fails is listed and does not stop the others.
    """
    progress = progress or Silent()
    check(settings)
    device = choose_device(settings.device)
    lock = FileLock(writable_folder(out) / ".lock")
    try:
        with lock.acquire(timeout=0):
            every, unusable = _prepare(list(dict.fromkeys([*sources, *(drive or [])])), out / "clips", progress)
            clips, chosen = ([_name(one) for one in of if _name(one) in every] for of in (sources, drive or []))
            if not clips:
                raise D3Error("; ".join(unusable) or "no clips", "at least one clip", "Give other clips.")
            unknown = [name for name in settings.english if name not in every]
            if unknown:
                raise D3Error(f"--english {unknown[0]}", f"among {', '.join(every)}", "Give names of the clips.")
            matrix = build_matrix({name: every[name] for name in clips}, settings)
            orders = _orders(matrix, every, clips, chosen, out / "cells", settings)
            for order in orders:
                _forget_what_is_stale(order, restart)
            waiting = [order for order in orders if not is_done(order)]
            progress.say(f"{len(orders)} cells, {len(orders) - len(waiting)} of them done")
            about = [
                f"d3talker {__version__}, preset {settings.preset.name} at {settings.preset.resolution} pixels,"
                f" speech features {settings.front_end}, {_number(len(orders), 'cell')} of {', '.join(clips)}.",
                f"Hardware: {hardware(device)}; {_number(settings.workers, 'process', 'es')} at once.",
            ]
            left_out = [*unusable, *matrix.left_out]
            tabulate = partial(_tabulate, out, orders, settings, about, left_out)
            failures = run_orders(waiting, settings.workers, progress, tabulate)
            results, tables = tabulate(failures)
            if not results:
                raise D3Error(
                    f"all of {len(orders)} cells failed; {'; '.join(failures.values())}",
                    "at least one that is done",
                    f"See log.txt in the folders of {out / 'cells'}.",
                )
            page = out / "report.html"
            warnings = _warnings(left_out, failures)
            write_page(page, about, warnings, tables, results, compared(settings), writable_folder(out / "page"))
            return Bench(tables, failures, left_out, page)
    except Timeout:
        raise D3Error(f"another bench is at work in {out}", "one at a time", "Wait, or choose another --out.") from None


def _prepare(sources: list[Path], folder: Path, progress: Progress) -> tuple[dict[str, Clip], list[str]]:
    """The clips by name, and why others cannot be used."""
    names = [_name(source) for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise D3Error(f"two clips are called {twice[0]}", "a name for each", "Rename one of them.")
    clips, unusable = {}, []
    for name, source in zip(names, sources, strict=True):
        try:
            clip = prepared(source, folder / name, progress)
            if source.is_file() and clip.meta["source"]["sha256"] != sha256_of(source):
                fix = "Rename it, or choose another --out."
                raise D3Error(f"{folder / name} was made from another video than {source}", "the same", fix)
            if not clip.has_sound:
                raise D3Error(f"{source} has no sound", "a clip of a person who talks", "Record it with sound.")
            clips[name] = clip
        except D3Error as error:
            unusable.append(f"{name} cannot be used: {error}")
            progress.say(unusable[-1])
    return clips, unusable


def _name(source: Path) -> str:
    return source.name if source.is_dir() else source.stem


def _orders(
    matrix: Matrix,
    every: dict[str, Clip],
    clips: list[str],
    chosen: list[str],
    folder: Path,
    settings: BenchSettings,
) -> list[Order]:
    def heard(name: str) -> str:
        return "english" if name in settings.english else "phones"

    orders = []
    for cell in matrix.cells:
        speakers = speakers_of(cell.clip, clips, chosen)
        orders.append(
            Order(
                cell=cell,
                folder=str(folder / cell.name),
                clip=str(every[cell.clip].path),
                speakers=tuple(Speaker(name, str(every[name].path), heard(name)) for name in speakers),
                preset=settings.preset.name,
                resolution=settings.preset.resolution,
                front_end=settings.front_end,
                closures=heard(cell.clip),
                driven_frames=round(25 * settings.driven_seconds),
                device=settings.device,
            )
        )
    return orders


def _forget_what_is_stale(order: Order, restart: bool) -> None:
    """Numbers that another order made go; the head stays, unless it is to be trained anew."""
    folder = Path(order.folder)
    written = folder / "order.json"
    if not written.exists():
        return
    if restart:
        shutil.rmtree(folder)
        return
    before, now = read_json(written, "Delete it."), json.loads(json.dumps(asdict(order)))
    for told in (before, now):
        told["cell"].pop("views")  # one more view changes nothing of the others
    changed = {name for name in now if before.get(name) != now[name]}
    if changed:
        for driven in folder.glob("driven-*.json"):
            driven.unlink()
    if changed - DRIVING:
        for numbers in folder.glob("numbers-*.json"):
            numbers.unlink()


def _tabulate(
    out: Path,
    orders: list[Order],
    settings: BenchSettings,
    about: list[str],
    left_out: list[str],
    failures: dict[str, str],
) -> tuple[list[Result], list[Table]]:
    """Writes the numbers and tables of all cells that are done."""
    results = read_results(orders)
    if not results:
        return [], []
    tables = make_tables(results, compared(settings))
    write_numbers(out, {"about": about, "left_out": left_out, "failed": failures}, results)
    write_markdown(out / "tables.md", [*about, *_warnings(left_out, failures)], tables)
    write_latex(out / "tables.tex", tables)
    return results, tables


def _warnings(left_out: list[str], failures: dict[str, str]) -> list[str]:
    failed = [f"Failed: {name}: {reason}" for name, reason in failures.items()]
    return [*(f"Left out: {line}" for line in left_out), *failed]


def _number(count: int, name: str, more: str = "s") -> str:
    return f"{count} {name}{'' if count == 1 else more}"
