"""What stands behind the head of a person, frame by frame, at the resolution of the person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from d3talker.core.files import atomic_file
from d3talker.core.progress import Progress
from d3talker.media.video import VideoWriter
from d3talker.recipes.adapt.frames import resize
from d3talker.tracking.clip import Clip


def write_plates(clip: Clip, count: int, resolution: int, out: Path, progress: Progress) -> None:
    """Writes ``plates.mp4`` (torso over background), ``torso.mkv`` (its alpha) and ``background.png``."""
    with (
        progress.stage("write plates", count) as advance,
        VideoWriter(out / "plates.mp4", resolution, resolution, style="precise") as plates,
        VideoWriter(out / "torso.mkv", resolution, resolution, style="labels") as torsos,
    ):
        for i, (plate, torso) in enumerate(zip(clip.plates(), clip.torsos(), strict=True)):
            if i == count:
                break
            plates.write(resize(plate, resolution))
            torsos.write(resize(torso, resolution))
            advance()
    with atomic_file(out / "background.png") as partial:
        Image.fromarray(resize(np.asarray(clip.background()), resolution)).save(partial)
