"""The listen stage: the codes come to tell the lips, of sound that was not heard too."""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from d3talker.config.method import TALKINGGAUSSIAN
from d3talker.config.presets import CPU
from d3talker.core.progress import Silent
from d3talker.models.gaussians import start_gaussians
from d3talker.models.head import build_head
from d3talker.recipes.adapt.frames import read_training_frames
from d3talker.recipes.adapt.listen import ListenStage
from d3talker.recipes.hearing import hearing
from d3talker.tracking.clip import load_clip


def test_codes_tell_the_lips_of_unheard_sound(prepared_clip: Path, tmp_path: Path) -> None:
    clip = load_clip(prepared_clip)
    progress, device = Silent(), torch.device("cpu")
    frames = read_training_frames(
        clip, len(clip), 32, hearing(TALKINGGAUSSIAN, "logmel"), tmp_path / "frames", device, progress
    )
    heard = dataclasses.replace(
        frames,
        pictures=frames.pictures[:75],
        signals={"audio": frames.signals["audio"][:75]},
        lip_opening=frames.lip_opening[:75],
        lip_width=frames.lip_width[:75],
    )
    cloud = start_gaussians(torch.rand(10, 3), torch.rand(10, 3), torch.full((10,), 0.01), 0)
    head = build_head(TALKINGGAUSSIAN, 32, cloud, cloud, torch.Generator().manual_seed(0))
    stage = ListenStage(head, heard, CPU, torch.Generator().manual_seed(0))
    losses = [stage.step(iteration)["loss"] for iteration in range(1, 401)]
    assert np.mean(losses[-20:]) < 0.5 * np.mean(losses[:20])
    with torch.no_grad():
        told = stage.readers[0](stage.driven[0].codes(frames.signals, torch.arange(len(clip))))[:, 0].numpy()
    assert np.corrcoef(told[:75], clip.lip_opening[:75])[0, 1] > 0.8
    assert np.corrcoef(told[75:], clip.lip_opening[75:])[0, 1] > 0.3
