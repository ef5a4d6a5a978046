"""What one training step costs on the CPU, piece by piece, and against plain torch.

    python -m benchmarks.training_step [--quick]

Times are processor milliseconds of all threads (user and system), the least of several interleaved rounds: unlike
wall time they hardly depend on what else the machine does. The scene is the shell of a head: 60 % of the picture
covered, Gaussians of 3 to 6 pixels at 512.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read once, when torch is imported

import torch  # noqa: E402
from torch import Tensor  # noqa: E402
from torch.nn import functional  # noqa: E402

from benchmarks.part import part_parser, run_part  # noqa: E402
from benchmarks.results import Kernel, Measured, Report, against, table  # noqa: E402
from benchmarks.timing import Piece, race  # noqa: E402
from benchmarks.training_head import COUNT, SHAPE, Head  # noqa: E402
from benchmarks.work import adam_work, grid_work, mlp_work, needed_pairs, rasterizer_work, ssim_work  # noqa: E402
from d3talker.config.method import D3TALKER  # noqa: E402
from d3talker.fields.deformation import DeformationField, Displacement  # noqa: E402
from d3talker.ops.grid import encode_triplane  # noqa: E402
from d3talker.ops.mlp import mlp  # noqa: E402
from d3talker.ops.photometric import photometric_loss, ssim  # noqa: E402
from d3talker.ops.pool import pool_of  # noqa: E402
from d3talker.ops.spherical_harmonics import colours  # noqa: E402
from d3talker.ops.threads import quiet_torch  # noqa: E402

GRID, SSIM = 5.0, 10.0  # times less CPU time than torch: wanted
STEP = {256: 45.0, 512: 85.0}  # CPU-ms, at most


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


def plain_field(field: DeformationField, points: Tensor, code: Tensor, expression: Tensor) -> Displacement:
    """The field as torch alone has it: gathers, products of whole matrices, what is signalled written down a point."""
    encoding = encode_triplane(points, field.tables, field.shape, "reference")
    assert field.signal_attention is not None
    assert field.expression_attention is not None
    heard = mlp(encoding, list(field.signal_attention), backend="reference") * code
    shown = torch.relu(mlp(encoding, list(field.expression_attention), backend="reference")) * field.mix(expression)
    rows = torch.cat([encoding, heard, shown], dim=1)
    return field.split(mlp(rows, [field.decoder[0], *field.later_layers()], backend="reference"))


def field_pieces(count: int) -> list[Piece]:
    """The method's General field of the face, whole, against torch alone."""
    generator = torch.Generator().manual_seed(3)
    field = DeformationField(D3TALKER.face.fields[0], generator)
    points = 0.1 * (torch.rand(count, 3, generator=generator) - 0.5)
    points.requires_grad_()
    code, expression = torch.randn(32, generator=generator), torch.rand(6, generator=generator)
    code.requires_grad_()
    learns = [points, code, *field.parameters()]

    def whole(displacement: Displacement) -> tuple[Tensor, ...]:
        assert displacement.rotation is not None
        assert displacement.scale is not None
        return displacement.position, displacement.rotation, displacement.scale

    return [
        Piece("field", lambda: whole(field(field.rest(points), code, expression)), learns),
        Piece("field, plain torch", lambda: whole(plain_field(field, points, code, expression)), learns),
    ]


def point_pieces(head: Head) -> list[Piece]:
    """What works on points and weights, whatever the size of the picture."""
    p = head.parameters
    learns = list(p.values())
    frozen = p["means"].detach()
    rows = torch.randn(COUNT, 74, generator=torch.Generator().manual_seed(1), requires_grad=True)
    directions = functional.normalize(frozen, dim=1)

    def step(optimiser: torch.optim.Adam) -> Callable[[], Tensor]:
        def run() -> Tensor:
            for tensor in learns:
                tensor.grad = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
            optimiser.step()
            return frozen

        return run

    def piece(name: str, forward: Callable[[], Tensor]) -> Piece:
        return Piece(name, forward, [*learns, rows])

    return [
        piece("grid", lambda: encode_triplane(frozen, p["tables"], SHAPE)),
        piece("grid, torch gather", lambda: encode_triplane(frozen, p["tables"], SHAPE, "reference")),
        piece("grid and points", lambda: encode_triplane(p["means"], p["tables"], SHAPE)),
        piece("grid and points, torch gather", lambda: encode_triplane(p["means"], p["tables"], SHAPE, "reference")),
        piece("mlp 74-64-64-10", lambda: mlp(rows, head.decoder())),
        piece("mlp, plain torch", lambda: mlp(rows, head.decoder(), backend="reference")),
        *field_pieces(COUNT),
        piece("softplus (N, 3)", lambda: functional.softplus(p["raw_scales"])),
        piece("normalize (N, 4)", lambda: functional.normalize(p["raw_rotations"], dim=1)),
        piece("sigmoid (N,)", lambda: torch.sigmoid(p["raw_opacities"])),
        piece("colours, degree 1", lambda: colours(p["colours"], directions)),
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
        Piece("ssim", lambda: ssim(image, target), [image]),
        Piece("ssim, torch 11x11", lambda: plain_ssim(image, target), [image]),
        Piece("photometric loss", lambda: photometric_loss(image, target), [image]),
        Piece("render", lambda: head.render(size), list(head.parameters.values())),
        Piece("whole step", whole_step),
    ]


