"""Trains phone29, the default speech features, and measures it on voices, engines and languages never trained on.

    python scripts/train_phone_encoder.py --work runs/phone29 --real $DATA/speech/en_*.flac --test $DATA/pretrain/*.mp4

The corpus is synthesised with exact phone times (``phone_corpus``); real English (``phone_recordings``) is aligned by
pocketsphinx. After a first round of training the network aligns real Czech and Dutch, whose text is known, and labels
what it is sure of in prompts of four more languages, whose text is not. Every stage is kept in ``--work`` and not
repeated.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from phone_alignment import align_classes, confident_classes
from phone_corpus import NEEDS, PROMPTS, TESTS, Utterance, load, save, synthesise_sources
from phone_recordings import amazon_queen, asterisk, fillets, require_recordings
from phone_texts import KNOWN
from torch import Tensor
from torch.nn import functional

import d3talker
from d3talker.cli import run_script
from d3talker.core.files import sha256_of, write_arrays, write_json
from d3talker.media.audio import read_audio
from d3talker.phonetics.alignment import align, unknown_words
from d3talker.phonetics.classes import CLASS_INDEX, CLASSES, as_rows
from d3talker.phonetics.synthesis import ENGINES
from d3talker.signals.mel import MelEnergies
from d3talker.signals.phone_encoder import BANDS, PhoneEncoder, PhoneEncoderShape, parameter_count, silent_rows
from d3talker.signals.speech_level import SpeechLevel
from d3talker.signals.spoil import augment

CROP = 248
BATCH = 32
ENGLISH = ("real_prompts_en", "real_en_", "real_fillets_en")
ENGLISH_SHARE = 3.0
"""How often these few minutes are heard, the rest once."""
ASSETS = Path(d3talker.__file__).parent / "assets" / "speech_features"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder of the corpus and the checkpoints")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="English recordings to learn from as well")
    parser.add_argument("--test", type=Path, nargs="*", default=[], help="English recordings to measure on")
    parser.add_argument("--share", type=float, default=1.0, help="of the full corpus")
    parser.add_argument("--copies", type=int, default=3, help="spoiled copies of every utterance")
    parser.add_argument("--steps", type=int, nargs=2, default=(800, 4000), help="of the first and the second round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ASSETS / "phone29.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    started = time.time()

    print(f"the corpus needs: {NEEDS}", flush=True)
    require_recordings()
    synthesise_sources(options.work, options.share, options.threads)
    align_english(options.work / "train", options.real, options.threads)
    align_english(options.work / "test", options.test, options.threads)
    align_actors_and_prompts(options.work / "train", options.threads)
    shape = speech_shape(options.work)
    level = SpeechLevel(shape)
    spoil(options.work, options.copies, level, options.threads)

    first = options.work / "first.pt"
    if not first.exists():
        train(options.work, level, options.steps[0], None, first)
    align_actors(options.work, level, first)
    label_prompts(options.work, level, first)
    spoil(options.work, options.copies, level, options.threads)
    second = options.work / "second.pt"
    if not second.exists():
        train(options.work, level, options.steps[1], first, second)
    encoder = _loaded(second)
    report = measure(encoder, options.work / "test", level)
    export(encoder, shape, options.out, report, (time.time() - started) / 60)


def align_english(folder: Path, recordings: list[Path], workers: int) -> None:
    """Aligns real English with pocketsphinx, one source a recording; words that are not known are recognised."""
    missing = [r for r in recordings if not (folder / f"real_{r.stem}.npz").exists()]
    with ProcessPoolExecutor(workers) as pool:
        texts = [KNOWN.get(recording.stem) for recording in missing]
        for recording, utterance in zip(missing, pool.map(_align, map(read_audio, missing), texts), strict=True):
            if utterance is not None:
                save(folder / f"real_{recording.stem}.npz", [utterance])


def align_actors_and_prompts(folder: Path, workers: int) -> None:
    """Aligns the English actors' lines, whose text is known, and the telephone prompts with pocketsphinx."""
    sources = (("queen", amazon_queen), ("fillets_en", lambda: fillets("en")), ("prompts_en", english_prompts))
    for name, lines in sources:
        path = folder / f"real_{name}.npz"
        if path.exists():
            continue
        kept = [line for line in lines() if _readable(line)]
        with ProcessPoolExecutor(workers) as pool:
            found = list(pool.map(_align, *zip(*kept, strict=True), chunksize=8))
        save(path, [utterance for utterance in found if utterance is not None])


