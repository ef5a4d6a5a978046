"""The presets of ``adapt``: how long to train, at which size."""

from __future__ import annotations

from dataclasses import replace

from d3talker.config.method import MethodSettings
from d3talker.config.training import (
    AdaptSettings,
    DensitySettings,
    FieldRates,
    ListenSettings,
    LossSettings,
    RefineSettings,
    StageSettings,
)

_TAUGHT = FieldRates(grid=1e-2, network=1e-3, encoder=0.0)
"""Fields whose encoders have listened: they learn quicker than the papers', the encoders rest."""

PAPER = AdaptSettings(
    name="paper",
    resolution=512,
    face=StageSettings(
        iterations=50_000,
        warm_up=3000,
        curriculum_every=15,
        curriculum_stop=40_000,
        hair_from=3000,
        hair_to=46_000,
        perceptual_from=47_000,
        loss=LossSettings(perceptual=0.2, perceptual_lips=0.01),
    ),
    mouth=StageSettings(
        iterations=50_000,
        warm_up=3000,
        curriculum_every=7,
        curriculum_stop=39_000,
        perceptual_from=49_000,
        colours_only_from=49_000,
        density=DensitySettings(gradient=2e-4, stop=45_000),
        loss=LossSettings(perceptual=0.5, patch=(32, 42)),
    ),
    listen=ListenSettings(iterations=0),
    fuse=StageSettings(
        iterations=10_000,
        warm_up=0,
        curriculum_every=0,
        curriculum_stop=0,
        perceptual_from=5000,
        loss=LossSettings(perceptual=0.5, patch=(32, 42)),
    ),
)
"""TalkingGaussian's schedule (spec 1, section 4.6): hours on a CPU, half an hour on a GPU; needs the LPIPS weights."""

GPU = AdaptSettings(
    name="gpu",
    resolution=512,
    face=StageSettings(
        iterations=12_000,
        coarse_until=4000,
        patience=5,
        shape_from=6000,
        warm_up=1000,
        curriculum_every=10,
        curriculum_stop=9000,
        hair_from=1000,
        hair_to=6000,
        density=DensitySettings(stop=9000, gradient=4e-4, opacity_end=0.05, screen_limit=60.0, limit=40_000, least=0.5),
        loss=LossSettings(landmarks=0.2, told=0.6),
        fields=_TAUGHT,
    ),
    mouth=StageSettings(
        iterations=6000,
        coarse_until=2000,
        patience=5,
        warm_up=600,
        curriculum_every=7,
        curriculum_stop=4500,
        colours_only_from=5600,
        density=DensitySettings(stop=5000, gradient=2e-4, opacity_end=0.05, screen_limit=60.0, limit=10_000, least=0.5),
        fields=_TAUGHT,
    ),
    fuse=StageSettings(iterations=2000, warm_up=0, curriculum_every=0, curriculum_stop=0),
    feature_noise=0.3,
)
"""Larger pictures and more of them, for a GPU; not measured yet."""

CPU = AdaptSettings(
    name="cpu",
    resolution=256,
    face=StageSettings(
        iterations=2100,
        coarse_until=1050,
        shape_from=1050,
        warm_up=140,
        curriculum_every=10,
        curriculum_stop=1600,
        hair_from=280,
        hair_to=875,
        density=DensitySettings(
            start=200, stop=1400, gradient=4e-4, opacity_end=0.05, screen_limit=60.0, limit=12_000, least=0.5
        ),
        loss=LossSettings(landmarks=0.2, told=0.6),
        fields=_TAUGHT,
    ),
    mouth=StageSettings(
        iterations=1050,
        coarse_until=500,
        warm_up=100,
        curriculum_every=7,
        curriculum_stop=770,
        colours_only_from=980,
        density=DensitySettings(
            start=200, stop=800, gradient=2e-4, opacity_end=0.05, screen_limit=60.0, limit=4000, least=0.5
        ),
        fields=_TAUGHT,
    ),
    fuse=StageSettings(iterations=400, warm_up=0, curriculum_every=0, curriculum_stop=0),
    refine=RefineSettings(iterations=400),
    feature_noise=0.3,
)
"""Minutes on two cores (docs/results.md)."""

DEMO = replace(
    CPU,
    name="demo",
    face=replace(
        CPU.face,
        iterations=1000,
        coarse_until=500,
        shape_from=500,
        warm_up=200,
        curriculum_stop=740,
        hair_from=200,
        hair_to=470,
        density=replace(CPU.face.density, start=200, stop=700),
    ),
    mouth=replace(
        CPU.mouth,
        iterations=700,
        coarse_until=330,
        warm_up=120,
        curriculum_stop=520,
        colours_only_from=640,
        density=replace(CPU.mouth.density, start=200, stop=520),
    ),
    fuse=replace(CPU.fuse, iterations=300),
    refine=replace(CPU.refine, iterations=120),
)
"""About half of the cpu preset, for the built-in speaker (docs/performance.md)."""

TINY = AdaptSettings(
    name="tiny",
    resolution=96,
    face=StageSettings(
        iterations=120,
        shape_from=60,
        warm_up=30,
        curriculum_every=10,
        curriculum_stop=90,
        hair_from=30,
        hair_to=60,
        density=DensitySettings(start=20, every=20, stop=100, screen_limit=200.0, limit=3000, least=0.1),
        loss=LossSettings(landmarks=0.2, told=0.6),
        fields=_TAUGHT,
    ),
    mouth=StageSettings(
        iterations=60,
        warm_up=10,
        curriculum_every=7,
        curriculum_stop=45,
        colours_only_from=55,
        density=DensitySettings(start=20, every=20, stop=50, gradient=2e-4, screen_limit=200.0, limit=800, least=0.1),
        fields=_TAUGHT,
    ),
    fuse=StageSettings(iterations=20, warm_up=0, curriculum_every=0, curriculum_stop=0),
    listen=ListenSettings(iterations=100),
    refine=RefineSettings(iterations=10),
    save_every=5.0,
)
"""A run of seconds that goes through every part: for tests and for looking around, not for looks."""

PRESETS: dict[str, AdaptSettings] = {preset.name: preset for preset in (CPU, DEMO, GPU, PAPER, TINY)}


def for_method(preset: AdaptSettings, method: MethodSettings) -> AdaptSettings:
    """The preset without what the method has no use of."""
    return preset if method.face_shape else replace(preset, face=replace(preset.face, shape_from=0))
