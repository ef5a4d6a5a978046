"""The oracle: per-pixel blending of all Gaussians in plain torch, any dtype, any device, differentiable everywhere.

Equations: 3D Gaussian splatting (Kerbl et al. 2023), section 4 and appendix A, with gsplat's conventions.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from d3talker.ops.rasterize.rendered import Rendered

BLUR = 0.3  # pixels squared added to a projected covariance: nothing is thinner than a pixel
FRUSTUM_MARGIN = 0.15  # part of the picture beyond each edge in which the projection is linearised where it is
MIN_ALPHA = 1.0 / 255.0
MAX_ALPHA = 0.99
MIN_TRANSMITTANCE = 1e-4
_PIXELS_AT_ONCE = 2048


@dataclass(frozen=True)
class Projected:
    """What N Gaussians look like on one picture."""

    centres: Tensor
    """(N, 2) pixels."""
    conics: Tensor
    """(N, 3) xx, xy, yy of the inverse covariance, 1 / pixels squared."""
    depths: Tensor
    """(N,) camera z, metres."""
    boxes: Tensor
    """(N, 4) int64 first column, end column, first row, end row of the pixels in which alpha can reach 1/255."""
    radii: Tensor
    """(N,) int32 pixels: three standard deviations of the longer axis, 0 where the box is empty."""


def project(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    world_to_cam: Tensor,
    intrinsics: Tensor,
    width: int,
    height: int,
    near: float,
    probe: Tensor | None = None,
) -> Projected:
    """Projects N Gaussians into one camera; see :func:`d3talker.ops.rasterize.rasterize` for the arguments."""
    rotation, translation = world_to_cam[:3, :3], world_to_cam[:3, 3]
    x, y, z = (means @ rotation.T + translation).unbind(-1)
    depths = z
    in_front = depths >= near
    z = torch.where(in_front, z, torch.ones_like(z))

    focal_x, focal_y, centre_x, centre_y = intrinsics[0, 0], intrinsics[1, 1], intrinsics[0, 2], intrinsics[1, 2]
    margin_x, margin_y = FRUSTUM_MARGIN * width / focal_x, FRUSTUM_MARGIN * height / focal_y
    slope_x = (x / z).clamp(-centre_x / focal_x - margin_x, (width - centre_x) / focal_x + margin_x)
    slope_y = (y / z).clamp(-centre_y / focal_y - margin_y, (height - centre_y) / focal_y + margin_y)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [focal_x / z, zero, -focal_x * slope_x / z, zero, focal_y / z, -focal_y * slope_y / z], dim=-1
    ).reshape(-1, 2, 3)
    spread = jacobian @ rotation @ (rotation_matrices(quats) * scales[:, None, :])
    covariance = spread @ spread.transpose(1, 2)
    xx, xy, yy = covariance[:, 0, 0] + BLUR, covariance[:, 0, 1], covariance[:, 1, 1] + BLUR
    determinant = (xx * yy - xy * xy).clamp_min(1e-10)
    conics = torch.stack([yy, -xy, xx], dim=-1) / determinant[:, None]

    centres = torch.stack([focal_x * x / z + centre_x, focal_y * y / z + centre_y], dim=-1)
    if probe is not None:
        centres = centres + probe
    with torch.no_grad():
        drawable = in_front & (opacities >= MIN_ALPHA)
        reach = (2.0 * (255.0 * opacities.clamp_min(MIN_ALPHA)).log())[:, None] * torch.stack([xx, yy], dim=-1)
        boxes = _pixel_boxes(centres, reach.clamp_min(0.0).sqrt(), width, height)
        drawable &= (boxes[:, 0] < boxes[:, 1]) & (boxes[:, 2] < boxes[:, 3])
        half_trace = 0.5 * (xx + yy)
        longest = half_trace + (half_trace * half_trace - determinant).clamp_min(0.0).sqrt()
        radii = torch.where(drawable, (3.0 * longest.sqrt()).ceil(), zero).to(torch.int32)
        boxes = torch.where(drawable[:, None], boxes, torch.zeros_like(boxes))
    return Projected(centres, conics, depths, boxes, radii)


def rotation_matrices(quats: Tensor) -> Tensor:
    """(N, 4) quaternions w, x, y, z of any length -> (N, 3, 3)."""
    w, x, y, z = (quats / quats.norm(dim=-1, keepdim=True).clamp_min(1e-12)).unbind(-1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=-1).reshape(-1, 3, 3)


def _pixel_boxes(centres: Tensor, reach: Tensor, width: int, height: int) -> Tensor:
    end = torch.tensor([width, height], dtype=centres.dtype, device=centres.device)
    first = (centres - reach - 0.5).ceil().clamp_min(0.0).minimum(end)
    last = ((centres + reach - 0.5).floor() + 1.0).clamp_min(0.0).minimum(end)
    return torch.stack([first[:, 0], last[:, 0], first[:, 1], last[:, 1]], dim=-1).nan_to_num(0.0).long()


def blend(pixels: Tensor, centres: Tensor, conics: Tensor, opacities: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Blends Gaussians, nearest first, at some pixels.

    Args:
        pixels: (P, 2) pixel centres.
        centres: (N, 2) pixels, in the order of depth.
        conics: (N, 3) see :class:`Projected`.
        opacities: (N,).
        values: (N, C) what each Gaussian shows.

    Returns:
        (P, C) weighted sums and (P,) what is left of the light.
    """
    dx, dy = (pixels[:, None, :] - centres[None, :, :]).unbind(-1)
    falloff = 0.5 * (conics[:, 0] * dx * dx + conics[:, 2] * dy * dy) + conics[:, 1] * dx * dy
    alpha = (opacities * torch.exp(-falloff)).clamp_max(MAX_ALPHA)
    alpha = torch.where(alpha >= MIN_ALPHA, alpha, torch.zeros_like(alpha))
    with torch.no_grad():  # the Gaussian that would use up the light is left out, and all behind it
        alive = (1.0 - alpha).cumprod(dim=1) > MIN_TRANSMITTANCE
    alpha = torch.where(alive, alpha, torch.zeros_like(alpha))
    after = (1.0 - alpha).cumprod(dim=1)
    before = torch.cat([torch.ones_like(after[:, :1]), after[:, :-1]], dim=1)
    return (alpha * before) @ values, after[:, -1]


