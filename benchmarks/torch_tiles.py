"""The renderer to beat: plain torch autograd, tile by tile, with the reference's own maths."""

from __future__ import annotations

import torch
from torch import Tensor

from d3talker.ops.rasterize.reference import blend, project

_TILE = 16


def render_tiles(scene: dict[str, Tensor], width: int, height: int) -> tuple[Tensor, Tensor, Tensor]:
    """One camera: features (H, W, C), alpha (H, W) and expected depth (H, W)."""
    pose, intrinsics, opacities = scene["world_to_cam"][0], scene["intrinsics"][0], scene["opacities"]
    seen = project(
        scene["means"], scene["quats"], scene["scales"], opacities, pose, intrinsics, width, height, near=0.01
    )
    order = torch.argsort(seen.depths)
    order = order[seen.radii[order] > 0]
    boxes, centres, conics = seen.boxes[order], seen.centres[order], seen.conics[order]
    opacities = opacities[order]
    values = torch.cat([scene["features"], seen.depths[:, None]], dim=1)[order]
    bands = []
    for top in range(0, height, _TILE):
        bottom = min(height, top + _TILE)
        band = torch.nonzero((boxes[:, 2] < bottom) & (boxes[:, 3] > top))[:, 0]
        first, end = boxes[band, 0], boxes[band, 1]
        tiles = []
        for left in range(0, width, _TILE):
            right = min(width, left + _TILE)
            rows = torch.arange(top, bottom) + 0.5
            pixels = torch.stack(torch.meshgrid(torch.arange(left, right) + 0.5, rows, indexing="xy"), dim=-1)
            inside = band[(first < right) & (end > left)]
            if len(inside):
                blended, light = blend(
                    pixels.reshape(-1, 2), centres[inside], conics[inside], opacities[inside], values[inside]
                )
            else:
                blended, light = values.new_zeros(pixels[..., 0].numel(), values.shape[1]), pixels.new_ones(1)
            light = light.expand(len(blended))[:, None]
            tiles.append(torch.cat([blended, light], dim=1).reshape(bottom - top, right - left, -1))
        bands.append(torch.cat(tiles, dim=1))
    picture = torch.cat(bands)
    light = picture[..., -1]
    alpha = 1.0 - light
    depth = torch.where(alpha > 0, picture[..., -2] / alpha.clamp_min(1e-6), 0.0)
    return picture[..., :-2] + light[..., None] * scene["background"], alpha, depth
