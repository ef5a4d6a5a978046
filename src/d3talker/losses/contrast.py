"""What pulls general and individual motion apart while several people are learnt at once.

All displacements are answers to the same signal at the same points. To keep the points themselves out of it, let the
fields see them detached.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

FLOOR = 1e-5
"""Root mean square displacement in metres below which a field counts as at rest: 1e-3 of the decoder's unit."""
LIP_RADIUS = 0.04
"""Metres from the middle of the lips within which a point belongs to the lips and their neighbourhood."""


def negative_contrast(own: Tensor, others: Tensor, unit: float = 1.0) -> Tensor:
    """How much one individual field moves like those of other people (InsTaG, eq. 6 and 7).

    ``max(0, own . other)``, the mean over points, summed over the others.

    Args:
        own: (N, 3) metres, N >= 1.
        others: (K, N, 3) metres; they get no gradient. 0 for K = 0.
        unit: metres a unit of length of the result, which is in units squared. In metres a mean of parallel motions of
            1 mm is 1e-6, next to nothing beside a photometric loss; with 1e-3 it is 1.
    """
    products = (own / unit * (others.detach() / unit)).sum(dim=-1)
    return functional.relu(products).mean(dim=-1).sum()


def similarity_contrast(
    general: Tensor,
    individuals: Tensor | Sequence[Tensor],
    positive: int,
    temperature: float = 0.1,
    floor: float = FLOOR,
) -> Tensor:
    """How well the person can be told from the general motion (D3-Talker, eq. 10): cross entropy over the people.

    The similarity is one :func:`cosine` of all points together. The mean of cosines of single points would get nearly
    all of its gradient from the points that stand still.

    Args:
        general: (N, 3) metres, the general field's displacement.
        individuals: I displacements (N, 3) metres. Only the one of ``positive`` gets a gradient; the others are best
            computed without one.
        positive: who speaks.
        temperature: > 0; the logits are cosines divided by it.
        floor: metres, > 0; see :func:`cosine`.

    Returns:
        A scalar >= 0; ln I if all individual fields are alike.
    """
    fields = [individual.detach() for individual in individuals]
    fields[positive] = individuals[positive]
    logits = cosine(general, torch.stack(fields), floor) / temperature
    return logits.logsumexp(dim=0) - logits[positive]


def cosine(general: Tensor, individual: Tensor, floor: float = FLOOR) -> Tensor:
    """The cosine (..) of displacements (.., N, 3) taken as vectors of 3 N numbers, so that large motions count most.

    A field whose root mean square is below ``floor`` metres is divided by the floor instead: its cosine fades to 0,
    and its gradient stays bounded.
    """
    least = floor * math.sqrt(general.shape[-2])
    first, second = (functional.normalize(field.flatten(-2), dim=-1, eps=least) for field in (general, individual))
    return (first * second).sum(dim=-1)


def magnitude_ratio(individual: Tensor, general: Tensor, floor: float = FLOOR) -> Tensor:
    """The size (..) of the individual displacement (.., N, 3) in parts of the general one; 0.1 to 0.4 is healthy.

    Root mean squares over the points; the general one counts as ``floor`` metres or more.
    """
    least = floor * math.sqrt(general.shape[-2])
    return individual.flatten(-2).norm(dim=-1) / general.flatten(-2).norm(dim=-1).clamp(min=least)


def sample_points(points: Tensor, lips: Tensor, generator: torch.Generator, count: int = 2048) -> Tensor:
    """Chooses points to contrast, half of them about the lips.

    Args:
        points: (N, 3) metres.
        lips: the middle of the lips (3,) in metres, whose neighbourhood is :data:`LIP_RADIUS` wide, or that
            neighbourhood itself as a mask (N,) of bools.
        generator: of random numbers.
        count: how many. If one half of the face has too few points, the other one fills up.

    Returns:
        Indices (min(count, N),), none twice, on the device of ``points``.
    """
    if len(points) <= count:
        return torch.arange(len(points), device=points.device)
    near = lips if lips.dtype == torch.bool else (points.detach() - lips).norm(dim=-1) < LIP_RADIUS
    order = torch.randperm(len(points), generator=generator, device=generator.device).to(points.device)
    inside, outside = order[near[order]], order[~near[order]]
    from_inside = max(min(count // 2, len(inside)), count - len(outside))
    return torch.cat([inside[:from_inside], outside[: count - from_inside]])
