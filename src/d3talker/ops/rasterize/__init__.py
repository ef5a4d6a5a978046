"""Differentiable rasterization of 3D Gaussians: one function, three backends with the same meaning."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from d3talker.ops.rasterize.backend import available_backends, choose_backend
from d3talker.ops.rasterize.rendered import Rendered

__all__ = ["Rendered", "available_backends", "rasterize"]


def rasterize(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    features: Tensor,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    width: int,
    height: int,
    *,
    background: Tensor | None = None,
    near: float = 0.01,
    screen_probe: Tensor | None = None,
    backend: str = "auto",
) -> Rendered:
    """Draws N Gaussians as seen by B cameras, blended nearest first (Kerbl et al. 2023; gsplat's conventions).

    The centre of the first pixel is (0.5, 0.5). A projected covariance gains 0.3 square pixels. Where the projection is
    linearised, the slopes x/z and y/z are clamped 15 % of the picture beyond its edges. An alpha below 1/255 counts as
    0, one above 0.99 as 0.99 (without gradient), and a pixel stops before its transmittance would reach 1e-4. NaN and
    infinite Gaussians are not drawn.

    Args:
        means: (N, 3) or (B, N, 3) metres, world frame.
        quats: (N, 4) or (B, N, 4) w, x, y, z of any length > 0.
        scales: (N, 3) or (B, N, 3) standard deviations in metres.
        opacities: (N,) or (B, N) in [0, 1].
        features: (N, C) or (B, N, C), any C >= 1.
        world_to_cam: (B, 4, 4), the last row 0, 0, 0, 1.
        intrinsics: (B, 3, 3) pixels; without gradient.
        width: pixels.
        height: pixels.
        background: (C,) or (B, H, W, C), seen through what the Gaussians leave; black if None.
        near: Gaussians with a smaller camera z are not drawn, metres, > 0.
        screen_probe: (B, N, 2) zeros that require a gradient; it becomes dL/d(projected mean in pixels).
        backend: "auto", "reference" (plain torch), "cpu" (numba, float32) or "gsplat" (CUDA).

    Returns:
        Pictures, differentiable in all tensors but ``intrinsics``.

    Raises:
        ValueError: shapes, types or devices do not fit, ``intrinsics`` asks for a gradient, or the backend cannot be
            used here.
    """
    cameras = len(world_to_cam)
    channels = features.shape[-1]
    count = means.shape[-2]
    inputs = [
        _batched("means", means, cameras, (count, 3)),
        _batched("quats", quats, cameras, (count, 4)),
        _batched("scales", scales, cameras, (count, 3)),
        _batched("opacities", opacities, cameras, (count,)),
        _batched("features", features, cameras, (count, channels)),
    ]
    _expect("world_to_cam", world_to_cam, (cameras, 4, 4))
    _expect("intrinsics", intrinsics, (cameras, 3, 3))
    if intrinsics.requires_grad:
        raise ValueError("intrinsics require a gradient, but the rasterizer gives them none: detach them")
    if background is not None:
        if background.dim() == 1:
            _expect("background", background, (channels,))
            background = background.reshape(1, 1, 1, channels)
        else:
            _expect("background", background, (cameras, height, width, channels))
    if screen_probe is not None:
        _expect("screen_probe", screen_probe, (cameras, count, 2))
    if near <= 0 or width < 1 or height < 1 or channels < 1:
        raise ValueError(f"near {near}, width {width}, height {height} and {channels} channels must be positive")
    _expect_alike(means, (*inputs, world_to_cam, intrinsics, background, screen_probe))

    render = _backend_function(choose_backend(means) if backend == "auto" else backend, means)
    return render(*inputs, world_to_cam, intrinsics, width, height, background, near, screen_probe)


def _backend_function(name: str, means: Tensor) -> Callable[..., Rendered]:
    """The backend's function, imported when first used: numba and gsplat are slow to load."""
    states = available_backends()
    if states.get(name) != "ready":
        reason = states.get(name, f"there is {', '.join(states)}")
        raise ValueError(f"rasterizer backend {name!r} cannot be used: {reason}")
    if name == "reference":
        from d3talker.ops.rasterize.reference import rasterize_reference

        return rasterize_reference
    if means.dtype != torch.float32 or means.device.type != ("cpu" if name == "cpu" else "cuda"):
        wanted = "float32 on the CPU" if name == "cpu" else "float32 on CUDA"
        raise ValueError(f"rasterizer backend {name!r} takes {wanted}, not {means.dtype} on {means.device.type}")
    if name == "cpu":
        from d3talker.ops.rasterize.cpu import rasterize_cpu

        return rasterize_cpu
    from d3talker.ops.rasterize.gsplat import rasterize_gsplat

    return rasterize_gsplat


def _batched(name: str, tensor: Tensor, cameras: int, shape: tuple[int, ...]) -> Tensor:
    """Gives a shared tensor the dimension of the cameras; autograd sums its gradients."""
    if tensor.dim() == len(shape):
        _expect(name, tensor, shape)
        return tensor[None] if cameras == 1 else tensor.expand(cameras, *shape)
    _expect(name, tensor, (cameras, *shape))
    return tensor


def _expect(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, wanted {shape}")


def _expect_alike(first: Tensor, tensors: tuple[Tensor | None, ...]) -> None:
    for tensor in tensors:
        if tensor is not None and (tensor.dtype != first.dtype or tensor.device != first.device):
            seen = f"{tensor.dtype} on {tensor.device} beside {first.dtype} on {first.device}"
            raise ValueError(f"the rasterizer's tensors mix types or devices: {seen}")