def english_prompts() -> Iterator[tuple[np.ndarray, None]]:
    """English telephone prompts without their text."""
    return ((samples, None) for samples in asterisk(PROMPTS["en"]))


def _readable(line: tuple[np.ndarray, str | None]) -> bool:
    samples, text = line
    if text is None:
        return True
    seconds = len(samples) / 16_000
    return 0.8 < seconds < 18 and 0.04 < seconds / max(1, len(text)) < 0.3 and not unknown_words(text)


def _align(samples: np.ndarray, text: str | None = None) -> Utterance | None:
    phones = align(samples, text)
    return (samples, as_rows(phones)) if len(phones) > 3 else None


def speech_shape(work: Path) -> np.ndarray:
    """The mean of every band over speech, relative to the peak loudness, (80,): where :class:`SpeechLevel` starts."""
    path = work / "shape.npy"
    if not path.exists():
        mel, total, count = MelEnergies(BANDS), np.zeros(BANDS), 0
        for source in sorted((work / "train").glob("*.npz")):
            for samples, _ in load(source)[:15]:
                energies = np.concatenate(list(mel.stream(lambda s=samples: iter([s]))))
                loudness = energies.mean(1)
                active = loudness > loudness.max() - 3
                total += (energies[active] - loudness.max()).sum(0)
                count += active.sum()
        np.save(path, (total / count).astype(np.float32))
    return np.load(path)


def features(samples: np.ndarray, level: SpeechLevel) -> np.ndarray:
    """The input of the network without its margins, (T, 160)."""
    steps = np.concatenate(list(level.stream(MelEnergies(BANDS).stream(lambda: iter([samples])))))
    return steps.reshape(len(steps) // 2, 2 * BANDS)


def soft_labels(phones: np.ndarray, count: int) -> np.ndarray:
    """The share of every class in every row, (count, 29); unlabelled time is 0."""
    edges = np.arange(count + 1) * 0.02
    labels = np.zeros((count, len(CLASSES)), np.float32)
    for index, start, end in phones:
        first, last = int(start / 0.02), min(count, int(np.ceil(end / 0.02)))
        if index >= 0 and last > first >= 0:
            overlap = np.minimum(end, edges[first + 1 : last + 1]) - np.maximum(start, edges[first:last])
            labels[first:last, int(index)] += np.maximum(overlap, 0) / 0.02
    return np.clip(labels, 0, 1)


def spoil(work: Path, copies: int, level: SpeechLevel, workers: int) -> None:
    """Writes the spoiled copies of every source that has none yet."""
    folder = work / "spoiled"
    folder.mkdir(exist_ok=True)
    sources = sorted((work / "train").glob("*.npz"))
    jobs = [
        (source, folder / f"{source.stem}_{copy}.npz", level, copy)
        for source in sources
        for copy in range(copies)
        if not (folder / f"{source.stem}_{copy}.npz").exists()
    ]
    with ProcessPoolExecutor(workers) as pool:
        for done, _ in enumerate(pool.map(_spoil_source, jobs), 1):
            if done % 40 == 0:
                print(f"spoiled {done} of {len(jobs)}", flush=True)


def _spoil_source(job: tuple[Path, Path, SpeechLevel, int]) -> None:
    source, path, level, copy = job
    torch.set_num_threads(1)
    rng = np.random.default_rng([copy, *source.stem.encode()])
    utterances = load(source)
    others = [samples for samples, _ in utterances]
    rows, labels = [], []
    for samples, phones in utterances:
        samples, phones = augment(samples, phones, rng, others)
        rows.append(features(samples, level).astype(np.float16))
        labels.append(np.round(255 * soft_labels(phones, len(rows[-1]))).astype(np.uint8))
    lengths = np.array([len(r) for r in rows])
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, rows=np.concatenate(rows), labels=np.concatenate(labels), lengths=lengths)
    partial.rename(path)


