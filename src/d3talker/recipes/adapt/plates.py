"""What stands behind the head of a person, frame by frame, at the resolution of the person."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from d3talker.core.files import atomic_file
from d3talker.core.progress import Progress
from d3talker.media.video import VideoWriter
from d3talker.recipes.adapt.frames import resize
from d3talker.tracking.clip import Clip
from d3talker.tracking.plates import torso_layer


def write_plates(clip: Clip, count: int, resolution: int, out: Path, progress: Progress) -> None:
    """Writes ``plates.mp4`` (torso over background), ``torso.mkv`` (its alpha) and ``background.png``."""
    with Image.open(clip.path / "background.png") as stored:
        background = np.asarray(stored.convert("RGB"))
    with (
        progress.stage("write plates", count) as advance,
        VideoWriter(out / "plates.mp4", resolution, resolution, style="precise") as plates,
        VideoWriter(out / "torso.mkv", resolution, resolution, style="labels") as torsos,
    ):
        for picture, labels in islice(zip(clip.frames(), clip.masks(), strict=True), count):
            plate, alpha = torso_layer(picture, labels, background)
            plates.write(resize(plate, resolution))
            torsos.write(resize(alpha, resolution))
            advance()
    with atomic_file(out / "background.png") as partial:
        Image.fromarray(resize(background, resolution)).save(partial)
