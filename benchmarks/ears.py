"""What the shipped ears reach, beside what simpler ones reach on the same clips.

    python -m benchmarks.ears --clips $TRACKED --data $DATA --phones runs/phone29 [--out ears.md]

``--clips`` holds what ``d3talker prepare`` made of the clips in $DATA/pretrain and $DATA/dev, one folder each;
``--phones`` is the work folder of ``scripts/train_phone_encoder.py``: its test sets are measured on and its synthesised
speech is learned from, as in ``scripts/train_audio2motion.py``. Lips: networks are learned anew
for every person left out, so nobody is judged by a network that saw them; dev clips are never learned from.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from d3talker.cli import run_script
from d3talker.cli.bars import Bars
from d3talker.faces.lip_gauge import LipGauge
from d3talker.faces.model import FaceModel, load_face_model
from d3talker.faces.pncc import Pncc
from d3talker.media.audio import read_audio
from d3talker.metrics.closure import SHUT, met, runs
from d3talker.metrics.motion import amplitude_ratio, correlation_with_lag
from d3talker.phonetics.alignment import align
from d3talker.recipes.motion_training.clips import TalkingClip, read_talking_clip
from d3talker.recipes.motion_training.folds import learn_nets, leave_one_out, only_columns, say_clip
from d3talker.recipes.motion_training.learn import LearnSettings
from d3talker.signals.audio_to_motion import MotionNetShape
from d3talker.signals.motion_features import MEL_COLUMNS, phone_shares
from d3talker.signals.motion_style import Mouth, Said, stream_styled, style_of
from d3talker.signals.phone29 import Phone29

LOOK_ONLY = {"hill", "radio2"}  # weak evidence that the lips belong to the sound: the data's README
PERSON = {"andrew1": "andrew", "andrew2": "andrew", "obama_s2": "obama"}
DEV = ("french", "obama", "obama_s2", "aoc")
ENGLISH = ("obama", "obama_s2", "aoc")
LEFT = 50
"""Frames of a clip beyond the known ones, at least, on which a style is judged."""
STYLE_FRAMES = 125
"""The first five seconds tell the person's style."""


@dataclass(frozen=True)
class Row:
    """Means over clips."""

    name: str
    opening: float
    width: float
    best: float
    amplitude: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of prepared clips")
    parser.add_argument("--data", type=Path, required=True, help="folder with pretrain and dev")
    parser.add_argument("--phones", type=Path, required=True, help="work folder of train_phone_encoder.py")
    parser.add_argument("--out", type=Path, help="where to write the tables as well")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
    lines = [*speed_lines(), "", *phone_lines(options.phones), ""]
    lines += lip_lines(options.clips, options.data, options.phones)
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def phone_lines(work: Path) -> list[str]:
    """Frame accuracy of the shipped encoder on the test sets of its training script."""
    from train_phone_encoder import measure

    from d3talker.signals.phone29 import load_encoder, shipped

    encoder, level = load_encoder(shipped())
    report = measure(encoder, work / "test", level)
    lines = ["| phone29, frame accuracy | all rows | rows of speech |", "|-|-|-|"]
    return lines + [f"| {name} | {value['all']:.3f} | {value['speech']:.3f} |" for name, value in report.items()]


