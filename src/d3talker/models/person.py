"""A person: one folder of JSON, safetensors and two small videos, that can be zipped and moved."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dacite
import numpy as np
import torch
from torch import Tensor

from d3talker.config.method import MethodSettings
from d3talker.core.errors import D3Error
from d3talker.core.files import (
    atomic_file,
    read_arrays,
    read_json,
    safetensors_written,
    write_arrays,
    write_json,
)
from d3talker.models.gaussians import PARAMETERS, Gaussians
from d3talker.models.head import Head, build_head

FORMAT_VERSION = 1
FILES = ("head.safetensors", "poses.safetensors", "plates.mp4", "torso.mkv", "background.png")
"""What a person's folder holds beside ``person.json``."""
_AGAIN = "Adapt the person again, or take a whole copy of the folder."


@dataclass
class Person:
    """A trained head with the poses and plates of its clip.

    ``world_to_cam`` (T, 4, 4), ``expression`` (T, 6) and ``blink`` (T,) are those of the training frames;
    ``face_shape`` (478, 3) metres is the frame of reference for other clips of the same person.
    """

    path: Path
    meta: dict[str, Any]
    head: Head
    world_to_cam: np.ndarray
    expression: np.ndarray
    blink: np.ndarray
    face_shape: np.ndarray

    @property
    def method(self) -> MethodSettings:
        """What the head is made of."""
        return method_of(self.meta["method"])

    @property
    def resolution(self) -> int:
        """Pixels of the square picture the head was trained at."""
        return int(self.meta["resolution"])

    @property
    def intrinsics(self) -> np.ndarray:
        """(3, 3) at that resolution, principal point at the centre."""
        focal = self.meta["focal"] * self.resolution / self.meta["crop_size"]
        return np.array([[focal, 0, self.resolution / 2], [0, focal, self.resolution / 2], [0, 0, 1]])


def save_person(person: Person) -> None:
    """Writes ``person.json``, the head and the poses into ``person.path``; the videos must be there already.

    ``person.json`` comes last and lists the size of every file, so that a half-copied folder is recognised.
    """
    with atomic_file(person.path / "head.safetensors") as partial:
        write_tensors(partial, head_tensors(person.head), {})
    arrays = {name: getattr(person, name) for name in ("world_to_cam", "expression", "blink", "face_shape")}
    write_arrays(person.path / "poses.safetensors", {name: a.astype(np.float32) for name, a in arrays.items()})
    sizes = {name: (person.path / name).stat().st_size for name in FILES}
    write_json(person.path / "person.json", {"format_version": FORMAT_VERSION, **person.meta, "files": sizes})


def load_person(path: Path, device: torch.device | None = None) -> Person:
    """Reads a person's folder.

    Raises:
        D3Error: not a person, another format version, or a file missing or truncated.
    """
    if not (path / "person.json").exists():
        raise D3Error(f"{path} holds no person.json", "the folder that adapt wrote", "Give that folder, or run adapt.")
    meta = read_json(path / "person.json", _AGAIN)
    if meta.get("format_version") != FORMAT_VERSION:
        seen = f"{path} has person format {meta.get('format_version')}"
        raise D3Error(seen, f"format {FORMAT_VERSION}", "Adapt the person again with this version of d3talker.")
    for name, size in meta["files"].items():
        file = path / name
        if name not in FILES or not file.exists():
            raise D3Error(f"{file} is missing", "a whole person folder", _AGAIN)
        if file.stat().st_size != size:
            seen = f"{file} has {file.stat().st_size} bytes"
            raise D3Error(seen, f"{size} bytes, as written by adapt", _AGAIN)
    method = method_of(meta["method"])
    tensors = {name: torch.from_numpy(array) for name, array in read_arrays(path / "head.safetensors", _AGAIN).items()}
    head = head_from_tensors(method, meta["front_end"]["channels"], tensors)
    poses = read_arrays(path / "poses.safetensors", _AGAIN)
    return Person(path, meta, head.to(device or torch.device("cpu")), **poses)


def method_of(told: dict[str, Any]) -> MethodSettings:
    """The method that :func:`as_plain` told."""
    return dacite.from_dict(MethodSettings, told, dacite.Config(strict=True, cast=[tuple]))


def head_tensors(head: Head) -> dict[str, Tensor]:
    """Every parameter of the head by name."""
    return {name: tensor.detach() for name, tensor in head.state_dict().items()}


def head_from_tensors(method: MethodSettings, channels: int, tensors: dict[str, Tensor]) -> Head:
    """The head of ``method`` with the parameters that :func:`head_tensors` gave."""

    def cloud(branch: str) -> Gaussians:
        return Gaussians({name: tensors[f"{branch}.gaussians.{name}"] for name in PARAMETERS})

    head = build_head(method, channels, cloud("face"), cloud("mouth"), torch.Generator().manual_seed(0))
    head.load_state_dict(tensors, strict=True)
    return head


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
    """Writes tensors as safetensors to ``path`` itself, ``metadata`` as JSON in the header of the file."""
    from safetensors.torch import save_file

    stored = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    with safetensors_written(path):
        save_file(stored, path, {"state": json.dumps(metadata)})


def as_plain(settings: Any) -> dict[str, Any]:
    """A frozen dataclass of settings as what JSON can hold."""
    return json.loads(json.dumps(dataclasses.asdict(settings)))
