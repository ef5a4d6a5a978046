"""The CPU backend as a differentiable torch function."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor
from torch.autograd.function import once_differentiable

from d3talker.ops.pool import shared_pool
from d3talker.ops.rasterize.cpu_blend import Pictures
from d3talker.ops.rasterize.cpu_frame import Scene, Walk, frame_gradients, render_frame
from d3talker.ops.rasterize.rendered import Rendered


def rasterize_cpu(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    features: Tensor,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    width: int,
    height: int,
    background: Tensor | None,
    near: float,
    screen_probe: Tensor | None,
) -> Rendered:
    """Renders B cameras; every argument has its batch dimension, a background is (B, H, W, C) or (1, 1, 1, C)."""
    inputs = (means, quats, scales, opacities, features, world_to_cam, background, screen_probe)
    if torch.is_grad_enabled() and any(part is not None and part.requires_grad for part in inputs):
        return Rendered(*_Rasterize.apply(*inputs, intrinsics, (width, height, near)))
    pictures, radii, _ = _render(inputs, intrinsics, width, height, near, training=False)
    return Rendered(pictures.features, pictures.alpha, pictures.depth, radii)


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        *inputs, intrinsics, (width, height, near) = arguments
        pictures, radii, ctx.walks = _render(tuple(inputs), intrinsics, width, height, near, training=True)
        ctx.save_for_backward(*inputs, intrinsics, *pictures)
        ctx.mark_non_differentiable(radii)
        return pictures.features, pictures.alpha, pictures.depth, radii

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *output_gradients: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, intrinsics = ctx.saved_tensors[:-4]
        pictures = Pictures(*ctx.saved_tensors[-4:])
        gradients = Pictures(*(part.contiguous() for part in output_gradients[:3]), light=pictures.light)
        wanted = ctx.needs_input_grad[:8]
        found = []
        if any(wanted[:6]) or wanted[7]:
            for camera, walk in enumerate(ctx.walks):
                scene = _scene(inputs, intrinsics, camera)
                found.append(
                    frame_gradients(
                        shared_pool(), scene, walk, _of(pictures, camera), _of(gradients, camera), pose_wanted=wanted[5]
                    )
                )
        names = ("means", "quats", "scales", "opacities", "features", "pose", "background", "centres")
        results: list[Tensor | None] = []
        for name, want in zip(names, wanted, strict=True):
            if not want:
                results.append(None)
            elif name == "background":
                results.append(_background_gradient(inputs[6], gradients.features, pictures.light))
            else:
                results.append(_stack([getattr(one, name) for one in found]))
        return (*results, None, None)


def _render(
    inputs: tuple[Tensor | None, ...], intrinsics: Tensor, width: int, height: int, near: float, training: bool
) -> tuple[Pictures, Tensor, list[Walk]]:
    features = inputs[4]
    assert features is not None
    batch, count, channels = features.shape
    pictures = Pictures(
        torch.empty(batch, height, width, channels), *(torch.empty(batch, height, width) for _ in range(3))
    )
    radii = torch.zeros(batch, count, dtype=torch.int32)
    walks = [
        render_frame(
            shared_pool(),
            _scene(inputs, intrinsics, camera),
            _background(inputs[6], camera, channels),
            near,
            training,
            _of(pictures, camera),
            radii[camera].numpy(),
        )
        for camera in range(batch)
    ]
    return pictures, radii, walks


def _scene(inputs: Any, intrinsics: Tensor, camera: int) -> Scene:
    parts = [None if part is None else _array(part[camera]) for part in (*inputs[:6], inputs[7], intrinsics)]
    means, quats, scales, opacities, features, pose, probe, projection = parts
    if probe is None:
        probe = np.zeros((len(means), 2), np.float32)
    return Scene(means, quats, scales, opacities, features, probe, pose, projection)


def _background(background: Tensor | None, camera: int, channels: int) -> ndarray:
    if background is None:
        return np.zeros((1, channels), np.float32)
    return _array(background[camera if len(background) > 1 else 0].reshape(-1, channels))


def _background_gradient(background: Tensor, gradient: Tensor, light: Tensor) -> Tensor:
    if background.shape[1] == 1 and background.shape != gradient.shape:
        return (light.reshape(1, -1) @ gradient.reshape(-1, gradient.shape[-1])).reshape(background.shape)
    return gradient * light[..., None]


def _of(pictures: Pictures, camera: int) -> Pictures:
    return Pictures(*(_array(part[camera]) for part in pictures))


def _array(tensor: Tensor) -> ndarray:
    return tensor.detach().contiguous().numpy()


def _stack(arrays: list[ndarray]) -> Tensor:
    if len(arrays) == 1:
        return torch.from_numpy(arrays[0])[None]
    return torch.from_numpy(np.stack(arrays))
