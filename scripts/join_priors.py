"""Makes one prior of D3-Talker of two runs: General fields of one, InsTaG's as the start of the Individual fields.

    python scripts/join_priors.py runs/d3talker.safetensors runs/instag.safetensors --out runs/joined.safetensors

`d3talker pretrain` teaches both at once; this is for runs that are there already, as it was with the shipped prior.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from d3talker.cli import run_script
from d3talker.config.method import D3TALKER, INSTAG
from d3talker.core.errors import D3Error
from d3talker.models.person import as_plain
from d3talker.models.prior import load_prior, save_prior

GENERAL, INDIVIDUAL = ".fields.0.", ".fields.1."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("general", type=Path, help="a prior of D3-Talker")
    parser.add_argument("universal", type=Path, help="a prior of InsTaG")
    parser.add_argument("--out", type=Path, required=True, help="the joined prior")
    options = parser.parse_args()
    general, universal = load_prior(options.general, D3TALKER), load_prior(options.universal, INSTAG)
    heard, also = general.meta["ears"]["front_end"], universal.meta["ears"]["front_end"]
    if heard != also:
        raise D3Error(f"the priors learned on {heard} and {also}", "the same speech features", "Pre-train one anew.")
    tensors = {name: tensor for name, tensor in general.tensors.items() if INDIVIDUAL not in name}
    tensors |= {name.replace(GENERAL, INDIVIDUAL): tensor for name, tensor in universal.tensors.items()}
    meta = {name: told for name, told in general.meta.items() if name not in ("format_version", "sha256")}
    individual = {name: universal.meta[name] for name in ("people", "minutes", "sha256")}
    save_prior(options.out, tensors, {**meta, "method": as_plain(D3TALKER), "individual": individual})


if __name__ == "__main__":
    run_script(main)
