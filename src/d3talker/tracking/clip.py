"""A prepared clip: the folder that ``prepare`` writes and everything else reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.core.files import read_arrays, read_json, write_arrays, write_json
from d3talker.media.audio import read_audio
from d3talker.media.video import read_stored

FORMAT_VERSION = 1
_FIX = "Run d3talker prepare again."
_VIDEOS = ("frames.mkv", "masks.mkv", "plates.mkv")
_META_KEYS = ("source", "fps", "frames", "size", "crop", "focal")


@dataclass(frozen=True)
class Tracks:
    """The numbers of every frame; see ``docs/architecture.md`` for the folder that they are stored in."""

    landmarks: np.ndarray
    """(T, 478, 3) float32 pixels of the prepared picture."""
    world_to_cam: np.ndarray
    """(T, 4, 4) float64."""
    face_shape: np.ndarray
    """(478, 3) float64 metres, head frame: the person's mean face."""
    face_points: np.ndarray
    """(T, 478, 3) float32 metres, head frame."""
    expression: np.ndarray
    """(T, 6) float32: brow raise, brow lower, lid wide, squint, lid tight, blink, in [0, 1]."""
    blink: np.ndarray
    """(T,) float32 in [0, 1]."""
    lip_opening: np.ndarray
    """(T,) float32 metres, closed = 0."""
    lip_width: np.ndarray
    """(T,) float32 metres."""
    jitter: np.ndarray
    """(T,) float64 pixels: how much the solved head shakes."""


@dataclass(frozen=True)
class Clip(Tracks):
    """A prepared clip: its numbers in memory, its pictures on disk."""

    path: Path
    """The folder."""
    meta: dict[str, Any]
    """What ``clip.json`` holds."""

    @staticmethod
    def load(path: Path) -> Clip:
        """See :func:`load_clip`."""
        return load_clip(path)

    def __len__(self) -> int:
        return len(self.landmarks)

    def intrinsics(self, resolution: int) -> np.ndarray:
        """The camera matrix (3, 3) float64 for pictures of ``resolution`` pixels; the axis meets the middle."""
        focal = self.meta["focal"] * resolution / self.meta["size"]
        return np.array([[focal, 0, resolution / 2], [0, focal, resolution / 2], [0, 0, 1]], dtype=np.float64)

    def frames(self) -> Iterator[np.ndarray]:
        """The pictures, (size, size, 3) uint8 RGB each."""
        return read_stored(self.path / "frames.mkv")

    def masks(self) -> Iterator[np.ndarray]:
        """The labels, (size, size) uint8 each: 0 background, 1 torso, 2 hair, 3 face, 4 inside of the mouth."""
        return read_stored(self.path / "masks.mkv")

    def plates(self) -> Iterator[np.ndarray]:
        """The pictures without the head, (size, size, 3) uint8 RGB each."""
        return read_stored(self.path / "plates.mkv")

    @property
    def has_sound(self) -> bool:
        """Whether the video had a sound track."""
        return (self.path / "audio.wav").exists()

    def sound(self) -> np.ndarray:
        """The sound (S,) float32 at 16 kHz, as long as the frames.

        Raises:
            D3Error: the clip has none.
        """
        return read_audio(self.path / "audio.wav")


def load_clip(path: Path) -> Clip:
    """Opens a prepared clip.

    Raises:
        D3Error: no such folder, a file of it missing or damaged, another format version, or parts that do not fit.
    """
    path = Path(path)
    if not (path / "clip.json").is_file():
        raise D3Error(f"{path} holds no clip.json", "a prepared clip", "Run d3talker prepare VIDEO --out CLIP first.")
    meta = read_json(path / "clip.json", _FIX)
    version = meta.get("format_version") if isinstance(meta, dict) else None
    if version != FORMAT_VERSION:
        raise D3Error(f"{path} has clip format {version}", f"format {FORMAT_VERSION}", _FIX)
    missing = [key for key in _META_KEYS if key not in meta]
    if missing:
        raise D3Error(f"{path / 'clip.json'} has no {missing[0]}", "a whole clip.json", _FIX)
    arrays = read_arrays(path / "tracks.safetensors", _FIX)
    for field in fields(Tracks):
        if field.name not in arrays:
            raise D3Error(f"{path / 'tracks.safetensors'} has no {field.name}", "a whole clip", _FIX)
        if field.name != "face_shape" and len(arrays[field.name]) != meta["frames"]:
            raise D3Error(
                f"{field.name} of {path} has {len(arrays[field.name])} frames",
                f"{meta['frames']} as in clip.json",
                _FIX,
            )
    for name in _VIDEOS:
        if not (path / name).is_file():
            raise D3Error(f"{path / name} is missing", "a whole clip", _FIX)
    return Clip(path=path, meta=meta, **{field.name: arrays[field.name] for field in fields(Tracks)})


def write_numbers(folder: Path, tracks: Tracks, meta: dict[str, Any]) -> None:
    """Writes ``tracks.safetensors`` and ``clip.json``; format version and frame count are added to ``meta``."""
    write_arrays(folder / "tracks.safetensors", {field.name: getattr(tracks, field.name) for field in fields(Tracks)})
    write_json(folder / "clip.json", {"format_version": FORMAT_VERSION, "frames": len(tracks.landmarks), **meta})
