"""A head to train, as large as a real one: a shell of Gaussians, a grid and a decoder that moves them."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from d3talker.ops.grid import GridShape, encode_triplane
from d3talker.ops.mlp import mlp
from d3talker.ops.rasterize import rasterize
from d3talker.ops.spherical_harmonics import colours

COUNT = 15_000
SHAPE = GridShape(16, 38.4)
CODE = 38  # the speech code and the expression: 74 inputs with the 36 of the grid
DISTANCE = 0.523  # metres from the camera to the middle of the head


@dataclass
class Head:
    """The parameters of a branch: Gaussians, grid and decoder."""

    parameters: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def make(cls, count: int) -> Head:
        generator = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator)

        outward = functional.normalize(normal(count, 3), dim=1)
        depth = 1 - 0.03 * normal(count, 1).abs()
        pixels = 3 + 3 * torch.rand(count, 3, generator=generator)
        scales = pixels * DISTANCE / (2.2 * 512)
        opacities = 0.1 + 0.85 * torch.rand(count, generator=generator)
        colour = 0.1 * normal(count, 4, 3)
        colour[:, 0] = outward
        parameters = {
            "means": outward * depth * torch.tensor([0.09, 0.12, 0.108]),
            "raw_scales": scales + torch.log(-torch.expm1(-scales)),
            "raw_rotations": normal(count, 4),
            "raw_opacities": opacities.logit(),
            "colours": colour,
            "tables": 1e-2 * normal(3, SHAPE.size),
            "layer_0": normal(64, 3 * SHAPE.levels + CODE) / 8.6,
            "layer_1": normal(64, 64) / 8,
            "layer_2": normal(10, 64) / 8,
            "code": normal(CODE),
        }
        return cls({name: tensor.requires_grad_() for name, tensor in parameters.items()})

    def decoder(self) -> list[Tensor]:
        return [self.parameters[f"layer_{number}"] for number in range(3)]

    def optimiser(self, **options: bool) -> torch.optim.Adam:
        groups = [{"params": [tensor], "name": name} for name, tensor in self.parameters.items()]
        return torch.optim.Adam(groups, lr=1e-5, **options)

    def scene(self, size: int) -> dict[str, Tensor]:
        """The arguments of ``rasterize`` but the size: the Gaussians, moved by the field."""
        p = self.parameters
        encoding = encode_triplane(p["means"], p["tables"], SHAPE)
        first, *later = self.decoder()
        plain, coded = first.split([3 * SHAPE.levels, CODE], dim=1)  # the code is a bias, as fields have it
        moved = mlp(encoding, [plain, *later], coded @ p["code"])
        position, rotation, scale = moved.split([3, 4, 3], dim=1)
        world_to_cam, intrinsics = camera(size)
        directions = functional.normalize(p["means"].detach() - torch.tensor([0.0, 0.0, DISTANCE]), dim=1)
        return {
            "means": p["means"] + 1e-2 * position,
            "quats": p["raw_rotations"] + 1e-2 * rotation,
            "scales": functional.softplus(p["raw_scales"] + 1e-2 * scale),
            "opacities": torch.sigmoid(p["raw_opacities"]),
            "features": colours(p["colours"], directions),
            "world_to_cam": world_to_cam,
            "intrinsics": intrinsics,
            "background": torch.tensor([0.1, 0.2, 0.3]),
        }

    def render(self, size: int) -> Tensor:
        return rasterize(**self.scene(size), width=size, height=size).features


def camera(size: int) -> tuple[Tensor, Tensor]:
    """A camera that faces the head (1, 4, 4) and its intrinsics (1, 3, 3)."""
    world_to_cam = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))
    world_to_cam[2, 3] = DISTANCE
    focal = 2.2 * size
    return world_to_cam[None], torch.tensor([[[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1.0]]])