def lip_lines(folder: Path, data: Path, speech: Path) -> list[str]:
    """Lips of people never seen, by what is heard."""
    from train_audio2motion import COPIES, FOREIGN, read_lines

    model, phones = load_face_model(), Phone29()
    pretrain = [path.stem for path in sorted((data / "pretrain").glob("*.mp4")) if path.stem not in LOOK_ONLY]
    read = {
        name: read_talking_clip(folder / name, PERSON.get(name, name), model, phones, COPIES, name not in FOREIGN)
        for name in pretrain
    } | {name: read_talking_clip(folder / name, PERSON.get(name, name), model, phones) for name in DEV}
    learned, dev = [read[name] for name in pretrain], [read[name] for name in DEV]
    spoken = read_lines(speech, phones)
    mel = slice(29, 29 + MEL_COLUMNS)
    rows = [energy_row([*learned, *dev])]
    rows.append(ridge_row("log-mel, ridge", only_columns(learned, mel), only_columns(dev, mel), model))
    shape, settings = MotionNetShape(), LearnSettings()
    for name, columns in (("log-mel, same network", mel), ("all features (shipped)", slice(None))):
        people, others = only_columns(learned, columns), only_columns(dev, columns)
        lines = [replace(line, features=np.ascontiguousarray(line.features[:, columns])) for line in spoken]
        sized = replace(shape, columns=people[0].features.shape[1])
        left_out = leave_one_out(people, model, sized, settings, lines, torch.get_num_threads(), Bars())
        found = {clip.name: given for clip, *given in left_out}
        nets = learn_nets(people, model, sized, settings, lines)
        found |= {clip.name: say_clip(nets, clip, model) for clip in others}
        said = {clip.name: Said(found[clip.name][0], _shares(clip), found[clip.name][1]) for clip in [*learned, *dev]}
        rows.append(row(name, [*learned, *dev], said, model))
    lines = [
        "| heard, person never seen | lip opening r | lip width r | opening r, best lag | amplitude |",
        "|-|-|-|-|-|",
    ]
    for r in rows:
        amplitude = "" if np.isnan(r.amplitude) else f"{r.amplitude:.2f}"
        lines.append(f"| {r.name} | {r.opening:.3f} | {r.width:.3f} | {r.best:.3f} | {amplitude} |")
    lines += ["", "| clip | lip opening r | lip width r |", "|-|-|-|"]
    for name, clip in read.items():
        one = row(name, [clip], said, model)
        lines.append(f"| {name} | {one.opening:.2f} | {one.width:.2f} |")
    known = known_lines(list(read.values()), said, model)
    return [*lines, "", *style_lines([read[name] for name in DEV], said, folder, model), "", *known]


def row(name: str, clips: list[TalkingClip], said: dict[str, Said], model: FaceModel) -> Row:
    """Means of what was said for each clip."""
    gauge, found = LipGauge(model), []
    for clip in clips:
        vertices = model.vertices(torch.from_numpy(said[clip.name].coefficients)).numpy()
        opening = correlation_with_lag(gauge.opening(vertices), clip.opening)
        width = correlation_with_lag(gauge.width(vertices), clip.width)
        found.append((opening.zero, width.zero, opening.best, amplitude_ratio(gauge.opening(vertices), clip.opening)))
    return Row(name, *(float(value) for value in np.mean(found, axis=0)))


def energy_row(clips: list[TalkingClip]) -> Row:
    """The loudness itself as lip opening and as width."""
    found = []
    for clip in clips:
        energy = clip.features[:, 29 + MEL_COLUMNS].reshape(-1, 2).mean(axis=1)
        opening, width = (correlation_with_lag(energy, truth) for truth in (clip.opening, clip.width))
        found.append((opening.zero, width.zero, opening.best, np.nan))
    return Row("energy", *(float(value) for value in np.mean(found, axis=0)))


def ridge_row(name: str, learned: list[TalkingClip], dev: list[TalkingClip], model: FaceModel) -> Row:
    """Ridge regression on 11 rows around a frame, learned on all people but one."""
    found = []
    for clip in [*learned, *dev]:
        others = [other for other in learned if other.person != clip.person]
        inputs = np.concatenate([_context(other.features) for other in others])
        truth = np.concatenate([_standard(np.stack([o.opening, o.width], axis=1)) for o in others])
        weights = np.linalg.solve(inputs.T @ inputs + 300.0 * np.eye(inputs.shape[1]), inputs.T @ truth)
        given = _context(clip.features) @ weights
        opening, width = (correlation_with_lag(given[:, k], t) for k, t in enumerate((clip.opening, clip.width)))
        found.append((opening.zero, width.zero, opening.best, np.nan))
    return Row(name, *(float(value) for value in np.mean(found, axis=0)))


