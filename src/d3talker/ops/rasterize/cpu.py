"""The CPU backend as a differentiable torch function."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor
from torch.autograd.function import once_differentiable

from d3talker.ops.pool import shared_pool
from d3talker.ops.rasterize.cpu_data import Pictures, Scene, Walk
from d3talker.ops.rasterize.cpu_frame import frame_gradients, render_frame
from d3talker.ops.rasterize.rendered import Rendered

_GRADIENTS = ("means", "quats", "scales", "opacities", "features", "pose", "probe")  # fields of SceneGradients


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
    if background is None:
        background = features.new_zeros(1, 1, 1, features.shape[-1])
    if screen_probe is None:
        screen_probe = means.new_zeros(1, 1, 2).expand(len(world_to_cam), means.shape[1], 2)
    inputs = (means, quats, scales, opacities, features, world_to_cam, screen_probe, background, intrinsics)
    if torch.is_grad_enabled() and any(part.requires_grad for part in inputs):
        return Rendered(*_Rasterize.apply(*inputs, width, height, near))
    return Rendered(*_render(inputs, width, height, near, training=False)[0])


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        *inputs, width, height, near = arguments
        outputs, ctx.walks = _render(tuple(inputs), width, height, near, training=True)
        ctx.save_for_backward(*inputs, *outputs[:3])
        ctx.mark_non_differentiable(outputs[3])
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *output_gradients: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, features, alpha, depth = ctx.saved_tensors
        wanted = ctx.needs_input_grad[: len(_GRADIENTS)]
        found = []
        if any(wanted):
            for camera, walk in enumerate(ctx.walks):
                scene = _scene(inputs, camera)
                pictures = _pictures((features, alpha, depth), camera)
                gradients = _pictures(output_gradients[:3], camera)
                pose_wanted = wanted[_GRADIENTS.index("pose")]
                found.append(frame_gradients(shared_pool(), scene, walk, pictures, gradients, pose_wanted))
        results = [
            _stack([getattr(one, name) for one in found]) if want else None
            for name, want in zip(_GRADIENTS, wanted, strict=True)
        ]
        by_background = None
        if ctx.needs_input_grad[len(_GRADIENTS)]:
            by_background = _background_gradient(inputs[7], output_gradients[0], 1.0 - alpha)
        return (*results, by_background, None, None, None, None)


def _render(
    inputs: tuple[Tensor, ...], width: int, height: int, near: float, training: bool
) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], list[Walk]]:
    batch, count, channels = inputs[4].shape
    features = inputs[7].detach().expand(batch, height, width, channels).clone()  # as it stays where nothing is drawn
    alpha, depth = torch.zeros(2, batch, height, width)
    radii = torch.zeros(batch, count, dtype=torch.int32)
    walks = []
    for camera in range(batch):
        scene, background = _scene(inputs, camera), _background(inputs[7], camera)
        pictures = _pictures((features, alpha, depth), camera)
        shown = radii[camera].numpy()
        walks.append(render_frame(shared_pool(), scene, background, near, training, pictures, shown))
    return (features, alpha, depth, radii), walks


def _scene(inputs: tuple[Tensor, ...] | list[Tensor], camera: int) -> Scene:
    means, quats, scales, opacities, features, pose, probe = (_array(part[camera]) for part in inputs[:7])
    return Scene(means, quats, scales, opacities, features, probe, pose, _array(inputs[8][camera]))


def _pictures(tensors: tuple[Tensor, ...], camera: int) -> Pictures:
    return Pictures(*(_array(tensor[camera]) for tensor in tensors))


def _background(background: Tensor, camera: int) -> ndarray:
    return _array(background[camera if len(background) > 1 else 0].reshape(-1, background.shape[-1]))


def _background_gradient(background: Tensor, gradient: Tensor, light: Tensor) -> Tensor:
    if background.shape == gradient.shape:
        return gradient * light[..., None]
    total = light.reshape(1, -1) @ gradient.reshape(-1, gradient.shape[-1])
    return total.reshape(background.shape)


def _array(tensor: Tensor) -> ndarray:
    return tensor.detach().contiguous().numpy()


def _stack(arrays: list[ndarray]) -> Tensor:
    return torch.from_numpy(arrays[0][None] if len(arrays) == 1 else np.stack(arrays))
