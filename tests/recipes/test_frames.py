"""The frames that adaptation learns from: kept on the device they are those that lie on the disk."""

from pathlib import Path

import numpy as np
import torch

from d3talker.recipes.adapt.frames import TrainingFrames


def frames_on_disk(folder: Path, count: int = 5, size: int = 8) -> TrainingFrames:
    rng = np.random.default_rng(0)
    shapes = {"pictures": (count, size, size, 3), "labels": (count, size, size), "plates": (count, size, size, 3)}
    for name, shape in shapes.items():
        np.save(folder / f"{name}.npy", rng.integers(0, 256, shape, dtype=np.uint8))
    return TrainingFrames(
        **{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in shapes},
        world_to_cam=torch.eye(4).repeat(count, 1, 1),
        intrinsics=torch.eye(3),
        signals={},
        told=[],
        expression=torch.zeros(count, 6),
        face_shape=torch.zeros(468, 3),
        face_motion=torch.zeros(count, 468, 3),
        lip_opening=np.zeros(count),
        lip_width=np.zeros(count),
        blink=np.zeros(count),
        lip_boxes=np.zeros((count, 4), int),
        resolution=size,
        device=torch.device("cpu"),
        fitted=np.arange(count),
        refined=np.arange(count),
    )


def test_kept_on_the_device_they_are_the_same(tmp_path: Path) -> None:
    frames = frames_on_disk(tmp_path)

    def everything() -> list[torch.Tensor]:
        return [told(frame) for told in (frames.picture, frames.label, frames.plate) for frame in range(len(frames))]

    before = everything()
    frames.keep_on_device()
    for file in tmp_path.iterdir():
        file.write_bytes(bytes(file.stat().st_size))  # what is mapped is now black
    for kept, mapped in zip(everything(), before, strict=True):
        assert kept.shape == mapped.shape
        assert kept.dtype == mapped.dtype
        assert torch.equal(kept, mapped)
    assert before[0].max() > 0.9


def test_a_picture_is_a_copy(tmp_path: Path) -> None:
    frames = frames_on_disk(tmp_path)
    frames.keep_on_device()
    before = frames.picture(0).clone()
    frames.picture(0).zero_()
    assert torch.equal(frames.picture(0), before)
