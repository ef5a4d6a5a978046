"""What the listen stage does for lips never seen: python -m benchmarks.listening CLIP [CLIP ...]

Each CLIP is a folder that `d3talker prepare` wrote. The face field alone, no pictures: it learns the tracked face
points of the first 10 s and is asked for the lip opening of the rest. Prints a Markdown table.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from d3talker.config.method import TALKINGGAUSSIAN
from d3talker.config.presets import CPU
from d3talker.core.progress import Silent
from d3talker.losses.regularisers import landmark_error
from d3talker.models.gaussians import start_gaussians
from d3talker.models.head import Head, build_head
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.adapt.face import point_weights
from d3talker.recipes.adapt.frames import read_training_frames
from d3talker.recipes.adapt.listen import ListenStage
from d3talker.recipes.hearing import hearing
from d3talker.signals.speech import speech_windows
from d3talker.tracking.clip import Clip, load_clip

LEARNED, ITERATIONS, DEVICE = 250, 2500, torch.device("cpu")
EARS = hearing(TALKINGGAUSSIAN, "logmel")


def make_head() -> Head:
    cloud = start_gaussians(torch.zeros(4, 3), torch.zeros(4, 3), torch.full((4,), 0.01), 0)
    return build_head(TALKINGGAUSSIAN, EARS.features.channels, cloud, cloud, torch.Generator().manual_seed(0))


def listen(head: Head, clip: Clip, generator: torch.Generator) -> None:
    with tempfile.TemporaryDirectory() as folder:
        frames = read_training_frames(clip, LEARNED, 32, EARS, Path(folder) / "frames", DEVICE, Silent())
        stage = ListenStage(head, frames, CPU, generator)
        for iteration in range(1, stage.iterations + 1):
            stage.step(iteration)


def unseen_correlation(clip: Clip, listened: bool, encoder_rate: float) -> float:
    """Correlation of predicted and tracked lip opening on the frames after the first 10 s."""
    head, generator = make_head(), torch.Generator().manual_seed(0)
    if listened:
        listen(head, clip, generator)
    driven = head.face.driven[0]
    windows = torch.from_numpy(speech_windows(EARS.features, clip.sound())[: len(clip)])
    shape = torch.from_numpy(clip.face_shape[:468].astype(np.float32))
    motion = torch.from_numpy((clip.face_points - clip.face_shape)[:, :468].astype(np.float32))
    expression, weights = torch.from_numpy(clip.expression), point_weights()
    networks = [p for p in driven.field.parameters() if p is not driven.field.tables]
    groups = [{"params": [driven.field.tables], "lr": 1e-2}, {"params": networks, "lr": 1e-3}]
    groups.append({"params": list(driven.encoder.parameters()), "lr": 1e-3 * encoder_rate})
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    for _ in range(ITERATIONS):
        frame = torch.randint(LEARNED, (1,), generator=generator)
        heard = windows[driven.encoder.around(frame, LEARNED)[0]]
        heard = heard + CPU.feature_noise * torch.randn(heard.shape, generator=generator)
        code = driven.encoder.look(driven.encoder.net(heard)[None])[0]
        moved = driven.field(driven.field.rest(shape), code, expression[frame[0]])
        optimiser.zero_grad()
        landmark_error(moved, motion[frame[0]], weights).backward()
        optimiser.step()
    with torch.no_grad():
        codes, frozen = driven.encoder.clip(windows), driven.field.frozen(driven.field.rest(shape))
        places = torch.stack([frozen(c, e).position for c, e in zip(codes, expression, strict=True)])
    return opening_correlation((places[:, 13, 1] - places[:, 14, 1]).numpy(), clip)


def ridge_correlation(clip: Clip, strength: float = 100.0) -> float:
    """The same of a ridge regression on the window of each frame."""
    windows = speech_windows(EARS.features, clip.sound())[: len(clip)].reshape(len(clip), -1)
    windows = (windows - windows[:LEARNED].mean(axis=0)) / (windows[:LEARNED].std(axis=0) + 0.1)
    seen, target = windows[:LEARNED], clip.lip_opening[:LEARNED]
    weights = np.linalg.solve(seen @ seen.T + strength * np.eye(LEARNED), target - target.mean())
    return opening_correlation(windows @ (seen.T @ weights), clip)


def opening_correlation(predicted: np.ndarray, clip: Clip) -> float:
    return float(np.corrcoef(predicted[LEARNED:], clip.lip_opening[LEARNED:])[0, 1])


def main() -> None:
    clips = [load_clip(Path(path)) for path in sys.argv[1:]]
    print("| sound encoder | " + " | ".join(clip.meta["source"]["name"] for clip in clips) + " |")
    print("|-|" + "-|" * len(clips))
    with quiet_threads(DEVICE):
        for name, listened, rate in (
            ("learned with the field (as the papers do)", False, 1.0),
            ("listened first, then learns on at a tenth of the rate", True, 0.1),
            ("listened first, then rests (the preset)", True, 0.0),
        ):
            values = [f"{unseen_correlation(clip, listened, rate):.2f}" for clip in clips]
            print(f"| {name} | " + " | ".join(values) + " |", flush=True)
    print("| ridge regression on the same windows | " + " | ".join(f"{ridge_correlation(c):.2f}" for c in clips) + " |")


if __name__ == "__main__":
    main()