def _context(rows: np.ndarray) -> np.ndarray:
    padded = np.pad(rows, ((5, 5), (0, 0)), mode="edge")
    around = [padded[5 + k : 5 + k + len(rows) : 2] for k in range(-5, 6)]
    return np.concatenate([*around, np.ones((len(rows) // 2, 1))], axis=1).astype(np.float64)


def _standard(curves: np.ndarray) -> np.ndarray:
    return (curves - curves.mean(axis=0)) / curves.std(axis=0)


def style_lines(clips: list[TalkingClip], said: dict[str, Said], folder: Path, model: FaceModel) -> list[str]:
    """Amplitude and closures after the person's style is put on, from the clip's first seconds."""
    mouth, gauge = Mouth.of(model), LipGauge(model)
    lines = [
        "| dev clip, with style | amplitude | closure recall on p b m | as tracked | precision |",
        "|-|-|-|-|-|",
    ]
    for clip in clips:
        given, first = said[clip.name], slice(STYLE_FRAMES)
        style = style_of(clip.coefficients[first], given.part(first), mouth, seed=None)
        styled = np.concatenate(list(stream_styled([given], style, mouth)))
        opening = gauge.opening(model.vertices(torch.from_numpy(styled)).numpy())
        amplitude = amplitude_ratio(opening, clip.opening)
        if clip.name not in ENGLISH:
            lines.append(f"| {clip.name} | {amplitude:.2f} | not English | | |")
            continue
        phones = align(read_audio(folder / clip.name / "audio.wav"))
        moments = [(round(25 * a), max(round(25 * a) + 1, round(25 * b))) for p, a, b in phones if p in ("p", "m")]
        quiet = [(round(25 * a), round(25 * b)) for p, a, b in phones if p == "sil"]
        recall, tracked = (met(moments, opening < SHUT) for opening in (opening, clip.opening))
        allowed = _mask([*moments, *quiet], len(styled)) | (clip.opening < SHUT)
        precision = met(runs(opening < SHUT), allowed)
        lines.append(
            f"| {clip.name} | {amplitude:.2f} | {recall:.2f} of {len(moments)} | {tracked:.2f} | {precision:.2f} |"
        )
    return lines


def known_lines(clips: list[TalkingClip], said: dict[str, Said], model: FaceModel) -> list[str]:
    """Lip opening of the rest of every clip, after the style of its first seconds, by what it mixes."""
    mouth, gauge = Mouth.of(model), LipGauge(model)
    lines = [
        "| seconds known | clips | lips r of the rest, unstyled | without mixing | of coefficients | and last layers |",
        "|-|-|-|-|-|-|",
    ]
    for frames in (125, 250):
        found = []
        for clip in clips:
            given = said[clip.name]
            if len(clip.opening) - frames < LEFT:
                continue
            first, own = slice(frames), clip.coefficients[:frames]
            whole = style_of(own, given.part(first), mouth, seed=None)
            kept = Said(given.coefficients, given.shares, given.inner[:, :0])
            told = [given.coefficients]
            for heard, style in (
                (given, replace(whole, mixing=None)),
                (kept, style_of(own, kept.part(first), mouth, seed=None)),
                (given, whole),
            ):
                told.append(np.concatenate(list(stream_styled([heard], style, mouth))))
            openings = [gauge.opening(model.vertices(torch.from_numpy(one)).numpy())[frames:] for one in told]
            found.append([correlation_with_lag(opening, clip.opening[frames:]).zero for opening in openings])
        values = " | ".join(f"{value:.3f}" for value in np.mean(found, axis=0))
        lines.append(f"| {frames // 25} | {len(found)} | {values} |")
    return lines


def _shares(clip: TalkingClip) -> np.ndarray:
    return phone_shares(clip.features).reshape(len(clip.features) // 2, 2, -1)


def _mask(moments: list[tuple[int, int]], count: int) -> np.ndarray:
    mask = np.zeros(count, bool)
    for first, end in moments:
        mask[first:end] = True
    return mask


def speed_lines() -> list[str]:
    """Sizes, and speeds on one core."""
    import d3talker

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    sound = np.random.default_rng(0).standard_normal(16_000 * 60).astype(np.float32) * 0.05
    phones = Phone29()
    started = time.process_time()
    list(phones.rows(lambda: iter([sound])))
    heard = 60 / (time.process_time() - started)
    model = load_face_model()
    pncc = Pncc(model, 256)
    coefficients = torch.from_numpy(
        np.random.default_rng(0).standard_normal((100, len(model.expression))).astype(np.float32)
    )
    pncc.images(coefficients[:2])
    started = time.process_time()
    pncc.images(coefficients)
    drawn = 100 / (time.process_time() - started)
    torch.set_num_threads(threads)
    assets = Path(d3talker.__file__).parent / "assets"
    size = sum(file.stat().st_size for file in assets.rglob("*") if file.suffix != ".py" and file.is_file()) / 1e6
    return [
        f"phone29: {heard:.0f} times real time on one core, look-ahead {phones.look_ahead_ms} ms",
        f"PNCC: {drawn:.0f} images of 256x256 a second of one core",
        f"all packaged assets: {size:.2f} MB",
    ]


if __name__ == "__main__":
    run_script(main)
