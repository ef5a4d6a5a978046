"""What one training step costs on the CPU, piece by piece, and against plain torch.

    python -m benchmarks.training_step [--quick]

Times are processor milliseconds of all threads (user and system), the least of several interleaved rounds: unlike
wall time they hardly depend on what else the machine does. The scene is the shell of a head: 60 % of the picture
covered, Gaussians of 3 to 6 pixels at 512.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

import torch  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional  # noqa: E402

from d3talker.ops.grid import GridShape, encode_triplane  # noqa: E402
from d3talker.ops.mlp import mlp  # noqa: E402
from d3talker.ops.photometric import photometric_loss, ssim  # noqa: E402
from d3talker.ops.rasterize import rasterize  # noqa: E402
from d3talker.ops.spherical_harmonics import colours  # noqa: E402
from d3talker.ops.threads import quiet_torch  # noqa: E402

COUNT = 15_000
SHAPE = GridShape(16, 38.4)
CODE = 38  # the speech code and the expression: 74 inputs with the 36 of the grid
DISTANCE = 0.523  # metres from the camera to the middle of the head


@dataclass
class Piece:
    """Something to time: ``forward`` gives a tensor; its backward pass is timed apart where it needs one."""

    name: str
    forward: Callable[[], Tensor]
    cotangent: Tensor | None = None
    forward_ms: float = math.inf
    backward_ms: float = 0.0

    def run(self) -> None:
        start = time.process_time()
        output = self.forward()
        self.forward_ms = min(self.forward_ms, 1e3 * (time.process_time() - start))
        if not output.requires_grad:
            return
        cotangent = torch.ones_like(output) if self.cotangent is None else self.cotangent
        start = time.process_time()
        output.backward(cotangent)
        spent = 1e3 * (time.process_time() - start)
        self.backward_ms = min(self.backward_ms or math.inf, spent)

    @property
    def total(self) -> float:
        return self.forward_ms + self.backward_ms


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

    def render(self, size: int) -> Tensor:
        p = self.parameters
        encoding = encode_triplane(p["means"], p["tables"], SHAPE)
        moved = mlp(torch.cat([encoding, p["code"].expand(len(encoding), -1)], dim=1), self.decoder())
        position, rotation, scale = moved.split([3, 4, 3], dim=1)
        world_to_cam, intrinsics = camera(size)
        directions = functional.normalize(p["means"].detach() - torch.tensor([0.0, 0.0, DISTANCE]), dim=1)
        return rasterize(
            p["means"] + 1e-2 * position,
            p["raw_rotations"] + 1e-2 * rotation,
            functional.softplus(p["raw_scales"] + 1e-2 * scale),
            torch.sigmoid(p["raw_opacities"]),
            colours(p["colours"], directions),
            world_to_cam,
            intrinsics,
            size,
            size,
            background=torch.tensor([0.1, 0.2, 0.3]),
        ).features


def camera(size: int) -> tuple[Tensor, Tensor]:
    """A camera that faces the head (1, 4, 4) and its intrinsics (1, 3, 3)."""
    world_to_cam = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))
    world_to_cam[2, 3] = DISTANCE
    focal = 2.2 * size
    return world_to_cam[None], torch.tensor([[[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1.0]]])


def plain_ssim(image: Tensor, target: Tensor) -> Tensor:
    """As most training code has it: five depthwise convolutions with the full 11 x 11 window."""
    channels = image.shape[-1]
    taps = torch.exp(-((torch.arange(11.0) - 5) ** 2) / 4.5)
    taps = taps / taps.sum()
    window = (taps[:, None] * taps[None]).expand(channels, 1, 11, 11).contiguous()
    a, b = image.permute(0, 3, 1, 2).contiguous(), target.permute(0, 3, 1, 2).contiguous()
    mean_a, mean_b, aa, bb, ab = (
        functional.conv2d(x, window, padding=5, groups=channels) for x in (a, b, a * a, b * b, a * b)
    )
    variances = aa - mean_a**2 + bb - mean_b**2
    likeness = (2 * mean_a * mean_b + 1e-4) * (2 * (ab - mean_a * mean_b) + 9e-4)
    return (likeness / ((mean_a**2 + mean_b**2 + 1e-4) * (variances + 9e-4))).mean()


def time_pieces(pieces: list[Piece], rounds: int) -> dict[str, Piece]:
    for piece in pieces:  # compiles, and fills the caches
        piece.run()
        piece.forward_ms, piece.backward_ms = math.inf, 0.0
    for _ in range(rounds):
        for piece in pieces:
            piece.run()
    return {piece.name: piece for piece in pieces}


def point_pieces(head: Head) -> list[Piece]:
    """What works on points and weights, whatever the size of the picture."""
    p = head.parameters
    frozen = p["means"].detach()
    rows = torch.randn(COUNT, 74, generator=torch.Generator().manual_seed(1), requires_grad=True)
    to_grid, to_mlp = torch.ones(COUNT, 36), torch.ones(COUNT, 10)
    directions = functional.normalize(frozen, dim=1)

    def step(optimiser: torch.optim.Adam) -> Callable[[], Tensor]:
        def run() -> Tensor:
            for tensor in p.values():
                tensor.grad = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
            optimiser.step()
            return frozen

        return run

    return [
        Piece("grid", lambda: encode_triplane(frozen, p["tables"], SHAPE), to_grid),
        Piece("grid, torch gather", lambda: encode_triplane(frozen, p["tables"], SHAPE, "reference"), to_grid),
        Piece("grid and points", lambda: encode_triplane(p["means"], p["tables"], SHAPE), to_grid),
        Piece("grid and points, torch gather", lambda: encode_triplane(p["means"], p["tables"], SHAPE, "reference")),
        Piece("mlp 74-64-64-10", lambda: mlp(rows, head.decoder()), to_mlp),
        Piece("mlp, plain torch", lambda: mlp(rows, head.decoder(), backend="reference"), to_mlp),
        Piece("softplus (N, 3)", lambda: functional.softplus(p["raw_scales"])),
        Piece("normalize (N, 4)", lambda: functional.normalize(p["raw_rotations"], dim=1)),
        Piece("sigmoid (N,)", lambda: torch.sigmoid(p["raw_opacities"])),
        Piece("colours, degree 1", lambda: colours(p["colours"], directions)),
        Piece("Adam, fused", step(head.optimiser(fused=True))),
        Piece("Adam, foreach", step(head.optimiser(foreach=True))),
        Piece("Adam, for loop", step(head.optimiser(foreach=False))),
    ]


def picture_pieces(head: Head, size: int) -> list[Piece]:
    """What works on pictures of one size."""
    generator = torch.Generator().manual_seed(2)
    image = torch.rand(1, size, size, 3, generator=generator, requires_grad=True)
    target = torch.rand(1, size, size, 3, generator=generator)
    optimiser = head.optimiser(fused=True)

    def whole_step() -> Tensor:
        optimiser.zero_grad(set_to_none=True)
        photometric_loss(head.render(size), target).backward()
        optimiser.step()
        return target

    return [
        Piece("ssim", lambda: ssim(image, target)),
        Piece("ssim, torch 11x11", lambda: plain_ssim(image, target)),
        Piece("photometric loss", lambda: photometric_loss(image, target)),
        Piece("render", lambda: head.render(size), torch.rand(1, size, size, 3, generator=generator)),
        Piece("whole step", whole_step),
    ]


def show(pieces: dict[str, Piece]) -> None:
    for piece in pieces.values():
        print(f"  {piece.name:32s}{piece.forward_ms:9.2f}{piece.backward_ms:9.2f}{piece.total:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds at 256 pixels instead of 15 at 256 and 512")
    quick = parser.parse_args().quick
    rounds, sizes = (3, [256]) if quick else (15, [256, 512])
    head = Head.make(COUNT)
    print(f"{COUNT} Gaussians, processor milliseconds" + " " * 5 + "forward backward    both")
    with quiet_torch():
        points = time_pieces(point_pieces(head), rounds)
        show(points)
        print(f"  grid: {points['grid, torch gather'].total / points['grid'].total:.1f}x less than torch (wanted 5x)")
        for size in sizes:
            pictures = time_pieces(picture_pieces(head, size), rounds)
            print(f"{size} x {size}")
            show(pictures)
            ratio = pictures["ssim, torch 11x11"].total / pictures["ssim"].total
            wanted = {256: 60, 512: 120}[size]
            print(f"  ssim: {ratio:.1f}x less than torch (wanted 10x)")
            print(f"  whole step: {pictures['whole step'].total:.0f} ms (wanted at most {wanted})")


if __name__ == "__main__":
    main()
