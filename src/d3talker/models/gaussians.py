"""A cloud of 3D Gaussians with learnable raw parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from d3talker.fields.deformation import Displacement
from d3talker.losses.geometry import gaussian_normals
from d3talker.ops.rasterize import Rendered, rasterize
from d3talker.ops.spherical_harmonics import colours, to_degree0

PARAMETERS = ("means", "raw_scales", "raw_rotations", "raw_opacities", "colour", "colour_detail")
"""Names of the learnable tensors, first dimension N each."""


class Gaussians(nn.Module):
    """N Gaussians at rest in the head frame.

    ``means`` (N, 3) metres; ``raw_scales`` (N, 3), softplus gives metres; ``raw_rotations`` (N, 4) wxyz, not
    normalised; ``raw_opacities`` (N,), sigmoid; ``colour`` (N, 1, 3) and ``colour_detail`` (N, K - 1, 3) are spherical
    harmonics of degree 0 and above.
    """

    means: nn.Parameter
    raw_scales: nn.Parameter
    raw_rotations: nn.Parameter
    raw_opacities: nn.Parameter
    colour: nn.Parameter
    colour_detail: nn.Parameter

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        for name in PARAMETERS:
            self.register_parameter(name, nn.Parameter(tensors[name]))

    def __len__(self) -> int:
        return len(self.means)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return self.means.device

    @property
    def scales(self) -> Tensor:
        """Standard deviations along the axes (N, 3) in metres."""
        return functional.softplus(self.raw_scales)

    @property
    def opacities(self) -> Tensor:
        """(N,) in (0, 1)."""
        return torch.sigmoid(self.raw_opacities)

    def seen_from(self, centre: Tensor, change: Tensor | None = None) -> Tensor:
        """Colours (N, 3), at least 0, seen from a camera ``centre`` (3,) in the head frame.

        ``change`` (N, 3) is added to the constant part.
        """
        directions = functional.normalize(self.means.detach() - centre, dim=-1)
        colour = self.colour if change is None else self.colour + change[:, None]
        return colours(torch.cat([colour, self.colour_detail], dim=1), directions)


def start_gaussians(points: Tensor, rgb: Tensor, spacing: Tensor, degree: int, opacity: float = 0.1) -> Gaussians:
    """Round Gaussians at ``points`` (N, 3) metres with ``rgb`` (N, 3) in [0, 1] and sizes ``spacing`` (N,) metres."""
    count = len(points)
    rotations = torch.zeros(count, 4, dtype=points.dtype, device=points.device)
    rotations[:, 0] = 1.0
    return Gaussians(
        {
            "means": points.clone(),
            "raw_scales": inverse_softplus(spacing)[:, None].repeat(1, 3),
            "raw_rotations": rotations,
            "raw_opacities": torch.full_like(spacing, opacity).logit(),
            "colour": to_degree0(rgb)[:, None, :],
            "colour_detail": torch.zeros(count, (degree + 1) ** 2 - 1, 3, dtype=points.dtype, device=points.device),
        }
    )


def inverse_softplus(values: Tensor) -> Tensor:
    """The raw value whose softplus is ``values`` > 0; for small values this is nearly the logarithm."""
    return values + torch.log(-torch.expm1(-values))


@dataclass(frozen=True)
class _Moved:
    """A cloud where a displacement took it, as the rasterizer wants it."""

    means: Tensor
    rotations: Tensor
    scales: Tensor
    opacities: Tensor
    colour_change: Tensor | None


def _moved(gaussians: Gaussians, displacement: Displacement | None) -> _Moved:
    means: Tensor = gaussians.means
    rotations: Tensor = gaussians.raw_rotations
    raw_scales: Tensor = gaussians.raw_scales
    raw_opacities: Tensor = gaussians.raw_opacities
    colour = None
    if displacement is not None:
        means = means + displacement.position
        rotations = rotations if displacement.rotation is None else rotations + displacement.rotation
        raw_scales = raw_scales if displacement.scale is None else raw_scales + displacement.scale
        raw_opacities = raw_opacities if displacement.opacity is None else raw_opacities + displacement.opacity
        colour = displacement.colour
    return _Moved(means, rotations, functional.softplus(raw_scales), torch.sigmoid(raw_opacities), colour)


def draw(
    gaussians: Gaussians,
    displacement: Displacement | None,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    resolution: int,
    background: Tensor | None = None,
    screen_probe: Tensor | None = None,
) -> Rendered:
    """Renders the cloud, moved by ``displacement``, from one camera (4, 4), (3, 3) as a square of ``resolution``.

    The three colour channels lie over ``background`` (3,) or (1, R, R, 3); over black they are premultiplied.
    """
    moved = _moved(gaussians, displacement)
    centre = -world_to_cam[:3, :3].T @ world_to_cam[:3, 3]
    shown = gaussians.seen_from(centre, moved.colour_change)
    return _rasterized(moved, shown, world_to_cam, intrinsics, resolution, background, screen_probe)


def painted_pixels(
    gaussians: Gaussians,
    displacement: Displacement | None,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    resolution: int,
) -> Tensor:
    """How many pixels' worth each Gaussian (N,) paints in the picture that :func:`draw` gives.

    What it adds to a pixel is its weight times its colour, so the gradient of the picture's sum to colours tells.
    """
    with torch.no_grad():
        moved = _moved(gaussians, displacement)
    colour = moved.means.new_zeros(len(gaussians), 3, requires_grad=True)
    with torch.enable_grad():
        picture = _rasterized(moved, colour, world_to_cam, intrinsics, resolution).features
        (pixels,) = torch.autograd.grad(picture[..., 0].sum(), colour)
    return pixels[:, 0]


def draw_together(
    clouds: Sequence[tuple[Gaussians, Displacement]], world_to_cam: Tensor, intrinsics: Tensor, resolution: int
) -> Rendered:
    """As :func:`draw` over black of K clouds, each a picture of its own, in one call of the rasterizer.

    The smaller ones are filled up with Gaussians of opacity 0, which no backend draws.
    """
    centre = -world_to_cam[:3, :3].T @ world_to_cam[:3, 3]
    parts = []
    for gaussians, displacement in clouds:
        moved = _moved(gaussians, displacement)
        shown = gaussians.seen_from(centre, moved.colour_change)
        parts.append((moved.means, moved.rotations, moved.scales, moved.opacities, shown))
    means, rotations, scales, opacities, shown = (
        pad_sequence(list(part), batch_first=True) for part in zip(*parts, strict=True)
    )
    return rasterize(
        means,
        rotations,
        scales,
        opacities,
        shown,
        world_to_cam.expand(len(clouds), 4, 4),
        intrinsics.expand(len(clouds), 3, 3),
        resolution,
        resolution,
    )


def draw_normals(
    gaussians: Gaussians,
    displacement: Displacement | None,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    resolution: int,
) -> Tensor:
    """The normals (1, R, R, 3) of the cloud in the camera frame, blended as colours are, not normalised."""
    moved = _moved(gaussians, displacement)
    normals = gaussian_normals(moved.rotations, moved.scales, moved.means, world_to_cam)
    still = {name: getattr(moved, name).detach() for name in ("means", "scales", "opacities")}
    return _rasterized(replace(moved, **still), normals, world_to_cam, intrinsics, resolution).features


def _rasterized(
    moved: _Moved,
    features: Tensor,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    resolution: int,
    background: Tensor | None = None,
    screen_probe: Tensor | None = None,
) -> Rendered:
    """One cloud with ``features`` (N, C) from one camera."""
    return rasterize(
        moved.means,
        moved.rotations,
        moved.scales,
        moved.opacities,
        features,
        world_to_cam[None],
        intrinsics[None],
        resolution,
        resolution,
        background=background,
        screen_probe=screen_probe,
    )
