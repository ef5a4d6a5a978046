"""The verbs, one dataclass each: its fields are the options, their docstrings the help."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg, subcommand

from d3talker.cli.bars import Bars
from d3talker.cli.device import Device
from d3talker.cli.measuring import Bench, Evaluate
from d3talker.cli.studio import App

if TYPE_CHECKING:
    from d3talker.config.method import MethodSettings


@dataclass(frozen=True)
class Prepare:
    """Track a video: one square crop, a camera per frame, masks, plates, sound, and a report on its quality.

    `adapt` does this by itself; call it to look at report.html before you train, or to prepare many clips.
    """

    video: Positional[Path]
    """A video of one talking person: any container, frame rate, size; 5 to 20 s are enough."""
    out: Path
    """Folder of the prepared clip."""
    size: int = 512
    """Pixels of the square picture."""
    correct_sound: bool = False
    """Take a measured offset between picture and sound out, where it is measured with confidence."""
    action_units: Path | None = None
    """OpenFace's au.csv of the same video, in place of the built-in measure of brows and lids."""
    tracker: Literal["auto", "solutions", "tasks"] = "auto"
    """MediaPipe 0.10.21 with its own models (solutions), or MediaPipe 1.x with a model file (tasks)."""
    face_model: Path | None = None
    """The face_landmarker.task file of MediaPipe 1.x."""

    def run(self) -> None:
        """Does it."""
        from d3talker.config.prepare import PrepareSettings
        from d3talker.recipes.prepare import prepare

        settings = PrepareSettings(
            size=self.size,
            correct_sound=self.correct_sound,
            action_units=self.action_units,
            tracker=self.tracker,
            face_model=self.face_model,
        )
        clip = prepare(self.video, self.out, settings, Bars())
        print(f"{len(clip)} frames in {self.out}; look at {self.out / 'report.html'}")


@dataclass(frozen=True)
class Adapt:
    """Turn a clip of a talking person into a head that talks.

    Stopped or killed, the same command goes on where it was.

    Example: d3talker adapt clip.mp4 --out me --seconds 10
    """

    source: Positional[Path]
    """A video, or the folder that `prepare` wrote."""
    out: Path
    """Folder of the person; zip it, move it, give it to `talk`."""
    method: Literal["d3talker", "instag", "talkinggaussian"] = "d3talker"
    """What the head is made of."""
    prior: str = "auto"
    """What many other people taught: shipped, a file that `pretrain` wrote, or none to learn from this clip alone; auto
    takes the shipped one where the method has one."""
    ablation: str | None = None
    """Leave a part of the method out, to see what it is worth: audio-only, motion-only, no-refiner, position, ..."""
    refiner: str = "auto"
    """What repaints the picture in the end: lean (small and quick) or styleunet (as in the paper; slow), also narrower,
    as in styleunet:0.5; auto takes the method's own."""
    preset: Literal["auto", "cpu", "gpu", "paper", "tiny"] = "auto"
    """How long to train, at which size: cpu (minutes, 256 pixels), gpu (512), paper (hours), tiny (a look around)."""
    front_end: str = "phone29"
    """What hears the sound, by a name that `d3talker doctor` lists, or stored:FILE.npy; phone29 is in the package."""
    seconds: float | None = None
    """Learn from the first so many seconds; the rest is left for `evaluate`. All of it by default."""
    resolution: int | None = None
    """Pixels of the square picture, if not the preset's."""
    device: Device = "auto"
    """Where to compute."""
    restart: bool = False
    """Forget an earlier run in this folder."""

    def run(self) -> None:
        """Does it."""
        from d3talker.config.method import as_published
        from d3talker.config.presets import PRESETS
        from d3talker.core.device import choose_device
        from d3talker.models.prior import default_prior
        from d3talker.recipes.adapt import adapt, with_resolution

        device = choose_device(self.device)
        name = self.preset if self.preset != "auto" else ("gpu" if device.type == "cuda" else "cpu")
        method = _chosen(self.method, self.ablation, self.refiner)
        person = adapt(
            self.source,
            self.out,
            as_published(method) if name == "paper" else method,
            with_resolution(PRESETS[name], self.resolution),
            front_end=self.front_end,
            prior=default_prior(method) if self.prior == "auto" else self.prior,
            seconds=self.seconds,
            device=device,
            restart=self.restart,
            progress=Bars(),
        )
        minutes = person.meta["training_seconds"] / 60
        print(f"{self.out} can talk after {minutes:.1f} min of training; look at {self.out / 'report.html'}")
        print(f"next: d3talker talk {self.out} speech.wav --out video.mp4")


