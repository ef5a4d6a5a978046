"""What a run shows of itself: curves and pictures while it trains, a report when it is done."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from d3talker.core.files import atomic_file
from d3talker.core.report import Report
from d3talker.models.animate import Animation, Codes, clip_codes
from d3talker.models.head import Head
from d3talker.models.person import Person
from d3talker.recipes.adapt.frames import TrainingFrames
from d3talker.recipes.adapt.loop import Run


class Notebook:
    """Curves for TensorBoard and ``metrics.jsonl``, sample pictures after every stage, all in the work folder."""

    def __init__(self, work: Path, frames: TrainingFrames) -> None:
        self.folder = work / "notebook"
        self.folder.mkdir(exist_ok=True)
        self._frames = frames
        self._board = SummaryWriter(str(work / "tensorboard"))
        self._looked = time.monotonic()

    def note(self, point: dict[str, float | str]) -> None:
        """Adds a point of the curves."""
        stage, iteration = point["stage"], int(point["iteration"])
        for name, value in point.items():
            if isinstance(value, float):
                self._board.add_scalar(f"{stage}/{name}", value, iteration)
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")

    def look(self, run: Run, every: float) -> None:
        """Draws two frames beside the truth into ``now.png``, unless it was done in the last ``every`` seconds."""
        if time.monotonic() - self._looked < every:
            return
        pairs = [np.hstack(pair) for pair in render_pairs(run.head, self._frames, sample_frames(self._frames, 2))]
        with atomic_file(self.folder / "now.png") as partial:
            Image.fromarray(np.vstack(pairs)).save(partial)
        self._looked = time.monotonic()

    def picture(self, run: Run, stage: str) -> None:
        """Draws sample frames beside the truth as the head now stands."""
        pairs = [np.hstack(pair) for pair in render_pairs(run.head, self._frames, sample_frames(self._frames, 4))]
        sheet = np.vstack(pairs)
        Image.fromarray(sheet).save(self.folder / f"{stage}.png")
        self._board.add_image(stage, sheet, dataformats="HWC")
        self._board.flush()


def sample_frames(frames: TrainingFrames, count: int) -> list[int]:
    """``count`` frames from the most closed to the widest open mouth, evenly by rank."""
    by_opening = np.argsort(frames.lip_opening, kind="stable")
    return [int(i) for i in by_opening[np.linspace(0, len(frames) - 1, count).round().astype(int)]]


def render_pairs(head: Head, frames: TrainingFrames, chosen: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(truth, prediction) pictures (R, R, 3) uint8 of the ``chosen`` training frames."""
    animation = Animation(head)
    face, mouth = clip_codes(head.face, frames.signals), clip_codes(head.mouth, frames.signals)
    pairs = []
    for i in chosen:
        codes = Codes([code[i] for code in face], [code[i] for code in mouth])
        camera, plate = frames.world_to_cam[i], frames.plate(i)[0]
        picture, _ = animation.frame(codes, frames.expression[i], camera, frames.intrinsics, plate)
        pairs.append((np.asarray(frames.pictures[i]), to_bytes(picture)))
    return pairs


def to_bytes(picture: torch.Tensor) -> np.ndarray:
    """A picture in [0, 1] as uint8."""
    return (picture * 255.0).round().clamp(0, 255).to(torch.uint8).cpu().numpy()


def _curve(points: list[dict], name: str) -> tuple[list[float], list[float]]:
    known = [point for point in points if name in point]
    return [point["iteration"] for point in known], [point[name] for point in known]


def write_adapt_report(
    path: Path, person: Person, history: list[dict], frames: TrainingFrames, notebook: Notebook
) -> None:
    """Writes the person's ``report.html``: numbers, loss curves, a contact sheet of closed to open mouths."""
    report = Report(f"d3talker: {person.meta['name']}")
    meta = person.meta
    report.table(
        [
            ("method", meta["method"]["name"]),
            ("preset", meta["preset"]["name"]),
            ("learned from", f"{meta['source']['name']}, {len(frames)} frames ({len(frames) / 25:.1f} s)"),
            ("training", f"{meta['training_seconds'] / 60:.1f} min at {frames.resolution} pixels"),
            ("Gaussians", f"{meta['gaussians']['face']} face, {meta['gaussians']['mouth']} mouth"),
            ("speech features", meta["front_end"]["fingerprint"]),
        ],
        ("what", "value"),
    )
    for stage in ("listen", "face", "mouth", "fuse", "refine"):
        points = [p for p in history if p["stage"] == stage]
        if points:
            curves = {"loss": _curve(points, "loss"), "held-out second": _curve(points, "unseen")}
            curves = {name: curve for name, curve in curves.items() if curve[0]}
            report.plot(curves, f"{stage} stage", "iteration", "loss")
    chosen = sample_frames(frames, 12)
    pairs = render_pairs(person.head, frames, chosen)
    report.section("Training frames, truth left, head right, from closed to open mouth")
    report.pictures(
        [np.hstack(pair) for pair in pairs],
        [f"frame {i}, lips {1000 * frames.lip_opening[i]:.0f} mm open" for i in chosen],
        columns=3,
    )
    report.write(path)
