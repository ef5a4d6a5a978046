"""Every number of pre-training, named (spec 1, sections 4.1, 4.2, 9.6 and 9.9)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from d3talker.config.presets import CPU, GPU, TINY
from d3talker.config.training import AdaptSettings, FieldRates, ListenSettings, LossSettings, RefineSettings


@dataclass(frozen=True)
class ContrastSettings:
    """How people's fields are told apart."""

    every: int = 4
    """In every so manieth turn of a person."""
    points: int = 2048
    """Gaussians that are asked, half of them about the lips."""
    negative: float = 1.0
    """Weight of the negative contrast ..."""
    unit: float = 1.0
    """... whose motions are measured in so many metres; 1e-3 makes it count (spec 1, section 9.6)."""
    similarity: float = 1e-3
    """Weight of the similarity contrast (D3-Talker, eq. 10) ..."""
    ramp: float = 0.1
    """... reached over this part of the stage after the warm-up."""
    temperature: float = 0.1
    """Of the similarity contrast."""


@dataclass(frozen=True)
class PretrainSettings:
    """A preset of pre-training."""

    name: str
    person: AdaptSettings
    """What each person goes through; iterations are a person's turns."""
    together: int = 2
    """People that learn in one step; their gradients of the shared fields are averaged."""
    shared: FieldRates = field(default_factory=FieldRates)
    """Rates of the shared fields."""
    memory: float = 0.995
    """Of the exponential mean of the shared fields, which is what the prior holds."""
    contrast: ContrastSettings = field(default_factory=ContrastSettings)
    save_every: float = 300.0
    """Seconds between checkpoints."""


_TAUGHT = CPU.face.fields
_SEEN = LossSettings(landmarks=0.2)
"""Of the face, and what the shipped priors were taught with: telling the General field what motion means already in
pre-training gave nothing in a small trial (docs/methods.md)."""

PRETRAIN_CPU = PretrainSettings(
    name="cpu",
    person=replace(
        CPU,
        face=replace(
            CPU.face,
            iterations=2000,
            shape_from=0,
            warm_up=300,
            own_from=1500,
            curriculum_stop=1500,
            hair_from=300,
            hair_to=800,
            density=replace(CPU.face.density, start=300, stop=4000),
            loss=_SEEN,
        ),
        mouth=replace(
            CPU.mouth,
            iterations=800,
            warm_up=300,
            own_from=600,
            curriculum_stop=600,
            colours_only_from=0,
            density=replace(CPU.mouth.density, start=300, stop=2200),
        ),
        listen=replace(CPU.listen, iterations=300),
        refine=replace(CPU.refine, iterations=250),
    ),
    shared=_TAUGHT,
)
"""19 people take a core 95 minutes (D3-Talker)."""

PRETRAIN_QUICK = replace(
    PRETRAIN_CPU,
    name="quick",
    person=replace(
        PRETRAIN_CPU.person,
        face=replace(
            PRETRAIN_CPU.person.face,
            iterations=500,
            warm_up=120,
            own_from=375,
            curriculum_stop=375,
            hair_from=120,
            hair_to=250,
            density=replace(PRETRAIN_CPU.person.face.density, start=150, stop=400),
        ),
        mouth=replace(
            PRETRAIN_CPU.person.mouth,
            iterations=200,
            warm_up=60,
            own_from=150,
            curriculum_stop=150,
            density=replace(PRETRAIN_CPU.person.mouth.density, start=100, stop=150),
        ),
        listen=replace(PRETRAIN_CPU.person.listen, iterations=100),
        refine=replace(PRETRAIN_CPU.person.refine, iterations=60),
    ),
)
"""A quarter of it: for ablations, which need a prior each."""

PRETRAIN_GPU = PretrainSettings(
    name="gpu",
    person=replace(
        GPU,
        face=replace(GPU.face, own_from=9000, loss=_SEEN),
        mouth=replace(GPU.mouth, own_from=4500, colours_only_from=0),
    ),
    together=4,
    shared=_TAUGHT,
)
"""Larger pictures; not measured yet."""

PRETRAIN_TINY = PretrainSettings(
    name="tiny",
    person=replace(
        TINY,
        face=replace(
            TINY.face,
            iterations=40,
            warm_up=10,
            own_from=16,
            curriculum_stop=30,
            hair_from=10,
            hair_to=20,
            loss=_SEEN,
        ),
        mouth=replace(TINY.mouth, iterations=20, warm_up=5, own_from=8, curriculum_stop=15, colours_only_from=0),
        listen=ListenSettings(iterations=10),
        refine=RefineSettings(iterations=4),
    ),
    shared=_TAUGHT,
    contrast=ContrastSettings(every=1, points=128),
    save_every=5.0,
)
"""Seconds: for tests."""

PRETRAIN_PRESETS = {preset.name: preset for preset in (PRETRAIN_CPU, PRETRAIN_QUICK, PRETRAIN_GPU, PRETRAIN_TINY)}
