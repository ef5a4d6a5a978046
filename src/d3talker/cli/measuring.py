"""The verbs that measure: one dataclass each, its fields the options, their docstrings the help."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from d3talker.cli.bars import Bars
from d3talker.cli.device import Device


@dataclass(frozen=True)
class Evaluate:
    """Measure a person on frames it has not seen, or a video of any system, each number beside that of doing nothing.

    Example: d3talker evaluate me clip.mp4 --json me.json --video me_eval

    Example: d3talker evaluate predicted.mp4 truth.mp4 --frames frames.csv
    """

    person: Annotated[Positional[Path], arg(metavar="PERSON|VIDEO")]
    """The folder that `adapt` wrote, or a video that any system made."""
    clip: Positional[Path]
    """The true video (of a person, also the folder that `prepare` made of it)."""
    json: Path | None = None
    """Where to write the numbers."""
    frames: Path | None = None
    """Where to write the numbers of every frame (.csv)."""
    closures: str = "phones"
    """How p, b and m are found: phones (any language), english (words that pocketsphinx recognises), or a text file of
    what is said in English, aligned by pocketsphinx."""
    action_units: tuple[Path, Path] | None = None
    """OpenFace's tables (.csv) of the predicted and the true video, for AUE as published."""
    video: Path | None = None
    """Folder for pred.mp4 and truth.mp4 of a person, near-lossless, with sound."""
    drive: Path | None = None
    """A video of somebody else, or its prepared folder: their words from the person's mouth, lips beside lips."""
    fields: Literal["all", "general", "individual"] = "all"
    """What moves the person's head: of d3talker the General field, the Individual one, or both."""
    device: Device = "auto"
    """Where to compute."""

    def run(self) -> None:
        """Does it."""
        from d3talker.cli.tables import print_numbers
        from d3talker.config.evaluate import EvaluateSettings
        from d3talker.core.device import choose_device
        from d3talker.core.errors import D3Error
        from d3talker.models.person import load_person
        from d3talker.recipes.evaluate import evaluate
        from d3talker.recipes.score_videos import score_videos

        device = choose_device(self.device)
        settings = EvaluateSettings(self.closures, self.action_units, self.json, self.frames)
        if self.person.is_file() or (self.person.suffix and not self.person.exists()):
            if self.video or self.drive or self.fields != "all":
                raise D3Error(
                    f"{self.person} is a video", "a person for --video, --drive and --fields", "Leave these out."
                )
            print_numbers(score_videos(self.person, self.clip, settings, device=device, progress=Bars()))
            return
        numbers = evaluate(
            load_person(self.person, device),
            self.clip,
            settings,
            video=self.video,
            counted=self.fields,
            speaker=self.drive,
            progress=Bars(),
        )
        print_numbers(numbers)


@dataclass(frozen=True)
class Bench:
    """Train and measure a matrix of clips, methods, seconds and seeds; tables as in the papers, and a page to look at.

    Every cell is a folder under OUT/cells with its head, numbers and videos. Killed or stopped, the same command goes
    on where it was; a cell that fails is listed. In the end OUT/report.html, tables.md, tables.tex, results.csv and
    results.json are written, of all cells that are done.

    Example: d3talker bench clips/*.mp4 --seconds 5 10 --seeds 0 1 --workers 2 --out runs/bench

    Example: d3talker bench me.mp4 --methods d3talker --ablations no-refiner general --out runs/ablations
    """

    clips: Positional[tuple[Path, ...]]
    """Videos, or folders that `prepare` wrote, one a person."""
    out: Path
    """Folder of the bench."""
    methods: tuple[Literal["talkinggaussian", "instag", "d3talker"], ...] = ("talkinggaussian", "instag", "d3talker")
    """What is compared."""
    seconds: tuple[float, ...] = (10.0,)
    """To learn from, of each clip; the rest is measured on. A clip that is too short for one is left out there."""
    seeds: tuple[int, ...] = (0,)
    """Trainings of every cell; with two and more the tables have their spread."""
    ablations: tuple[str, ...] = ()
    """Rows of D3-Talker's Table 4: audio-only, motion-only, no-similarity, no-refiner, position, ... or general and
    individual, which leave half of the fields out at test."""
    priors: Path | None = None
    """Folder of priors that `pretrain` wrote, in place of the shipped ones; ablations may need their own."""
    preset: Literal["auto", "cpu", "gpu", "paper", "demo", "tiny"] = "auto"
    """How long to train, at which size, as in `adapt`."""
    resolution: int | None = None
    """Pixels of the square picture, if not the preset's."""
    front_end: str = "phone29"
    """What hears the sound."""
    english: tuple[str, ...] = ()
    """Names of clips in English: p, b and m are found by pocketsphinx there, and by the phone encoder elsewhere."""
    drive: tuple[Path, ...] = ()
    """Clips whose words every head but their own says (Table 3); by default each head says those of the next clip."""
    driven_seconds: float = 20.0
    """How much of them is said."""
    workers: int = 1
    """Processes at once; each takes its share of the cores."""
    device: Device = "auto"
    """Where to compute."""
    restart: bool = False
    """Train the cells of this matrix anew."""

    def run(self) -> None:
        """Does it."""
        from d3talker.cli.tables import print_bench
        from d3talker.config.bench import BenchSettings
        from d3talker.config.presets import PRESETS
        from d3talker.core.device import choose_device
        from d3talker.recipes.adapt import with_resolution
        from d3talker.recipes.bench import bench

        device = choose_device(self.device)
        name = self.preset if self.preset != "auto" else ("gpu" if device.type == "cuda" else "cpu")
        settings = BenchSettings(
            preset=with_resolution(PRESETS[name], self.resolution),
            methods=self.methods,
            seconds=self.seconds,
            seeds=self.seeds,
            ablations=self.ablations,
            priors=self.priors,
            front_end=self.front_end,
            english=self.english,
            driven_seconds=self.driven_seconds,
            workers=self.workers,
            device=self.device,
        )
        told = bench(
            list(self.clips), self.out, settings, drive=list(self.drive), restart=self.restart, progress=Bars()
        )
        print_bench(told)