class Corpus:
    """All spoiled copies in memory, one after the other: a crop may run from one utterance into the next.

    Short utterances padded with silence would bend the statistics of the batches.
    """

    def __init__(self, folder: Path, margins: tuple[int, int]) -> None:
        self.past, self.future = margins
        rows, labels, shares = [], [], []
        for path in sorted(folder.glob("*.npz")):
            with np.load(path) as stored:
                rows.append(stored["rows"])
                labels.append(stored["labels"])
                shares.append(len(rows[-1]) * (ENGLISH_SHARE if path.stem.startswith(ENGLISH) else 1.0))
        self.rows, self.labels = np.concatenate(rows), np.concatenate(labels)
        self.shares = np.array(shares) / sum(shares)
        self.ends = np.cumsum([len(r) for r in rows])
        self.starts = self.ends - [len(r) for r in rows]
        self.quiet = silent_rows(1).numpy()[0]

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Rows (B, past + CROP + future, 160) and labels (B, CROP, 29); sources drawn by the time they last."""
        width = self.past + CROP + self.future
        rows = np.empty((BATCH, width, 2 * BANDS), np.float32)
        labels = np.empty((BATCH, CROP, len(CLASSES)), np.float32)
        for place, source in enumerate(rng.choice(len(self.shares), BATCH, p=self.shares)):
            start = min(rng.integers(self.starts[source], self.ends[source]), len(self.rows) - width)
            rows[place] = self.rows[start : start + width]
            labels[place] = self.labels[start + self.past : start + self.past + CROP] / np.float32(255)
            if rng.random() < 0.1:  # the sound begins
                count = rng.integers(0, 50)
                rows[place, : self.past + count], labels[place, :count] = self.quiet, 0
            if rng.random() < 0.1:  # the sound ends
                count = rng.integers(0, 50)
                rows[place, self.past + CROP - count :], labels[place, CROP - count :] = self.quiet, 0
        return torch.from_numpy(rows), torch.from_numpy(labels)


def vary(rows: Tensor, rng: np.random.Generator) -> Tensor:
    """Other vocal tracts, gains and microphones, and holes in time and frequency; (B, T, 160)."""
    batch, count, _ = rows.shape
    steps = rows.reshape(batch, 2 * count, BANDS)
    band = torch.arange(BANDS, dtype=torch.float32)
    for place in range(batch):
        at = (band * rng.uniform(0.88, 1.14) + rng.uniform(-1.5, 1.5)).clamp(0, BANDS - 1.001)
        low = at.long()
        part = at - low
        warped = steps[place][:, low] * (1 - part) + steps[place][:, low + 1] * part
        bend = np.interp(np.arange(BANDS), [0, 26, 53, 79], 0.2 * rng.standard_normal(4)) + 0.15 * rng.standard_normal()
        warped += torch.from_numpy(bend.astype(np.float32))
        for _ in range(2):
            first, wide = rng.integers(0, BANDS), rng.integers(0, 14)
            warped[:, first : first + wide] = 0 if rng.random() < 0.5 else warped.mean()
        when, long = rng.integers(0, 2 * count), rng.integers(0, 12)
        warped[when : when + long] = warped.min() if rng.random() < 0.5 else 0
        steps[place] = warped
    return rows


def train(work: Path, level: SpeechLevel, steps: int, start: Path | None, out: Path) -> None:
    """One round: frame cross-entropy with smoothed soft labels, AdamW, cosine rate; saves the encoder."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    encoder = PhoneEncoder(PhoneEncoderShape()) if start is None else _loaded(start)
    corpus = Corpus(work / "spoiled", (encoder.shape.past, encoder.shape.future))
    print(f"{parameter_count(encoder):,} parameters, {len(corpus.rows) / 180_000:.1f} h of spoiled copies", flush=True)
    shares = corpus.labels[::50].mean(0) / 255
    weights = torch.from_numpy((1 / np.maximum(shares, 0.004)) ** 0.3).float()
    weights /= (weights * torch.from_numpy(shares)).sum()
    rate = 2e-3
    optimiser = torch.optim.AdamW(encoder.parameters(), rate, weight_decay=0.02, fused=True)
    averaged, began = 0.0, time.time()
    for step in range(1, steps + 1):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, step / 300) * (0.51 + 0.49 * np.cos(np.pi * step / steps))
        encoder.train()
        rows, labels = corpus.batch(rng)
        logs = functional.log_softmax(encoder(vary(rows, rng)), dim=2)
        known = labels.sum(2, keepdim=True)
        wanted = 0.96 * labels + 0.04 / len(CLASSES) * known
        weight = (labels * weights).sum(2)
        loss = ((-(wanted * logs).sum(2)) * weight).sum() / weight.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 2.0)
        optimiser.step()
        averaged = loss.item() if step == 1 else 0.99 * averaged + 0.01 * loss.item()
        if step % 500 == 0:
            print(f"step {step} of {steps}, {(time.time() - began) / 60:.1f} min, loss {averaged:.3f}", flush=True)
            torch.save(encoder.state_dict(), out.with_suffix(".partial"))
        if step % 2000 == 0:
            measure(encoder, work / "test", level)
    torch.save(encoder.state_dict(), out)


