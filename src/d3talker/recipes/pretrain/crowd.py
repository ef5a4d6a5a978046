"""One stage of pre-training: people take turns, and what they share learns from all of them.

In each step some people learn from a frame each, all from the fields as they are; then the mean of their gradients
moves the shared fields, and everybody's own parameters take their own step. With several processes each person learns
where they live and the gradients are summed between the processes: the same step, up to the order of a sum. Who learns
together differs in their place modulo the people of a step, so that as many processes have equal work.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from d3talker.core.errors import D3Error
from d3talker.core.progress import Progress
from d3talker.recipes.adapt.loop import MOST_BAD_STEPS
from d3talker.recipes.adapt.stage import Lesson, optimiser_tensors, restore_optimiser
from d3talker.recipes.pretrain.contrast import PeopleContrast
from d3talker.recipes.pretrain.people import Pupil
from d3talker.recipes.pretrain.ranks import Ranks


class Crowd:
    """The people in one stage.

    Args:
        name: of the stage.
        pupils: everybody.
        lessons: a stage for each person who lives here, by place.
        contrasts: what the others say to them, by place; none in stages without.
        optimiser: of the shared parameters; its groups have a ``rate``.
        turns: of each person.
        half_life: of the rates, as a part of the stage.
        together: people in a step.
        apart: places of people of whom the shared parameters learn nothing.
        every: the contrast counts in every so manieth turn of a person.
        warm_up: turns before the contrast.
        ramp: turns over which the similarity contrast gains its weight.
        seed: of who comes next.
    """

    def __init__(
        self,
        name: str,
        pupils: list[Pupil],
        lessons: Mapping[int, Lesson],
        contrasts: Mapping[int, PeopleContrast],
        optimiser: torch.optim.Optimizer,
        ranks: Ranks,
        *,
        turns: int,
        half_life: float,
        together: int,
        apart: frozenset[int] = frozenset(),
        every: int = 1,
        warm_up: int = 0,
        ramp: int = 1,
        seed: int = 0,
    ) -> None:
        self.name, self.pupils, self.lessons, self.contrasts = name, pupils, lessons, contrasts
        self.optimiser, self.ranks, self.half_life = optimiser, ranks, half_life
        self.together, self.apart, self.most_turns = min(together, len(pupils)), apart, turns
        self.every, self.warm_up, self.ramp = every, warm_up, ramp
        self.generator = torch.Generator().manual_seed(seed)
        self.turns = torch.zeros(len(pupils), dtype=torch.int64)
        self.bad = torch.zeros(len(pupils), dtype=torch.int64)
        self.left_out: set[int] = set()
        """Places of those who no longer learn."""
        self.iterations = turns * -(-len(pupils) // self.together)

    @property
    def shared(self) -> list[Tensor]:
        """The parameters of the shared fields."""
        return [p for group in self.optimiser.param_groups for p in group["params"]]

    def step(self, iteration: int, progress: Progress) -> dict[str, float]:
        """Iteration 1, 2, ...; tells the mean losses of the people of this process."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["rate"] * 0.5 ** (iteration / self.iterations / self.half_life)
        chosen = self._choose()
        told = [self._learn(place) for place in chosen if self.ranks.owns(place)]
        self._step_shared(sum(place not in self.apart for place in chosen))
        for place in chosen:
            if place in self.lessons:
                self.lessons[place].settle(int(self.turns[place]))
            self.ranks.pass_on(self._personal(place), place)
        self._drop_the_diverged(progress)
        return _means(told)

    def _choose(self) -> list[int]:
        """Who learns: of each row the one with the fewest turns, by lot where they have as many."""
        chosen = []
        for row in range(self.together):
            places = range(row, len(self.pupils), self.together)
            present = [p for p in places if p not in self.left_out and self.turns[p] < self.most_turns]
            if present:
                order = torch.tensor(present)[torch.randperm(len(present), generator=self.generator)]
                chosen.append(int(order[self.turns[order].argmin()]))
        self.turns[chosen] += 1
        return chosen

    def _learn(self, place: int) -> dict[str, float]:
        turn, contrast = int(self.turns[place]), self.contrasts.get(place)
        if contrast is not None:
            contrast.strength = min(1.0, max(0.0, (turn - self.warm_up) / self.ramp))
        due = contrast if turn % self.every == 0 else None
        if self.lessons[place].iterations == 0:  # nothing to learn, as from a mouth that never opens
            return {"loss": 0.0}
        for parameter in self.shared:
            parameter.requires_grad_(place not in self.apart)
        told = self.lessons[place].learn(turn, due)
        for parameter in self.shared:
            parameter.requires_grad_(True)
        self.bad[place] = self.bad[place] + 1 if told["loss"] != told["loss"] else 0
        return told | (contrast.monitors if contrast is not None else {})

    def _step_shared(self, people: int) -> None:
        for parameter in self.shared:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in self.shared if p.grad is not None]
        self.ranks.add(gradients)
        if people:
            for gradient in gradients:
                gradient /= people
            self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def _personal(self, place: int) -> list[Tensor]:
        """What others must know of a person: the own fields, which they are contrasted with."""
        head = self.pupils[place].head
        return [
            parameter.data
            for branch in (head.face, head.mouth)
            for driven in branch.driven
            if not driven.field.settings.shared
            for parameter in driven.field.parameters()
        ]

    def _drop_the_diverged(self, progress: Progress) -> None:
        own = torch.tensor([self.ranks.owns(place) for place in range(len(self.pupils))])
        bad = torch.where(own, self.bad, torch.zeros_like(self.bad))
        self.ranks.add([bad])
        for place in (bad > MOST_BAD_STEPS).nonzero()[:, 0].tolist():
            if place not in self.left_out:
                self.left_out.add(place)
                progress.say(f"{self.pupils[place].name} is left out: its loss stopped being a number.")
        if len(self.left_out) == len(self.pupils):
            raise D3Error(
                f"the losses of all people stopped being numbers in the {self.name} stage",
                "finite losses",
                "Look at the clips' reports for broken frames.",
            )

    def tensors(self) -> dict[str, Tensor]:
        """All state beyond the heads of the people who live here, by name."""
        state = {
            "turns": self.turns,
            "bad": self.bad,
            "generator": self.generator.get_state(),
            **optimiser_tensors(self.optimiser, "shared"),
        }
        for place, lesson in self.lessons.items():
            state |= {f"lesson.{place}.{name}": tensor for name, tensor in lesson.tensors().items()}
        return state

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Takes up what :meth:`tensors` gave."""
        self.turns, self.bad = tensors["turns"].clone(), tensors["bad"].clone()
        self.generator.set_state(tensors["generator"])
        restore_optimiser(self.optimiser, "shared", tensors)
        for place, lesson in self.lessons.items():
            start = f"lesson.{place}."
            lesson.restore({name[len(start) :]: t for name, t in tensors.items() if name.startswith(start)})


def _means(told: list[dict[str, float]]) -> dict[str, float]:
    """The mean of every number over those who told it."""
    heard = {key: [t[key] for t in told if key in t] for key in ["loss", *(key for t in told for key in t)]}
    return {key: sum(values) / max(1, len(values)) for key, values in heard.items()}
