"""The least that each kernel must compute and move, counted by hand; a product that is added counts two operations.

Counts follow the cheapest known way to the result, as the kernels' own formulas have it, without what a kernel does
besides (spans wider than an ellipse, halos of a band computed twice, copies between layouts). Comparisons, selects and
conversions count one each, a division and a square root one too, though they take longer. Numbers are float32 of 4
bytes. Bytes are what goes in and comes out, once: what a cache keeps between two walks of one kernel is free.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.results import Work
from d3talker.ops.grid import GridShape
from d3talker.ops.rasterize.reference import MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE, project

_FLOAT = 4  # bytes
_PICTURE = 3 + 1 + 1  # colours, alpha and depth of a pixel
_GAUSSIAN = 3 + 4 + 3 + 1 + 3  # mean, quaternion, scales, opacity and colour

# Of a Gaussian that covers a pixel, forward: offsets 2, the quadratic form and the opacity's logarithm 8, the
# exponential 12 (a polynomial of degree 4 and four squarings), limits of alpha 2, light offered and left 2, whether the
# pixel still lives 1, four channels (three colours and depth) 8.
_BLEND = 35
# Backward: the same walk without the channels 27, the channels times their gradients 7, what is behind 2, the slope 4,
# its product with alpha 1, six sums for mean and shape 11, four for the channels 8.
_UNBLEND = 60
# Of a Gaussian: to the camera 18, rotation matrix 30, times scales 9, the local map 8 and with it 18 + 30, covariance
# 9, its inverse 6, centre 4, reach 8; backward about twice that.
_PROJECT, _UNPROJECT = 140, 280

# Of a point on one level of one plane: place in the table 4, the two parts of a cell 4, three linear mixes 9.
_GRID = 17
# Backward: place and parts 8, weights of four corners 6, adding them 4.
_GRID_TO_TABLES = 18
# Place and parts 8, four differences and two mixes 10, times gradient and scale and added 5.
_GRID_TO_POINTS = 23

_TAPS = 11
# Of a value of a picture: four moments (means of both, squares, product) of 11 rows 10 each, blurred along the row
# 4 x 22, the similarity 17.
_SSIM = 10 * _TAPS + 4 * 2 * _TAPS + 17
# Derivatives by three moments 24, each blurred both ways 22 + 22, combined 4.
_SSIM_BACK = 24 + 3 * 2 * 2 * _TAPS + 4
_DIFFERENCE, _DIFFERENCE_BACK = 3, 4

_ADAM = 12  # two momenta 3 + 4, the root and its bias 3, the step 2


def rasterizer_work(pairs: int, count: int, size: int) -> tuple[Work, Work]:
    """Forward and backward of ``count`` Gaussians and ``pairs`` of :func:`needed_pairs` on a square of ``size``."""
    picture, cloud = _PICTURE * size**2, _GAUSSIAN * count
    forward = Work(_BLEND * pairs + _PROJECT * count, _FLOAT * (cloud + picture))
    return forward, Work(_UNBLEND * pairs + _UNPROJECT * count, _FLOAT * (2 * cloud + 2 * picture))


def needed_pairs(scene: dict[str, Tensor], size: int) -> int:
    """How many pixels all Gaussians colour: alpha is 1/255 or more, and light is left."""
    camera = scene["world_to_cam"][0], scene["intrinsics"][0], size, size
    with torch.no_grad():
        shapes = (scene[name] for name in ("means", "quats", "scales", "opacities"))
        seen = project(*shapes, *camera, near=0.01)
    order = torch.argsort(seen.depths, stable=True)
    order = order[seen.radii[order] > 0]
    told = (seen.centres, seen.conics, seen.boxes, scene["opacities"])
    centres, conics, boxes, opacities = (tensor[order].detach().numpy() for tensor in told)
    light, grid, pairs = np.ones((size, size), np.float32), np.arange(size, dtype=np.float32) + np.float32(0.5), 0
    for centre, (xx, xy, yy), (left, right, top, bottom), opacity in zip(
        centres, conics, boxes, opacities, strict=True
    ):
        dx, dy = grid[left:right] - centre[0], (grid[top:bottom] - centre[1])[:, None]
        falloff = (0.5 * xx * dx * dx + xy * dy * dx) + 0.5 * yy * dy * dy
        alpha = np.minimum(opacity * np.exp(-falloff), MAX_ALPHA)
        here = light[top:bottom, left:right]
        after = here * (1 - alpha)
        covered = (alpha >= MIN_ALPHA) & (here > 0)
        alive = covered & (after > MIN_TRANSMITTANCE)
        pairs += int(alive.sum())
        here[...] = np.where(alive, after, np.where(covered, 0.0, here))
    return pairs


def grid_work(count: int, shape: GridShape, points_learn: bool = False) -> tuple[Work, Work]:
    """Forward and backward of ``count`` points on three planes."""
    cells, tables, features = 3 * shape.levels * count, 3 * shape.size, 3 * shape.levels * count
    forward = Work(_GRID * cells, _FLOAT * (3 * count + tables + features))
    back = Work(_GRID_TO_TABLES * cells, _FLOAT * (3 * count + features + tables))
    return forward, back + Work(_GRID_TO_POINTS * cells, _FLOAT * (tables + 3 * count)).times(points_learn)


def mlp_work(count: int, widths: Sequence[int], rows_learn: bool = True, keep: bool = True) -> tuple[Work, Work]:
    """Forward and backward of ``count`` rows through layers of these widths, without what activations take.

    Backward has a product for the weights and one for the rows of each layer; the first layer has the second only where
    its rows learn. Inner layers are written and read for it; without ``keep`` they never leave the cache.
    """
    products = [2 * count * a * b for a, b in zip(widths[:-1], widths[1:], strict=True)]
    weights = sum(a * b for a, b in zip(widths[:-1], widths[1:], strict=True))
    inputs, outputs, kept = widths[0] * count, widths[-1] * count, sum(widths[1:-1]) * count * keep
    forward = Work(sum(products), _FLOAT * (inputs + weights + outputs + kept))
    operations = 2 * sum(products) - (0 if rows_learn else products[0])
    moved = inputs + kept + outputs + 2 * weights + (inputs if rows_learn else 0)
    return forward, Work(operations, _FLOAT * moved)


def ssim_work(size: int, channels: int = 3, difference: bool = False) -> tuple[Work, Work]:
    """Forward and backward of a square picture; with ``difference`` the absolute one is told too."""
    values = channels * size**2
    ahead, back = _SSIM + _DIFFERENCE * difference, _SSIM_BACK + _DIFFERENCE_BACK * difference
    return Work(ahead * values, _FLOAT * 2 * values), Work(back * values, _FLOAT * values)


def adam_work(numbers: int) -> Work:
    """A step for so many learned numbers: reads value, gradient and momenta, writes all but the gradient."""
    return Work(_ADAM * numbers, _FLOAT * 7 * numbers)


@torch.no_grad()
def network_work(network: nn.Module, *inputs: Tensor, int8: bool = False) -> Work:
    """Of the convolutions and linear layers of a network for these inputs, counted as it runs.

    Bytes are those of what goes in, what comes out, and the weights; with ``int8`` convolutions of 3 x 3 and more are
    in 8 bits, as ``models.refiner.int8`` has them.
    """
    seen = Work(bytes=_FLOAT * sum(tensor.numel() for tensor in inputs))

    def note(layer: nn.Conv2d | nn.Linear, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal seen
        weights = layer.weight.numel()
        operations = 2 * weights * output.numel() / output.shape[1]
        if int8 and isinstance(layer, nn.Conv2d) and min(layer.kernel_size) > 1:
            seen = seen + Work(int8=operations, bytes=weights)
        else:
            seen = seen + Work(float32=operations, bytes=_FLOAT * weights)

    layers = [part for part in network.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        output = network(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return seen + Work(bytes=_FLOAT * output.numel())
