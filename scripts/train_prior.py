"""Trains the priors that the package ships: `d3talker pretrain` on prepared clips, for every method that shares fields.

    python scripts/train_audio2motion.py $CLIPS --same andrew1=andrew2 --speech runs/phone29 \\
        --folds runs/folds --out runs/audio2motion.safetensors
    python scripts/train_prior.py $CLIPS --pictures-only $TRACKED/hill $TRACKED/radio2 \\
        --folds runs/folds --work runs/priors

``$CLIPS`` are folders that ``d3talker prepare`` wrote, one for each talking person. The first command gives the facial
motion of each person as networks predict it that never saw the person. A killed run goes on where it was. Two runs at
once (``--methods instag``, ``--methods d3talker``) want a core each (``taskset -c 0 ...``), or their threads wait for
each other.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its idle threads must not spin

import torch

import d3talker
from d3talker.cli import run_script
from d3talker.cli.bars import Bars
from d3talker.config.method import METHODS
from d3talker.config.pretraining import PRETRAIN_PRESETS
from d3talker.core.device import choose_device
from d3talker.core.errors import D3Error
from d3talker.core.files import read_json
from d3talker.recipes.pretrain import pretrain

PRIORS = Path(d3talker.__file__).parent / "assets" / "priors"
LARGEST = 20_000_000
"""Bytes of a prior that may be shipped."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", help="prepared clips, one for each person")
    parser.add_argument("--pictures-only", type=Path, nargs="*", default=[], help="clips whose sound is in doubt")
    parser.add_argument("--folds", type=Path, required=True, help="what train_audio2motion.py --folds wrote")
    parser.add_argument("--methods", nargs="+", choices=("d3talker", "instag"), default=("instag", "d3talker"))
    parser.add_argument("--preset", choices=tuple(PRETRAIN_PRESETS), default="cpu")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--out", type=Path, default=PRIORS, help="folder of the priors")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.methods:
        out = options.out / f"{name}.safetensors"
        pretrain(
            options.clips,
            out,
            METHODS[name],
            PRETRAIN_PRESETS[options.preset],
            work=options.work / name,
            folds=options.folds,
            pictures_only=options.pictures_only,
            device=choose_device(options.device),
            progress=Bars(),
        )
        size, minutes = out.stat().st_size, read_json(out.with_suffix(".json"), "Run again.")["minutes"]
        print(f"{out.name}: {size / 1e6:.1f} MB in {minutes} min", flush=True)
        if size > LARGEST:
            raise D3Error(f"{out.name} has {size / 1e6:.1f} MB", f"at most {LARGEST / 1e6:.0f} MB", "Do not ship it.")


if __name__ == "__main__":
    run_script(main)
