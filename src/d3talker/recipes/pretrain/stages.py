"""The stages of pre-training, each a :class:`Crowd` over the stage that adaptation has."""

from __future__ import annotations

import torch

from d3talker.config.method import MethodSettings
from d3talker.config.pretraining import PretrainSettings
from d3talker.losses.perceptual import Judge
from d3talker.recipes.adapt.face import FaceStage
from d3talker.recipes.adapt.listen import ListenStage, listen_groups
from d3talker.recipes.adapt.mouth import MouthStage
from d3talker.recipes.adapt.refine import RefineStage
from d3talker.recipes.adapt.stage import Lesson, field_groups
from d3talker.recipes.pretrain.contrast import PeopleContrast, wants_contrast
from d3talker.recipes.pretrain.crowd import Crowd
from d3talker.recipes.pretrain.people import Pupil, apart
from d3talker.recipes.pretrain.ranks import Ranks


def listening(pupils: list[Pupil], preset: PretrainSettings, ranks: Ranks) -> Crowd:
    """The encoders and what reads them."""
    person = preset.person
    lessons = {
        place: ListenStage(pupil.head, pupil.frames, person, pupil.generator, alone=False)
        for place, pupil in enumerate(pupils)
        if ranks.owns(place)
    }
    first = next(iter(lessons.values()))  # readers begin alike everywhere
    for lesson in lessons.values():
        lesson.readers = first.readers
    for place in apart(pupils) & lessons.keys():
        lessons[place].iterations = 0  # all encoders are shared, so there is nothing to learn
    groups = listen_groups(first.driven, first.readers, person.listen, taught=False)
    groups = [{**group, "rate": group["lr"], "weight_decay": 0.0} for group in groups]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    turns = person.listen.iterations
    return Crowd(
        "listen",
        pupils,
        lessons,
        {},
        optimiser,
        ranks,
        turns=turns,
        half_life=1e9,
        together=preset.together,
        apart=apart(pupils),
    )


def looking(name: str, pupils: list[Pupil], method: MethodSettings, preset: PretrainSettings, ranks: Ranks) -> Crowd:
    """The fields and Gaussians of one branch."""
    make: type[FaceStage] | type[MouthStage] = FaceStage if name == "face" else MouthStage
    settings = preset.person.face if name == "face" else preset.person.mouth
    lessons: dict[int, Lesson] = {
        place: make(pupil.head, pupil.frames, preset.person, pupil.generator, 0.0)
        for place, pupil in enumerate(pupils)
        if ranks.owns(place)
    }
    contrasts = {
        place: PeopleContrast(pupils, place, name, method, preset.contrast)
        for place in lessons
        if wants_contrast(method, len(pupils))
    }
    branch = getattr(pupils[0].head, name)
    shared = [driven for driven in branch.driven if driven.field.settings.shared]
    optimiser = torch.optim.AdamW(field_groups(shared, preset.shared), lr=0.0, betas=(0.9, 0.99), fused=True)
    return Crowd(
        name,
        pupils,
        lessons,
        contrasts,
        optimiser,
        ranks,
        turns=settings.iterations,
        half_life=preset.shared.half_life,
        together=preset.together,
        apart=apart(pupils),
        every=preset.contrast.every,
        warm_up=max(settings.warm_up, settings.own_from),
        ramp=max(1, round(preset.contrast.ramp * settings.iterations)),
        seed=preset.person.seed,
    )


def refining(pupils: list[Pupil], preset: PretrainSettings, judge: Judge, ranks: Ranks) -> Crowd:
    """The refiner, on everybody's heads as they now stand."""
    refiner, settings = pupils[0].head.refiner, preset.person.refine
    assert refiner is not None
    lessons = {
        place: RefineStage(pupil.head, pupil.frames, preset.person, pupil.generator, judge, alone=False)
        for place, pupil in enumerate(pupils)
        if ranks.owns(place)
    }
    groups = [{"params": [p for p in refiner.parameters() if p.requires_grad], "rate": settings.rate}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0, fused=True)
    return Crowd(
        "refine",
        pupils,
        lessons,
        {},
        optimiser,
        ranks,
        turns=settings.iterations,
        half_life=1 / 3,
        together=preset.together,
    )
