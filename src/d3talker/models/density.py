"""Density control: Gaussians multiply where the picture asks for detail and vanish where they do nothing.

After Kerbl et al. 2023 as TalkingGaussian runs it (spec 1, section 2.3), with three repairs: the extent is fixed, the
number of Gaussians is bounded, and every choice is a computation over index sets, so that nothing can loop for ever.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from d3talker.config.training import DensitySettings
from d3talker.models.gaussians import PARAMETERS, Gaussians, inverse_softplus
from d3talker.ops.quaternion import to_matrix


def regroup(gaussians: Gaussians, optimiser: torch.optim.Optimizer, source: Tensor, fresh: Tensor) -> None:
    """Replaces the cloud by rows ``source`` (M,) of itself, in place; ``fresh`` (M,) rows forget their momentum."""
    for group in optimiser.param_groups:
        old = group["params"][0]
        name = group["name"]
        new = torch.nn.Parameter(old.detach()[source].contiguous())
        state = optimiser.state.pop(old, {})
        for key in ("exp_avg", "exp_avg_sq"):
            if key in state:
                state[key] = state[key][source].contiguous()
                state[key][fresh] = 0.0
        optimiser.state[new] = state
        group["params"][0] = new
        setattr(gaussians, name, new)


class DensityControl:
    """Watches the gradients of projected positions and regroups the cloud every so often.

    Args:
        settings: thresholds and times.
        extent: size of the scene in metres.
        gaussians: the cloud at the start.
    """

    gradient_sum: Tensor
    seen: Tensor
    largest: Tensor

    def __init__(self, settings: DensitySettings, extent: float, gaussians: Gaussians) -> None:
        self.settings, self.extent = settings, extent
        self._reset(gaussians)

    def observe(self, probe: Tensor, radii: Tensor, resolution: int) -> None:
        """Takes in one picture of ``resolution`` pixels a side.

        Args:
            probe: (1, N, 2), the screen probe after the backward pass.
            radii: (1, N), pixels.
            resolution: pictures of any may follow each other; the limits in pixels hold at 512.
        """
        assert probe.grad is not None
        radii = radii[0]
        visible = radii > 0
        norm = probe.grad[0].norm(dim=-1) * (resolution / 2)  # per normalised device coordinate
        self.gradient_sum += torch.where(visible, norm, torch.zeros_like(norm))
        self.seen += visible
        self.largest = torch.maximum(self.largest, radii * (512 / resolution))

    def step(
        self, iteration: int, gaussians: Gaussians, optimiser: torch.optim.Optimizer, generator: torch.Generator
    ) -> None:
        """Grows, prunes and resets after ``iteration`` (1, 2, ...), if it is time to."""
        s = self.settings
        if not s.start < iteration <= s.stop:
            return
        if iteration % s.every == 0:
            self._grow(gaussians, optimiser, generator)
            self._prune(iteration, gaussians, optimiser)
        if s.reset_every and iteration % s.reset_every == 0:
            lower_opacities(gaussians, optimiser)

    @torch.no_grad()
    def _grow(self, gaussians: Gaussians, optimiser: torch.optim.Optimizer, generator: torch.Generator) -> None:
        s = self.settings
        gradient = self.gradient_sum / self.seen.clamp(min=1)
        wanted = torch.nonzero(gradient > s.gradient).squeeze(1)
        room = max(0, s.limit - len(gaussians))
        if len(wanted) > room:
            wanted = wanted[gradient[wanted].argsort(descending=True, stable=True)[:room]].sort().values
        size = gaussians.scales.max(dim=1).values
        split = wanted[size[wanted] > s.dense * self.extent]
        clone = wanted[size[wanted] <= s.dense * self.extent]

        everyone = torch.arange(len(gaussians), device=wanted.device)
        stays = torch.ones_like(everyone, dtype=torch.bool)
        stays[split] = False
        source = torch.cat([everyone[stays], clone, split, split])
        fresh = torch.zeros_like(source, dtype=torch.bool)
        fresh[int(stays.sum()) :] = True
        regroup(gaussians, optimiser, source, fresh)

        children = slice(len(source) - 2 * len(split), len(source))
        spread = gaussians.scales[children]
        offsets = torch.randn(spread.shape, generator=generator).to(spread.device) * spread
        rotation = to_matrix(functional.normalize(gaussians.raw_rotations[children], dim=-1))
        gaussians.means[children] += (rotation @ offsets[:, :, None]).squeeze(2)
        gaussians.raw_scales[children] = inverse_softplus(spread / 1.6)
        largest = self.largest[source].masked_fill(fresh, 0.0)
        self._reset(gaussians)
        self.largest = largest

    @torch.no_grad()
    def _prune(self, iteration: int, gaussians: Gaussians, optimiser: torch.optim.Optimizer) -> None:
        s = self.settings
        progress = iteration / s.stop
        gone = gaussians.opacities < s.opacity_start + (s.opacity_end - s.opacity_start) * progress
        if s.reset_every and iteration % s.reset_every < s.every:
            gone &= False  # everything is faint right after a reset
        if iteration > s.large_after:
            gone |= self.largest > s.screen_limit
            gone |= gaussians.scales.max(dim=1).values > s.world_limit * self.extent
        if bool(gone.all()):
            return
        remove(gaussians, optimiser, gone)
        self._reset(gaussians)

    def looks_for_unseen(self, iteration: int) -> bool:
        """Whether Gaussians that no picture shows go after ``iteration``."""
        s = self.settings
        return s.least > 0.0 and iteration <= s.stop and iteration % max(1, s.stop // 3) == 0

    def drop(self, gone: Tensor, gaussians: Gaussians, optimiser: torch.optim.Optimizer) -> None:
        """Takes the Gaussians marked in ``gone`` (N,) out of the cloud, unless that were all of them."""
        if not bool(gone.any()) or bool(gone.all()):
            return
        remove(gaussians, optimiser, gone)
        self.gradient_sum, self.seen, self.largest = self.gradient_sum[~gone], self.seen[~gone], self.largest[~gone]

    def tensors(self) -> dict[str, Tensor]:
        """What was watched so far, by name."""
        return {"density.gradient_sum": self.gradient_sum, "density.seen": self.seen, "density.largest": self.largest}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes up what :meth:`tensors` gave."""
        device = self.seen.device
        for name in ("gradient_sum", "seen", "largest"):
            setattr(self, name, tensors[f"density.{name}"].to(device, copy=True))

    def _reset(self, gaussians: Gaussians) -> None:
        zeros = torch.zeros_like(gaussians.raw_opacities.detach())
        self.gradient_sum, self.seen, self.largest = zeros, zeros.clone(), zeros.clone()


def remove(gaussians: Gaussians, optimiser: torch.optim.Optimizer, gone: Tensor) -> None:
    """Takes the Gaussians marked in ``gone`` (N,) out of the cloud."""
    source = torch.nonzero(~gone).squeeze(1)
    regroup(gaussians, optimiser, source, torch.zeros_like(source, dtype=torch.bool))


@torch.no_grad()
def lower_opacities(gaussians: Gaussians, optimiser: torch.optim.Optimizer, ceiling: float = 0.01) -> None:
    """Sets every opacity to at most ``ceiling`` and forgets its momentum."""
    gaussians.raw_opacities.clamp_(max=float(torch.tensor(ceiling).logit()))
    state = optimiser.state.get(gaussians.raw_opacities, {})
    for key in ("exp_avg", "exp_avg_sq"):
        if key in state:
            state[key].zero_()


def gaussian_groups(gaussians: Gaussians, rates: dict[str, float]) -> list[dict]:
    """One optimiser group a tensor, named, as :func:`regroup` needs them."""
    return [{"params": [getattr(gaussians, name)], "name": name, "lr": rates[name]} for name in PARAMETERS]
