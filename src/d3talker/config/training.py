"""Every number of adaptation, named (spec 1, sections 2 and 4)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class GaussianRates:
    """Learning rates of the Gaussians (Adam)."""

    position: float = 1.6e-4
    """Of the means, times the extent of the scene."""
    position_end: float = 1.6e-6
    """Reached log-linearly at the end of the stage."""
    colour: float = 2.5e-3
    """Of the constant colour; higher degrees learn 20 times slower."""
    opacity: float = 0.05
    scale: float = 3e-3
    rotation: float = 1e-3
    extent: float = 0.15
    """Metres; the public code takes it from the camera path, which drives it to zero for a still head."""


@dataclass(frozen=True)
class FieldRates:
    """Learning rates of the fields and their signal encoders (AdamW, betas 0.9 and 0.99)."""

    grid: float = 5e-3
    network: float = 5e-4
    attention: float = 2.5e-3
    """Of the attention over neighbouring sound windows."""
    encoder: float = 1.0
    """Factor on the rates of the signal encoders; 0 where they have learned by listening."""
    grid_decay: float = 1e-2
    """Weight decay of the grids."""
    attention_decay: float = 1e-4
    """Weight decay of the attention over neighbouring windows."""
    shared: float = 0.1
    """Factor on the rates of fields that come from a prior ..."""
    shared_until: float = 0.3
    """... over this part of the stage; then they learn as fast as the others."""
    aligner: float = 0.1
    """Factor on the rates of the motion aligner."""
    half_life: float = 0.8
    """The rates fall as 0.5 ** (progress / half_life), progress from 0 to 1 over the stage."""


@dataclass(frozen=True)
class DensitySettings:
    """Growing and pruning of Gaussians; pixel numbers hold at 512 pixels and scale with the resolution."""

    start: int = 500
    every: int = 100
    stop: int = 49_000
    gradient: float = 5e-4
    """Grow where the mean gradient of the projected position (normalised device coordinates) is above this."""
    dense: float = 0.005
    """Split what is larger than this part of the extent, clone what is smaller."""
    opacity_start: float = 0.05
    """Prune below this opacity at the start ..."""
    opacity_end: float = 0.30
    """... and below this one at the end."""
    large_after: int = 3000
    """From here on, prune what is larger on the screen or in the world than the two limits below."""
    screen_limit: float = 20.0
    """Radius in pixels."""
    world_limit: float = 0.1
    """Scale as a part of the extent."""
    reset_every: int = 0
    """Lower all opacities to 0.01 every so many iterations; 0 never (TalkingGaussian)."""
    limit: int = 30_000
    """Never more Gaussians than this."""
    least: float = 0.0
    """Pixels' worth that a Gaussian must paint in some picture, else it goes; looked at after each third of the way to
    ``stop`` (ours). 0: all stay."""


@dataclass(frozen=True)
class LossSettings:
    """Weights of the losses."""

    structure: float = 0.2
    """Of 1 - SSIM, beside the absolute difference."""
    motion: float = 1e-5
    """Of the mean absolute displacement, rotation and scale change."""
    individual: float = 1e-4
    """Of the same of the fields beside a shared one, so that it explains what it can."""
    depth: float = 1e-2
    """Of the depth against that of the fitted face, where the prior of the face's shape counts."""
    normals: float = 1e-2
    """Of the normals against it."""
    alpha: float = 1e-3
    """Of coverage outside the region and transparency inside it."""
    lip_attention: float = 5e-3
    """Of the expression's attention at the lips, so that blinking does not move them."""
    hair_attention: float = 1e-4
    """Of both attentions at the hair."""
    landmarks: float = 0.0
    """Of the field's error at the tracked face points, in centimetres: ours, it teaches lips in minutes, not hours."""
    told: float = 0.0
    """Of the General field's error, in centimetres, at the points of the lower face as facial motion moves them; for
    encoders that rest. Ours: else noise of the pictures drowns what the motion says (docs/methods.md)."""
    perceptual: float = 0.0
    """Of LPIPS on patches near the end of the stage; needs its weights (`losses.perceptual`)."""
    perceptual_lips: float = 0.0
    """Of LPIPS on the box of the lips."""
    patch: tuple[int, int] = (64, 96)
    """Smallest and largest side of the patches, in pixels at 512."""


@dataclass(frozen=True)
class StageSettings:
    """One stage of training."""

    iterations: int
    warm_up: int
    """Iterations without motion: the static head forms first."""
    coarse_until: int = field(default=0, kw_only=True)
    """Until here pictures larger than 256 pixels are shrunk to that: most of what forms early is coarse."""
    patience: int = field(default=0, kw_only=True)
    """A second of the clip is held out and looked at after every fiftieth part of the stage; after so many looks that
    were no better the stage goes on to its last tenth, which learns from that second too. 0: nothing is held out."""
    own_from: int = field(default=0, kw_only=True)
    """In pre-training: until here people's own fields hear no speech, so that the shared ones must explain it."""
    curriculum_every: int
    """Every so many iterations the frame comes from the curriculum instead of from all frames."""
    curriculum_stop: int
    """The curriculum ends here; the mouth stage runs on open mouths only until its warm-up ends."""
    hair_from: int = 0
    """From here to ``hair_to`` the hair is left out of 6 of 7 pictures, so that the fields learn the face."""
    hair_to: int = 0
    perceptual_from: int = 0
    """LPIPS joins here."""
    shape_from: int = 0
    """The fitted face's depth and normals join here, where the method holds to them; 0: never ..."""
    shape_every: int = 4
    """... in every so manieth iteration, for they cost as much as the picture."""
    colours_only_from: int = 0
    """Mouth: from here only colours learn, over black, so that the cavity darkens. 0: never."""
    density: DensitySettings = field(default_factory=DensitySettings)
    loss: LossSettings = field(default_factory=LossSettings)
    gaussians: GaussianRates = field(default_factory=GaussianRates)
    fields: FieldRates = field(default_factory=FieldRates)


@dataclass(frozen=True)
class ListenSettings:
    """The stage before all pictures: the signal encoders learn to tell the tracked lips (ours, not the papers')."""

    iterations: int = 800
    """0 leaves the stage out."""
    batch: int = 16
    noise: float = 0.5
    """Standard deviation of the noise on speech features, in units of their own spread."""
    rate: float = 1e-3
    """Learning rate ..."""
    taught_rate: float = 2e-4
    """... and that of encoders of sound that a prior taught; those of facial motion then rest."""


@dataclass(frozen=True)
class RefineSettings:
    """The stage after all others: the refiner, where the method has one."""

    iterations: int = 600
    rate: float = 1e-3
    """Of Adam, of a refiner that begins as the identity; falls to an eighth."""
    taught_rate: float = 3e-4
    """Of one that a prior taught."""
    lpips: float = 0.1
    """Of LPIPS, where its weights are on disk (`losses.perceptual`) ..."""
    detail: float = 1.0
    """... and of the detail term, which stands in for it elsewhere."""


@dataclass(frozen=True)
class AdaptSettings:
    """A preset: the picture size and the stages."""

    name: str
    resolution: int
    """Pixels of the square training picture."""
    face: StageSettings
    mouth: StageSettings
    fuse: StageSettings
    listen: ListenSettings = field(default_factory=ListenSettings)
    refine: RefineSettings = field(default_factory=RefineSettings)
    feature_noise: float = 0.0
    """Standard deviation of the noise on speech features in training, in units of their own spread."""
    seed: int = 0
    save_every: float = 30.0
    """Seconds between checkpoints."""