def step_kernels(head: Head, points: dict[str, Piece], pictures: dict[str, Piece], size: int) -> list[Kernel]:
    """What :func:`point_pieces` and :func:`picture_pieces` took on one thread, and the least they must do."""
    ours = DeformationField(D3TALKER.face.fields[0], torch.Generator().manual_seed(3))
    decoder = mlp_work(COUNT, (74, 64, 64, 10))
    grid, moved_grid = grid_work(COUNT, SHAPE), grid_work(COUNT, SHAPE, points_learn=True)
    with torch.no_grad():
        pairs = needed_pairs(head.scene(size), size)
    blended, loss, alone = rasterizer_work(pairs, COUNT, size), ssim_work(size, difference=True), ssim_work(size)
    learned = sum(tensor.numel() for tensor in head.parameters.values())
    coded = mlp_work(COUNT, (3 * SHAPE.levels, 64, 64, 10))
    step = sum((part for both in (moved_grid, coded, blended, loss) for part in both), adam_work(learned))

    def both(name: str, piece: Piece, work: tuple) -> list[Kernel]:
        return [
            Kernel(f"{name} forward", piece.ahead.least, work[0]),
            Kernel(f"{name} backward", piece.back.least, work[1]),
        ]

    ssim_told = pictures["ssim"]
    return [
        *both(f"grid and points, {COUNT:,}", points["grid and points"], moved_grid),
        Kernel(f"grid alone, {COUNT:,}, both ways", points["grid"].least, grid[0] + grid[1]),
        *both(f"MLP 74-64-64-10, {COUNT:,}", points["mlp 74-64-64-10"], decoder),
        *both(f"field, {COUNT:,}", points["field"], field_work(ours, COUNT)),
        Kernel(f"SSIM, both ways, {size}", ssim_told.least, alone[0] + alone[1]),
        Kernel("Adam, fused", points["Adam, fused"].least, adam_work(learned)),
        Kernel(f"whole training step, {COUNT:,} at {size}", pictures["whole step"].least, step),
    ]


def field_work(field: DeformationField, count: int) -> tuple:
    """Of a field with both attentions, whose points learn: grid, two small perceptrons, the decoder."""
    levels, (outputs, hidden) = 3 * field.settings.levels, field.decoder[-1].shape
    widths = ((levels, 32, 32), (levels, 16, 6), (levels + 38, hidden, hidden, outputs))
    parts = [grid_work(count, field.shape, points_learn=True), *(mlp_work(count, layers) for layers in widths)]
    forward, backward = parts[0]
    for ahead, back in parts[1:]:
        forward, backward = forward + ahead, backward + back
    return forward, backward


def detail_rows(pieces: dict[str, Piece], where: str = "") -> list[list[str]]:
    """Of the table with all pieces."""
    return [
        [piece.name + where, *(f"{ms:.2f}" for ms in (piece.ahead.least, piece.back.least, piece.least, piece.median))]
        for piece in pieces.values()
    ]


def measure(options: Any) -> Report:
    """At 256 and 512; ``quick`` at 256 alone."""
    rounds, sizes = (3, [256]) if options.quick else (15, [256, 512])
    head, report = Head.make(COUNT), Report()
    with quiet_torch():
        points = race(point_pieces(head), rounds)
        for name, other, target in (
            ("grid", "grid, torch gather", GRID),
            ("grid and points", "grid and points, torch gather", GRID),
            ("mlp 74-64-64-10", "mlp, plain torch", None),
            ("field", "field, plain torch", None),
        ):
            ours, theirs = points[name].least, points[other].least
            report.measured.append(against(f"{name} F + B, {COUNT:,} points", ours, other, theirs, target))
        rows = detail_rows(points)
        for size in sizes:
            pictures = race(picture_pieces(head, size), rounds)
            ours, theirs = pictures["ssim"].least, pictures["ssim, torch 11x11"].least
            report.measured.append(against(f"fused SSIM F + B, {size}", ours, "torch 11x11", theirs, SSIM))
            whole = pictures["whole step"]
            step = f"whole training step, {COUNT:,} Gaussians, {size}", whole.least, "CPU-ms"
            note = f"median {whole.median:.0f}, wall {whole.median_wall:.0f}"
            report.measured.append(Measured(*step, target=STEP[size], note=note))
            rows += detail_rows(pictures, f", {size}")
        if not options.quick:
            with pool_of(1):
                alone = race(point_pieces(head), rounds // 2), race(picture_pieces(head, 256), rounds // 2)
            report.kernels = step_kernels(head, *alone, 256)
    told = f"{COUNT:,} Gaussians, CPU-ms of all threads, the least of {rounds} rounds and the median:"
    report.notes = [told, "", table(["piece", "forward", "backward", "both", "median"], rows)]
    return report


def main() -> None:
    run_part(part_parser("training_step", __doc__).parse_args(), measure)


if __name__ == "__main__":
    main()
