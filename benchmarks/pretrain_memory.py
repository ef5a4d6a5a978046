"""What one more person costs in pre-training: MB of memory (Linux), by runs with fewer and with more people.

    python -m benchmarks.pretrain_memory $CLIPS --folds runs/folds

``$CLIPS`` are folders that ``d3talker prepare`` wrote. The run with fewer people takes the first two, the other one
all; both are the preset ``cpu`` cut to a few turns. Counted is what no file backs (``Anonymous`` of the kernel's
account): the clips' pictures and PNCC are mapped from disk, and the kernel may drop them.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

from d3talker.cli import run_script
from d3talker.config.method import METHODS
from d3talker.config.pretraining import PRETRAIN_CPU, PretrainSettings
from d3talker.core.errors import D3Error
from d3talker.core.progress import Advance, Silent
from d3talker.recipes.pretrain import pretrain

FEWER = 2


class MemoryAtSteps(Silent):
    """Keeps the most memory that the process had at any step."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0.0

    @contextmanager
    def stage(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        yield self._note

    def _note(self, steps: int = 1, note: str = "") -> None:
        self.most = max(self.most, own_memory())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", help="prepared clips, one for each person")
    parser.add_argument("--folds", type=Path, help="what train_audio2motion.py --folds wrote")
    options = parser.parse_args()
    more = len(options.clips)
    if more <= FEWER:
        raise D3Error(f"{more} clips", f"more than {FEWER}", "Give more.")
    print(f"| method | {FEWER} people, MB | {more} people, MB | one more person, MB |\n|-|-|-|-|")
    for name in ("instag", "d3talker"):
        few, many = (measured(name, options.clips[:count], options.folds) for count in (FEWER, more))
        print(f"| {name} | {few:.0f} | {many:.0f} | {(many - few) / (more - FEWER):.1f} |", flush=True)


def measured(method: str, clips: list[Path], folds: Path | None) -> float:
    """MB at most, in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_most, method, clips, folds).result()


def _most(method: str, clips: list[Path], folds: Path | None) -> float:
    progress = MemoryAtSteps()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "prior.safetensors"
        pretrain(clips, out, METHODS[method], short(), work=out.parent, folds=folds, progress=progress)
        return progress.most


def short() -> PretrainSettings:
    """A few turns for each person: heads, fields and the state of their optimisers are all there then."""
    person = PRETRAIN_CPU.person
    turns = {"iterations": 10, "warm_up": 2, "own_from": 4, "curriculum_stop": 0}
    return replace(
        PRETRAIN_CPU,
        person=replace(
            person,
            listen=replace(person.listen, iterations=10),
            face=replace(person.face, **turns),
            mouth=replace(person.mouth, **turns),
            refine=replace(person.refine, iterations=10),
        ),
    )


def own_memory() -> float:
    """MB of this process that no file backs."""
    account = Path("/proc/self/smaps_rollup").read_text(encoding="ascii")
    return int(re.findall(r"^Anonymous:\s+(\d+) kB", account, re.MULTILINE)[0]) / 1e3


if __name__ == "__main__":
    run_script(main)
