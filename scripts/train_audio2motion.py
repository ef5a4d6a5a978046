"""Trains the default audio-to-motion networks on tracked clips of talking people.

    python scripts/train_audio2motion.py $CLIPS/* --same andrew1=andrew2 --speech runs/phone29 --folds runs/folds

Each folder is what ``d3talker prepare`` wrote. ``--speech`` is the work folder of ``train_phone_encoder.py``: its
synthesised speech is learned from as well, with the lips that the phones have in the clips. ``--folds`` writes the
motion of every clip as said by networks that never saw its person: pre-training must learn from these, for nobody's
tracked motion is known when a new person talks.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from phone_corpus import load

import d3talker
from d3talker.cli import run_script
from d3talker.cli.bars import Bars
from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of, write_arrays, write_json
from d3talker.faces.model import load_face_model
from d3talker.recipes.motion_training.clips import SpokenLine, read_line, read_talking_clip
from d3talker.recipes.motion_training.folds import learn_nets, leave_one_out, score
from d3talker.recipes.motion_training.learn import LearnSettings
from d3talker.signals.audio_to_motion import MotionNetShape
from d3talker.signals.phone29 import Phone29

ASSET = Path(d3talker.__file__).parent / "assets" / "motion" / "audio2motion.safetensors"
COPIES = 4
FOREIGN = ("ls2",)
"""Clips that are not English, and so not aligned."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", help="prepared clips")
    parser.add_argument("--same", nargs="*", default=[], help="clips of one person, as in andrew1=andrew2")
    parser.add_argument("--speech", type=Path, help="work folder of train_phone_encoder.py; the clips alone without")
    parser.add_argument("--folds", type=Path, help="folder for the leave-one-person-out motion of every clip")
    parser.add_argument("--steps", type=int, default=LearnSettings.steps)
    parser.add_argument("--copies", type=int, default=COPIES, help="spoiled copies of every clip's sound")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ASSET)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    started = time.time()
    people = {name: pair.split("=")[0] for pair in options.same for name in pair.split("=")}
    model, phones = load_face_model(), Phone29()
    clips = [
        read_talking_clip(
            folder,
            people.get(folder.name, folder.name),
            model,
            phones,
            options.copies,
            aligned=folder.name not in FOREIGN,
        )
        for folder in options.clips
    ]
    lines = [] if options.speech is None else read_lines(options.speech, phones)
    shape, settings = MotionNetShape(), LearnSettings(steps=options.steps)

    if options.folds:
        options.folds.mkdir(parents=True, exist_ok=True)
        scores = []
        for clip, coefficients, _ in leave_one_out(clips, model, shape, settings, lines, options.threads, Bars()):
            write_arrays(options.folds / f"{clip.name}.safetensors", {"coefficients": coefficients})
            scores.append(score(clip, coefficients, model))
            told = scores[-1]
            print(f"{told.clip}: lip opening r {told.opening.zero:.2f}, width r {told.width.zero:.2f}", flush=True)
        means = [float(np.mean([getattr(s, part).zero for s in scores])) for part in ("opening", "width")]
        content = {"face_basis": model.fingerprint(), "speech_features": phones.fingerprint(), "mean_r": means}
        write_json(options.folds / "folds.json", content)
        print(f"people never seen: lip opening r {means[0]:.3f}, width r {means[1]:.3f}")

    nets = learn_nets(clips, model, shape, settings, lines, Bars())
    arrays = {
        f"{number}.{name}": tensor.half().numpy()
        for number, net in enumerate(nets)
        for name, tensor in net.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_arrays(options.out, arrays)
    content = {
        "sha256": sha256_of(options.out),
        "face_basis": model.fingerprint(),
        "speech_features": phones.fingerprint(),
        "clips": [clip.name for clip in clips],
        "settings": asdict(settings),
        "minutes": round((time.time() - started) / 60, 1),
    }
    write_json(options.out.with_suffix(".json"), content)
    print(f"{options.out.name}: {options.out.stat().st_size / 1e6:.2f} MB in {content['minutes']} min")


def read_lines(work: Path, phones: Phone29, count: int = 320) -> list[SpokenLine]:
    """Utterances of all synthesised voices of the phone corpus, each spoiled."""
    sources = sorted(path for path in (work / "train").glob("*.npz") if not path.stem.startswith("real"))
    if not sources:
        raise D3Error(
            f"{work / 'train'} holds no synthesised speech",
            "the --work folder of train_phone_encoder.py",
            "Run that script first.",
        )
    rng = np.random.default_rng(0)
    lines = []
    for source in sources:
        utterances = load(source)
        for chosen in rng.choice(len(utterances), min(len(utterances), -(-count // len(sources))), replace=False):
            lines.append(read_line(*utterances[chosen], phones, rng))
    return lines


if __name__ == "__main__":
    run_script(main)
