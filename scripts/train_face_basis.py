"""Learns the packaged face basis from prepared clips and measures it on people left out.

    python scripts/train_face_basis.py --clips $CLIPS/* --same andrew1=andrew2 --out mp468.safetensors

Seconds on one core; measuring takes one or two more minutes (``--held-out`` without numbers leaves it out). The same
clips give the same file.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import d3talker
from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of, write_arrays, write_json
from d3talker.faces.basis import FaceBasis, Person, Recording, learn_basis, observe
from d3talker.faces.fit import EYE_DISTANCE, fit_expression
from d3talker.faces.mp468 import mp468_model
from d3talker.faces.points import LIPS
from d3talker.tracking.clip import Clip, load_clip

ASSET = Path(d3talker.__file__).parent / "assets" / "faces" / "mp468.safetensors"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, nargs="+", required=True, help="folders of d3talker prepare")
    parser.add_argument("--same", nargs="*", default=[], metavar="A=B", help="folder names that show one person")
    parser.add_argument("--components", type=int, default=32, help="of expression, beside the two blinks")
    parser.add_argument(
        "--held-out", type=int, nargs="*", default=[16, 32, 48], help="sizes to measure on people left out"
    )
    parser.add_argument("--out", type=Path, default=ASSET)
    options = parser.parse_args(arguments)

    with threadpool_limits(1):  # sums of several threads differ in their last digits
        clips = {path.name: load_clip(path) for path in sorted(options.clips)}
        people = by_person(clips, dict(pair.split("=") for pair in options.same))
        basis = learn_basis(list(people.values()), options.components)
        write_basis(options.out, basis, clips, people)
        if options.held_out:
            report(people, options.held_out)


def by_person(clips: Mapping[str, Clip], same: Mapping[str, str]) -> dict[str, Person]:
    """The people of the clips; ``same`` names a clip and another one of the same person."""
    unknown = [name for pair in same.items() for name in pair if name not in clips]
    if unknown:
        raise D3Error(f"--same names {unknown[0]}", f"one of {', '.join(clips)}", "Name the clips by their folders.")
    other = {second: first for first, second in same.items()}
    recordings: dict[str, list[Recording]] = {}
    for name, clip in clips.items():
        recording = Recording(clip.face_points, clip.lip_opening, clip.blink)
        recordings.setdefault(other.get(name, name), []).append(recording)
    if len(recordings) < 3:
        raise D3Error(f"the clips show {len(recordings)} people", "at least three", "Give more clips.")
    return {name: observe(found) for name, found in recordings.items()}


def write_basis(path: Path, basis: FaceBasis, clips: Mapping[str, Clip], people: Mapping[str, Person]) -> None:
    """Writes the numbers in half precision, and beside them what they come from."""
    arrays = {name: value.astype(np.float16) for name, value in vars(basis).items()}
    write_arrays(path, arrays)
    stored = {name: value.astype(np.float32) for name, value in arrays.items()}
    fingerprint = mp468_model(**stored).fingerprint()
    sources = [
        {
            "clip": name,
            "video": clip.meta["source"]["name"],
            "sha256": clip.meta["source"]["sha256"],
            "frames": len(clip),
        }
        for name, clip in clips.items()
    ]
    write_json(
        path.with_suffix(".json"),
        {
            "fingerprint": fingerprint,
            "sha256": sha256_of(path),
            "script": "scripts/train_face_basis.py",
            "shapes": {name: list(value.shape) for name, value in arrays.items()},
            "unit": f"metres; outer eye corners of every person {EYE_DISTANCE} m apart",
            "people": len(people),
            "sources": sources,
        },
    )
    frames = sum(map(len, clips.values()))
    print(f"{path}: {fingerprint}, {path.stat().st_size} bytes, {len(people)} people, {frames} frames")


def report(people: Mapping[str, Person], sizes: Sequence[int]) -> None:
    """Prints the error that is left at the lips and in the whole face of everyone, by a basis of the others."""
    print("rms distance in cm on people left out, lips / face" + "".join(f"{size:>16}" for size in sizes))
    rows = []
    for left_out, person in people.items():
        others = [other for name, other in people.items() if name != left_out]
        rows.append([left_over(learn_basis(others, size), person) for size in sizes])
        print(f"{left_out:<50}" + "".join(f"{lips:>9.4f} /{face:>.4f}" for lips, face in rows[-1]), flush=True)
    for name, row in (("mean", np.mean(rows, axis=0)), ("worst", np.max(rows, axis=0))):
        print(f"{name:<50}" + "".join(f"{lips:>9.4f} /{face:>.4f}" for lips, face in row))


def left_over(basis: FaceBasis, person: Person) -> tuple[float, float]:
    """Root mean square distance in cm, over the 40 points of the lips and over all, that a fit leaves."""
    model = mp468_model(basis.mean, basis.identity, basis.expression)
    fitted = fit_expression(model, person.neutral + person.moved, person.neutral).numpy()
    missed = person.moved - np.einsum("tk,kvc->tvc", fitted, basis.expression)
    squares = np.square(missed).sum(axis=-1)
    return 100 * float(np.sqrt(squares[:, LIPS].mean())), 100 * float(np.sqrt(squares.mean()))


if __name__ == "__main__":
    main()