def _chosen(method: str, ablation: str | None, refiner: str) -> MethodSettings:
    from d3talker.config.ablation import ablated
    from d3talker.config.method import METHODS
    from d3talker.config.refiner import refiner_of

    chosen = ablated(METHODS[method], ablation)
    return chosen if refiner == "auto" else replace(chosen, refiner=refiner_of(refiner))


@dataclass(frozen=True)
class Pretrain:
    """Learn from clips of several people what talking faces have in common: a prior for `adapt`.

    Stopped or killed, the same command goes on where it was. `torchrun --standalone --nproc-per-node 4 -m d3talker
    pretrain ...` spreads the people over processes.

    Example: d3talker pretrain clips/* --out prior.safetensors
    """

    clips: Positional[tuple[Path, ...]]
    """Videos, or folders that `prepare` wrote, one a person."""
    out: Path
    """The prior: a .safetensors file, and a .json beside it that tells how it was made."""
    method: Literal["d3talker", "instag"] = "d3talker"
    """Whose shared fields."""
    preset: Literal["auto", "cpu", "quick", "gpu", "tiny"] = "auto"
    """How long to train, at which size: cpu (hours), quick (a quarter of it), gpu (512), tiny (a look around)."""
    work: Path | None = None
    """Folder of cached frames and checkpoints; beside --out by default."""
    folds: Path | None = None
    """Facial motion of these clips by networks that never saw the person (scripts/train_audio2motion.py --folds)."""
    pictures_only: tuple[Path, ...] = ()
    """More videos or prepared clips, whose sound is not to be trusted: of them only the refiner learns."""
    front_end: str = "phone29"
    """What hears the sound; persons must use the same."""
    ablation: str | None = None
    """Leave a part of the method out: no-similarity, no-contrast, audio-only, motion-only, ..."""
    refiner: str = "auto"
    """lean or styleunet, as in `adapt`; auto takes the method's own."""
    device: Device = "auto"
    """Where to compute."""
    restart: bool = False
    """Forget an earlier run in the work folder."""

    def run(self) -> None:
        """Does it."""
        from d3talker.config.pretraining import PRETRAIN_PRESETS
        from d3talker.core.device import choose_device
        from d3talker.recipes.pretrain import pretrain

        device = choose_device(self.device)
        name = self.preset if self.preset != "auto" else ("gpu" if device.type == "cuda" else "cpu")
        pretrain(
            list(self.clips),
            self.out,
            _chosen(self.method, self.ablation, self.refiner),
            PRETRAIN_PRESETS[name],
            work=self.work or self.out.with_suffix(""),
            folds=self.folds,
            pictures_only=self.pictures_only,
            front_end=self.front_end,
            device=device,
            restart=self.restart,
            progress=Bars(),
        )
        print(f"next: d3talker adapt clip.mp4 --out me --prior {self.out}")