def rasterize_reference(
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
    pictures = []
    for b in range(world_to_cam.shape[0]):
        probe = None if screen_probe is None else screen_probe[b]
        seen = project(
            *(means[b], quats[b], scales[b], opacities[b], world_to_cam[b], intrinsics[b], width, height, near, probe)
        )
        order = torch.argsort(seen.depths, stable=True)
        order = order[seen.radii[order] > 0]
        values = torch.cat([features[b], seen.depths[:, None]], dim=-1)
        blended, left = _blend_picture(seen, order, opacities[b], values, width, height)
        alpha = (1.0 - left).reshape(height, width)
        blended = blended.reshape(height, width, values.shape[1])
        hit = alpha > 0
        depth = torch.where(hit, blended[..., -1] / torch.where(hit, alpha, torch.ones_like(alpha)), 0.0)
        pictures.append((blended[..., :-1], alpha, depth, seen.radii))
    shown, alphas, all_depths, all_radii = (torch.stack(parts) for parts in zip(*pictures, strict=True))
    if background is not None:
        shown = shown + (1.0 - alphas)[..., None] * background
    return Rendered(shown, alphas, all_depths, all_radii)


def _blend_picture(
    seen: Projected, order: Tensor, opacities: Tensor, values: Tensor, width: int, height: int
) -> tuple[Tensor, Tensor]:
    """Blends bands of rows, each with all Gaussians that reach its rows (and one row more, against rounding)."""
    rows_at_once = max(1, _PIXELS_AT_ONCE // width)
    columns = torch.arange(width, device=values.device).to(values) + 0.5
    blended, left = [], []
    for top in range(0, height, rows_at_once):
        bottom = min(height, top + rows_at_once)
        near = order[(seen.boxes[order, 2] <= bottom) & (seen.boxes[order, 3] >= top)]
        rows = torch.arange(top, bottom, device=values.device).to(values) + 0.5
        pixels = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1).reshape(-1, 2)
        if len(near):
            band = blend(pixels, seen.centres[near], seen.conics[near], opacities[near], values[near])
        else:
            band = values.new_zeros(len(pixels), values.shape[1]), values.new_ones(len(pixels))
        blended.append(band[0])
        left.append(band[1])
    return torch.cat(blended), torch.cat(left)