def _loaded(path: Path) -> PhoneEncoder:
    encoder = PhoneEncoder(PhoneEncoderShape())
    encoder.load_state_dict(torch.load(path, weights_only=True))
    return encoder.eval()


@torch.no_grad()
def log_posteriors(encoder: PhoneEncoder, rows: np.ndarray) -> np.ndarray:
    """(T, 29) of a whole recording."""
    encoder.eval()
    quiet = silent_rows(1)
    padded = torch.cat(
        [
            quiet.expand(encoder.shape.past, -1),
            torch.from_numpy(rows.astype(np.float32)),
            quiet.expand(encoder.shape.future, -1),
        ]
    )
    return functional.log_softmax(encoder(padded[None])[0], dim=1).numpy()


def align_actors(work: Path, level: SpeechLevel, first: Path) -> None:
    """Aligns the actors' lines by the first network: espeak-ng tells the phones of the text, the network when."""
    encoder = _loaded(first)
    for language in ("cs", "nl"):
        path = work / "train" / f"real_fillets_{language}.npz"
        if path.exists():
            continue
        kept, seen = [], 0
        for samples, text in fillets(language):
            sequence = [
                CLASS_INDEX[name]
                for name, _, _ in ENGINES["espeak-ng"].speak(text, language).phones
                if name not in ("", "sil")
            ]
            rows = features(samples, level)
            seen += 1
            if not 1 < len(samples) / 16_000 < 18 or not 3 < len(sequence) < len(rows) / 2.5:
                continue
            phones, score = align_classes(log_posteriors(encoder, rows), sequence)
            kept.append((score, (samples, phones)))
        kept.sort(key=lambda item: -item[0])
        best = [item for _, item in kept[: int(0.85 * len(kept))]]
        print(f"fillets {language}: {len(best)} of {seen} lines kept")
        save(path, best)


def label_prompts(work: Path, level: SpeechLevel, first: Path) -> None:
    """Labels the telephone prompts whose text is not known where the first network is sure."""
    encoder = _loaded(first)
    for language, folder in PROMPTS.items():
        path = work / "train" / f"real_prompts_{language}.npz"
        if path.exists():
            continue
        heard = [
            (samples, confident_classes(log_posteriors(encoder, features(samples, level))))
            for samples in asterisk(folder)
        ]
        save(path, [(samples, phones) for samples, phones in heard if len(phones)])


def measure(encoder: PhoneEncoder, folder: Path, level: SpeechLevel) -> dict[str, dict[str, float]]:
    """Share of right rows, all and those of speech, on every test set."""
    real = [path.stem for path in sorted(folder.glob("real_*.npz"))]
    known = [source for source in real if source.removeprefix("real_") in KNOWN]
    groups = {**TESTS, "real English, speakers never heard": real, "of these, the text is known": known}
    report = {}
    for group, sources in groups.items():
        right, speech = [], []
        for source in sources:
            if not (folder / f"{source}.npz").exists():
                continue
            for samples, phones in load(folder / f"{source}.npz"):
                rows = features(samples, level)
                labels = soft_labels(phones, len(rows))
                known = labels.sum(1) > 0.5
                said = log_posteriors(encoder, rows).argmax(1)
                right.append((said == labels.argmax(1))[known])
                speech.append((labels.argmax(1) != 0)[known])
        if right:
            right_all, is_speech = np.concatenate(right), np.concatenate(speech)
            report[group] = {"all": float(right_all.mean()), "speech": float(right_all[is_speech].mean())}
            print(f"  {group}: {report[group]['all']:.3f} / {report[group]['speech']:.3f}", flush=True)
    return report


def export(encoder: PhoneEncoder, shape: np.ndarray, out: Path, report: dict, minutes: float) -> None:
    """Writes the asset: half precision weights and the mean speech, and what it reached."""
    out.parent.mkdir(parents=True, exist_ok=True)
    arrays = {
        name: tensor.half().numpy()
        for name, tensor in encoder.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    write_arrays(out, {**arrays, "speech_shape": shape.astype(np.float16)})
    content = {"sha256": sha256_of(out), "minutes": round(minutes, 1), "accuracy": report}
    write_json(out.with_suffix(".json"), content)
    print(f"{out.name}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    run_script(main)