@dataclass(frozen=True)
class Talk:
    """Make a video of a person saying any sound, or any text where a speech synthesiser is installed.

    Example: d3talker talk me speech.mp3 --out video.mp4 --background white

    Example: d3talker talk me --text "Good morning." --out video.mp4
    """

    person: Positional[Path]
    """The folder that `adapt` wrote."""
    out: Path
    """The video: .mp4, or .webm or .mov for a transparent background."""
    audio: Annotated[Positional[Path | None], arg(metavar="[AUDIO]")] = None
    """Any audio or video file, of any length; or give --text."""
    text: str | None = None
    """What to say, in place of a sound."""
    voice: str = ""
    """Who reads --text: flite, flite:slt, espeak-ng:fr+f2, ...; the best installed synthesiser by default."""
    pose: Literal["clip", "still"] = "clip"
    """Move the head along the clip's own path, to and fro, or hold it still."""
    blink: str = "auto"
    """auto (every few seconds), clip (as in the clip), none, or a text file with one number from 0 to 1 a frame."""
    background: str = "clip"
    """clip, transparent, a colour (white, #204060) or a picture file."""
    paste_back: Path | None = None
    """The video that the person was made from: puts the head back into its full frames."""
    seed: int = 0
    """Of the blinks."""
    refine: bool = True
    """Sharpen the head with the person's refiner; --no-refine is faster and softer."""
    mouth_gain: float = 1.0
    """How far the mouth moves: 1.5 speaks broadly, 0.5 mumbles (0 to 2)."""
    device: Device = "auto"
    """Where to compute."""

    def run(self) -> None:
        """Does it."""
        from d3talker.core.device import choose_device
        from d3talker.models.person import load_person
        from d3talker.recipes.spoken import sound_or_text
        from d3talker.recipes.talk import TalkSettings, talk

        settings = TalkSettings(
            self.pose, self.blink, self.background, self.paste_back, self.seed, self.refine, self.mouth_gain
        )
        with sound_or_text(self.audio, self.text, self.voice) as audio:
            person = load_person(self.person, choose_device(self.device))
            print(talk(person, audio, self.out, settings, Bars()))


@dataclass(frozen=True)
class Motion:
    """Draw the face that a sound moves, to judge lips before training anything.

    The video has the predicted face from two sides (with --compare: beside the tracked one), its PNCC picture, which is
    what a head learns from, the sound, and how far the lips are apart.

    Example: d3talker motion speech.wav --out motion.mp4

    Example: d3talker motion clip.mp4 --out motion.mp4 --compare clip.mp4
    """

    audio: Annotated[Positional[Path], arg(metavar="AUDIO")]
    """Any audio or video file, of any length."""
    out: Path
    """The video (.mp4)."""
    compare: Path | None = None
    """A video with this sound, or its prepared folder: draws the tracked face beside, prints how well lips agree."""
    source: str = "default"
    """What moves the face: default (in the package), or real3d:FOLDER:BFM_FILE (Real3D-Portrait's own files)."""
    width: int = 1280
    """Pixels of the video."""

    def run(self) -> None:
        """Does it."""
        from d3talker.cli.tables import print_agreement
        from d3talker.recipes.motion import MotionSettings, motion

        found = motion(self.audio, self.out, MotionSettings(self.source, self.compare, self.width), Bars())
        if found is not None:
            print_agreement(found)
        print(self.out)


@dataclass(frozen=True)
class Demo:
    """Make a talking head of the built-in speaker: needs no clip, no microphone, no download."""

    out: Path = Path("runs/demo")
    """Folder for the speaker's clip, the person and the video."""
    seed: int = 0
    """Another seed is another speaker."""
    text: str | None = None
    """What to say, where a speech synthesiser (flite or espeak-ng) is installed; a recording by default."""
    preset: Literal["demo", "cpu", "gpu", "tiny"] = "demo"
    """How long to train."""
    device: Device = "auto"
    """Where to compute."""

    def run(self) -> None:
        """Does it."""
        from d3talker.core.device import choose_device
        from d3talker.recipes.demo import demo

        video = demo(self.out, self.seed, self.text, self.preset, choose_device(self.device), Bars())
        print(f"the video is {video}")


@dataclass(frozen=True)
class Doctor:
    """Tell what works on this machine, what does not and why, and how to get each missing part."""

    licences: bool = False
    """List every file of weights in place of that: its licence, size, hash, and whether it is here."""

    def run(self) -> None:
        """Does it."""
        from d3talker.cli.tables import print_checkup, print_terms

        if self.licences:
            from d3talker.recipes.licences import weight_terms

            print_terms(weight_terms())
        else:
            from d3talker.recipes.doctor import examine

            print_checkup(examine())


Command = (
    Annotated[Prepare, subcommand("prepare")]
    | Annotated[Adapt, subcommand("adapt")]
    | Annotated[Pretrain, subcommand("pretrain")]
    | Annotated[Talk, subcommand("talk")]
    | Annotated[Motion, subcommand("motion")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Bench, subcommand("bench")]
    | Annotated[Demo, subcommand("demo")]
    | Annotated[Doctor, subcommand("doctor")]
    | Annotated[App, subcommand("app")]
)
