"""Random scenes for the rasterizer's tests, and renderings of one scene by two backends."""

import torch
from torch import Tensor

from d3talker.ops.rasterize import Rendered, rasterize

GAUSSIANS = ("means", "quats", "scales", "opacities", "features")


def random_scene(
    count: int, width: int, height: int, channels: int = 3, cameras: int = 1, seed: int = 0, wild: bool = False
) -> dict[str, Tensor]:
    """A ball of Gaussians in front of ``cameras`` cameras; a wild one also has those that are hard to draw."""
    random = torch.Generator().manual_seed(seed)

    def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(*shape, generator=random) * (high - low) + low

    means = torch.randn(count, 3, generator=random) * 0.04
    scales = uniform(count, 3, low=0.003, high=0.012)
    opacities = uniform(count, low=0.1, high=0.95)
    if wild:
        means[: count // 8] *= 6.0  # off the picture
        means[count // 8 : count // 4, 2] -= 1.0  # behind the camera
        opacities[::5] = uniform(len(opacities[::5]), low=0.97, high=1.0)
        opacities[1::7] = uniform(len(opacities[1::7]), low=0.0, high=0.006)
        scales[::3, 0] *= 6.0
    poses = torch.eye(4).repeat(cameras, 1, 1)
    for camera in range(cameras):
        angle = torch.tensor(0.2 + 0.15 * camera)
        poses[camera, :3, :3] = torch.tensor(
            [[angle.cos(), 0.0, angle.sin()], [0.0, 1.0, 0.0], [-angle.sin(), 0.0, angle.cos()]]
        )
        poses[camera, :3, 3] = torch.tensor([0.01, -0.008 * camera, 0.7])
    focal = 2.2 * max(width, height)
    intrinsics = torch.tensor([[focal, 0.0, 0.5 * width + 0.3], [0.0, focal, 0.5 * height - 0.4], [0.0, 0.0, 1.0]])
    return {
        "means": means,
        "quats": torch.randn(count, 4, generator=random) * uniform(count, 1, low=0.5, high=1.5),
        "scales": scales,
        "opacities": opacities,
        "features": uniform(count, channels),
        "world_to_cam": poses,
        "intrinsics": intrinsics.repeat(cameras, 1, 1),
    }


def render_and_differentiate(
    scene: dict[str, Tensor], width: int, height: int, dtype: torch.dtype, backend: str, near: float = 0.2
) -> tuple[Rendered, dict[str, Tensor]]:
    """Renders over a background and takes a random combination of all outputs back to all inputs."""
    random = torch.Generator().manual_seed(99)
    inputs = {name: value.to(dtype).clone().requires_grad_(name != "intrinsics") for name, value in scene.items()}
    cameras, count, channels = len(scene["world_to_cam"]), scene["means"].shape[-2], scene["features"].shape[-1]
    like = inputs["means"].detach()
    inputs["background"] = torch.rand(cameras, height, width, channels, generator=random).to(like).requires_grad_()
    inputs["screen_probe"] = like.new_zeros(cameras, count, 2).requires_grad_()
    out = rasterize(**inputs, width=width, height=height, near=near, backend=backend)
    loss = like.new_zeros(())
    for picture in (out.features, out.alpha, out.depth):
        loss = loss + (picture * torch.randn(picture.shape, generator=random).to(like)).sum()
    loss.backward()
    return out, {name: value.grad for name, value in inputs.items() if value.grad is not None}
