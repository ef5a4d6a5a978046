"""The frames that adaptation learns from, resized once and mapped from disk, on a GPU kept there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from d3talker.core.files import array_file, atomic_file, atomic_folder
from d3talker.core.progress import Advance, Progress
from d3talker.faces.points import OUTER_LIPS
from d3talker.fields.motion import PICTURE
from d3talker.models.head import Signals
from d3talker.recipes.adapt.told import ToldMotion, tell_motion
from d3talker.recipes.hearing import Hearing
from d3talker.signals.speech import SoundSource, speech_windows
from d3talker.tracking.clip import Clip

MESH_POINTS = 468
"""Face points without the irises."""
COARSE = 256
"""Pixels of the coarse pictures that a stage may begin with, where its own are larger."""
_SHARE_OF_GPU = 0.25  # of its free memory, which one clip's pictures may take: pre-training keeps several clips


@dataclass
class TrainingFrames:
    """T frames at one resolution R, with everything known of each."""

    pictures: np.ndarray  # (T, R, R, 3) uint8
    labels: np.ndarray  # (T, R, R) uint8
    plates: np.ndarray  # (T, R, R, 3) uint8
    world_to_cam: Tensor  # (T, 4, 4)
    intrinsics: Tensor  # (3, 3)
    signals: Signals  # (T, ...) each
    told: list[ToldMotion]  # the predicted facial motion, the clip's own first; empty where nothing hears it
    expression: Tensor  # (T, 6)
    face_shape: Tensor  # (468, 3) metres: the face points at rest
    face_motion: Tensor  # (T, 468, 3) metres: their displacement in every frame
    lip_opening: np.ndarray  # (T,) metres
    lip_width: np.ndarray  # (T,) metres
    blink: np.ndarray  # (T,) in [0, 1]
    lip_boxes: np.ndarray  # (T, 4) int: top, bottom, left, right in pixels, inside the picture
    resolution: int
    device: torch.device
    fitted: np.ndarray  # indices of the frames that Gaussians and fields learn from
    refined: np.ndarray  # indices of those that the refiner learns from
    coarse: TrainingFrames | None = None  # the same with smaller pictures, where these are large
    _kept: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.pictures)

    def picture(self, frame: int) -> Tensor:
        """(1, R, R, 3) in [0, 1]."""
        return self._stored("pictures", frame).float().mul_(1.0 / 255.0)

    def plate(self, frame: int) -> Tensor:
        """What lies behind the head: (1, R, R, 3) in [0, 1]."""
        return self._stored("plates", frame).float().mul_(1.0 / 255.0)

    def label(self, frame: int) -> Tensor:
        """(1, R, R) uint8."""
        return self._stored("labels", frame)

    def keep_on_device(self) -> None:
        """Copies pictures, labels and plates to the device as they are, so that no step has to."""
        stored = {"pictures": self.pictures, "labels": self.labels, "plates": self.plates}
        self._kept = {name: torch.from_numpy(np.array(array)).to(self.device) for name, array in stored.items()}
        if self.coarse is not None:
            self.coarse.keep_on_device()

    def for_iteration(self, iteration: int, coarse_until: int) -> TrainingFrames:
        """Those to learn from in ``iteration``: the coarse ones up to ``coarse_until``, if there are any."""
        return self if self.coarse is None or iteration > coarse_until else self.coarse

    def _stored(self, name: str, frame: int) -> Tensor:
        """(1, R, R, ...) uint8."""
        if self._kept:
            return self._kept[name][frame : frame + 1]
        return torch.from_numpy(np.array(getattr(self, name)[frame]))[None].to(self.device)


def read_training_frames(
    clip: Clip,
    count: int,
    resolution: int,
    ears: Hearing,
    cache: Path,
    device: torch.device,
    progress: Progress,
    besides: Sequence[SoundSource] = (),
    coarse: bool = False,
) -> TrainingFrames:
    """The first ``count`` frames of a clip at ``resolution``; the pictures are kept in the folder ``cache``.

    Of the speech ``besides`` the clip's own only the facial motion is told. With ``coarse`` there are smaller pictures
    too, if :data:`COARSE` is smaller.
    """
    sizes = [resolution, COARSE] if coarse and resolution > COARSE else [resolution]
    if not cache.exists():
        with atomic_folder(cache) as folder, progress.stage("read frames", count) as advance:
            _store(clip, count, sizes, folder, advance)

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(array[:count], dtype=np.float32)).to(device)

    face_shape = torch.from_numpy(clip.face_shape[:MESH_POINTS].astype(np.float32)).to(device)
    face_motion = tensor(clip.face_points[:, :MESH_POINTS]) - face_shape
    sound = clip.sound()
    signals, told = {"audio": tensor(speech_windows(ears.features, sound))}, []
    if ears.motion is not None:
        told = tell_motion(ears.motion, [lambda: iter([sound]), *besides], face_shape, face_motion)
        signals["motion"] = _on_disk(told[0], cache / "motion.npy").to(device)

    frames = TrainingFrames(
        **_at(resolution, clip, count, cache, device),
        world_to_cam=tensor(clip.world_to_cam),
        signals=signals,
        told=told,
        expression=tensor(clip.expression),
        face_shape=face_shape,
        face_motion=face_motion,
        lip_opening=clip.lip_opening[:count],
        lip_width=clip.lip_width[:count],
        blink=clip.blink[:count],
        device=device,
        fitted=np.arange(count),
        refined=np.arange(count),
    )
    if len(sizes) > 1:
        frames.coarse = replace(frames, **_at(COARSE, clip, count, cache, device))
    size = frames.pictures.nbytes + frames.labels.nbytes + frames.plates.nbytes
    if device.type == "cuda" and size < _SHARE_OF_GPU * torch.cuda.mem_get_info(device)[0]:
        frames.keep_on_device()
    return frames


def _on_disk(motion: ToldMotion, path: Path) -> Tensor:
    """The pictures of facial motion (T, 3, 256, 256) int8, on disk: they are many."""
    shape = (len(motion.coefficients), 3, PICTURE, PICTURE)
    with atomic_file(path) as partial, array_file(partial, shape, "i1") as file:
        for piece in motion.differences():
            file.write(piece.numpy().tobytes())
    return torch.from_numpy(np.load(path, mmap_mode="c"))


def _at(resolution: int, clip: Clip, count: int, cache: Path, device: torch.device) -> dict[str, Any]:
    """What of the frames depends on the size of their pictures."""
    names = ("pictures", "labels", "plates")
    stored = {name: np.load(cache / f"{name}-{resolution}.npy", mmap_mode="r") for name in names}
    scale = resolution / clip.meta["size"]
    return stored | {
        "intrinsics": torch.from_numpy(clip.intrinsics(resolution).astype(np.float32)).to(device),
        "lip_boxes": lip_boxes(clip.landmarks[:count] * scale, resolution, resolution),
        "resolution": resolution,
    }


def _store(clip: Clip, count: int, sizes: list[int], folder: Path, advance: Advance) -> None:
    with ExitStack() as open_files:
        files = {}
        for name, channels in (("pictures", (3,)), ("labels", ()), ("plates", (3,))):
            for size in sizes:
                file = array_file(folder / f"{name}-{size}.npy", (count, size, size, *channels))
                files[name, size] = open_files.enter_context(file)
        for picture, label, plate in islice(zip(clip.frames(), clip.masks(), clip.plates(), strict=True), count):
            for size in sizes:
                files["pictures", size].write(resize(picture, size).tobytes())
                files["labels", size].write(resize(label, size, nearest=True).tobytes())
                files["plates", size].write(resize(plate, size).tobytes())
            advance()


def resize(picture: np.ndarray, resolution: int, nearest: bool = False) -> np.ndarray:
    """A square picture (H, W, 3) or (H, W) uint8 at another size; anti-aliased unless ``nearest``."""
    if picture.shape[0] == resolution and picture.shape[1] == resolution:
        return picture
    how = Image.Resampling.NEAREST if nearest else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(picture).resize((resolution, resolution), how))


def lip_boxes(landmarks: np.ndarray, width: int, height: int, smallest: int = 8) -> np.ndarray:
    """Squares around the lips (T, 4): top, bottom, left, right in pixels, cut at the picture, never too small.

    Args:
        landmarks: (T, 478, 2 or 3) pixels.
        width: of the picture.
        height: of the picture.
        smallest: side of a square.
    """
    lips, size = landmarks[:, OUTER_LIPS, :2], np.array([width, height])
    low, high = lips.min(axis=1), lips.max(axis=1)
    centre, half = (low + high) / 2, np.maximum((high - low).max(axis=1), smallest)[:, None] / 2
    top_left = np.clip(np.floor(centre - half), 0, size - smallest).astype(int)
    bottom_right = np.clip(np.ceil(centre + half), top_left + smallest, size).astype(int)
    return np.stack([top_left[:, 1], bottom_right[:, 1], top_left[:, 0], bottom_right[:, 0]], axis=1)
