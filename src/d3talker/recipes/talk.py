"""Talking: a person and any sound give a video of the person saying it.

Everything streams: sound is read in pieces, frames are drawn one by one and written at once, so that an hour takes
the memory of a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, repeat
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageColor, UnidentifiedImageError
from torch import Tensor

from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of, writable_folder
from d3talker.core.progress import Progress, Silent
from d3talker.media.blocks import FrameBlocks
from d3talker.media.video import VideoWriter
from d3talker.media.writer import StyleName
from d3talker.models.animate import Animation, Coarse, Codes, Gain, stream_codes
from d3talker.models.person import Person
from d3talker.ops.pool import cores
from d3talker.ops.threads import quiet_threads, quietly
from d3talker.recipes.ahead import ahead
from d3talker.recipes.hearing import Hearing, hearing_again
from d3talker.recipes.paste import Paste
from d3talker.recipes.sound import check_sound, clean_sound
from d3talker.recipes.walk import read_blinks, smooth_cameras, stillest, to_and_fro
from d3talker.signals.blinks import blinks
from d3talker.signals.speech import RATE, SoundSource, frame_count

SOUND_RATE = 48_000
"""Samples a second of the sound in the video."""
_HEARD_AHEAD, _DRAWN_AHEAD = 25, 3  # frames that wait for the next step at most
BLINK = 5
"""Place of the blink in the expression."""


@dataclass(frozen=True)
class TalkSettings:
    """How the person talks."""

    pose: Literal["clip", "still"] = "clip"
    """`clip` moves the head to and fro along its own path, `still` holds it."""
    blink: str = "auto"
    """`auto` blinks every few seconds, `clip` as in the clip, `none` never; or a text file, one number a frame from 0
    (open) to 1 (closed), the eyes stay open after its end."""
    background: str = "clip"
    """`clip`, `transparent` (.webm or .mov), a colour such as `#204060` or `white`, or a picture file."""
    paste_back: Path | None = None
    """The video that the person was made from: the head is pasted back into its full frames."""
    seed: int = 0
    """Of the blinks."""
    refine: bool = True
    """Paint over what the Gaussians show with the person's refiner, where there is one."""
    mouth_gain: float = 1.0
    """What the motion that speech causes is multiplied by, from the face of somebody who says nothing, in [0, 2]."""


@dataclass(frozen=True)
class Frame:
    """One drawn frame: the picture (R, R, 3) uint8, and where the person is (R, R) in [0, 1]."""

    picture: np.ndarray
    alpha: np.ndarray
    place: int  # the clip's frame whose pose and plate it has


def talk(
    person: Person,
    audio: Path,
    out: Path,
    settings: TalkSettings | None = None,
    progress: Progress | None = None,
) -> Path:
    """Writes the video ``out`` of ``person`` saying ``audio`` (any audio or video file) and returns its path.

    Raises:
        D3Error: the sound, the settings or the place cannot be used; nothing is left behind.
    """
    settings, progress = settings or TalkSettings(), progress or Silent()
    transparent = settings.background == "transparent"
    if transparent and out.suffix.lower() not in (".webm", ".mov"):
        raise D3Error(f"{out.name} cannot be transparent", "a .webm or .mov file", "Change the suffix of --out.")
    behind = None if settings.background in ("clip", "transparent") else _background(settings.background, person)
    paste = None if settings.paste_back is None else _paste(person, settings, transparent)
    if settings.blink not in ("auto", "clip", "none"):
        read_blinks(Path(settings.blink))
    if not 0.0 <= settings.mouth_gain <= 2.0:
        raise D3Error(f"a mouth gain of {settings.mouth_gain:g}", "0 to 2", "Give 1 for the person's own.")
    samples = check_sound(audio, progress).samples
    writable_folder(out.parent)

    width, height = (person.resolution, person.resolution) if paste is None else paste.size
    style: StyleName = "alpha" if transparent else "share"
    sound = clean_sound(audio, SOUND_RATE)
    with (
        progress.stage("talk", frame_count(samples)) as advance,
        VideoWriter(out, width, height, style=style, sound_rate=SOUND_RATE) as video,
        quiet_threads(person.head.face.gaussians.device),
    ):
        heard = 0
        for i, frame in enumerate(say(person, lambda: clean_sound(audio, RATE), settings, behind)):
            picture = frame.picture
            if transparent:
                picture = np.dstack([picture, np.round(255 * frame.alpha).astype(np.uint8)])
            elif paste is not None:
                picture = paste.into_frame(frame.picture, frame.place)
            video.write(picture)
            while heard < (i + 1) * SOUND_RATE // 25 and (piece := next(sound, None)) is not None:
                video.write_sound(piece)
                heard += len(piece)
            advance()
    return out


def say(
    person: Person, sound: SoundSource, settings: TalkSettings, behind: np.ndarray | None = None
) -> Iterator[Frame]:
    """The frames of ``person`` saying ``sound``, one at a time.

    Hearing, drawing and refining run side by side, each in a thread of its own, and ahead of the caller.
    ``behind`` (R, R, 3) in [0, 1] takes the place of the clip's background.
    """
    ears = hearing_again(person.method, person.meta, "the person")
    device = person.head.face.gaussians.device
    gain = None if settings.mouth_gain == 1.0 else Gain(settings.mouth_gain, _silent_codes(person, ears))
    animation = Animation(person.head, gain=gain)
    others = max(1, cores() - 1)
    hearing, drawing = (1, others) if device.type == "cpu" else (others, 1)  # whichever keeps the CPU busier
    codes = ahead(quietly(stream_codes(person.head, ears.stream(sound, device)), hearing), _HEARD_AHEAD)
    drawn = ahead(quietly(_draw(person, animation, codes, settings, behind), drawing), _DRAWN_AHEAD)
    yield from ahead(quietly(_finish(animation, drawn, settings)), _DRAWN_AHEAD)


def _silent_codes(person: Person, ears: Hearing) -> Codes:
    """The codes in the middle of a second of silence."""
    device = person.head.face.gaussians.device
    codes = list(stream_codes(person.head, ears.stream(lambda: iter([np.zeros(RATE, np.float32)]), device)))
    return codes[len(codes) // 2]


def _finish(
    animation: Animation, drawn: Iterator[tuple[int, Coarse, Tensor]], settings: TalkSettings
) -> Iterator[Frame]:
    for place, coarse, torso in drawn:
        picture = animation.refined(coarse) if settings.refine else coarse.picture[0]
        whole = 1 - (1 - coarse.alpha) * (1 - torso)
        shown, alpha = _on_host(picture.mul(255).round_().to(torch.uint8), whole)
        yield Frame(shown, alpha, place)


def _on_host(*tensors: Tensor) -> list[np.ndarray]:
    """As arrays; a GPU copies all of them to pinned memory and is waited for once."""
    copies = [tensor.to("cpu", non_blocking=True) for tensor in tensors]
    if tensors[0].is_cuda:
        torch.cuda.current_stream(tensors[0].device).record_event().synchronize()
    return [copy.numpy() for copy in copies]


def _draw(
    person: Person, animation: Animation, codes: Iterator[Codes], settings: TalkSettings, behind: np.ndarray | None
) -> Iterator[tuple[int, Coarse, Tensor]]:
    """The clip's frame, what the Gaussians show, and where the torso is (R, R) in [0, 1], of every frame."""
    device = person.head.face.gaussians.device
    plates, torsos = FrameBlocks(person.path / "plates.mp4"), FrameBlocks(person.path / "torso.mkv", channels=1)
    clean = np.asarray(Image.open(person.path / "background.png").convert("RGB"), np.float32) / 255

    def send(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device, non_blocking=True)

    intrinsics = send(person.intrinsics.astype(np.float32))
    change = None if behind is None else send(behind - clean)
    shown = None
    for code, (place, camera, expression) in zip(codes, _motion(person, settings), strict=False):
        if place != shown:  # a still head keeps what is behind it
            plate, torso = (send(stored).float().div_(255) for stored in (plates[place], torsos[place][..., 0]))
            if change is not None:
                plate = plate + (1 - torso[..., None]) * change
            shown = place
        yield place, animation.coarse(code, send(expression), send(camera), intrinsics, plate), torso


def _motion(person: Person, settings: TalkSettings) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Clip frame, camera (4, 4) and expression (6,) of every frame, for ever."""
    if settings.pose == "still":
        order = np.array([stillest(person.world_to_cam, person.blink)])
        cameras = person.world_to_cam[order]
    else:
        order = to_and_fro(len(person.world_to_cam))
        cameras = smooth_cameras(person.world_to_cam[order])
    expressions = person.expression[order].astype(np.float32)
    if settings.blink != "clip":
        expressions[:, 2:] = np.median(person.expression[:, 2:], axis=0)  # the lids rest, the brows go on
    lids = {"auto": lambda: blinks(settings.seed), "none": lambda: repeat(0.0), "clip": lambda: repeat(0.0)}
    closed = lids[settings.blink]() if settings.blink in lids else read_blinks(Path(settings.blink))
    for place, camera, expression in cycle(zip(order, cameras.astype(np.float32), expressions, strict=True)):
        expression = expression.copy()
        expression[BLINK] = max(expression[BLINK], next(closed))
        yield int(place), camera, expression


def _background(background: str, person: Person) -> np.ndarray:
    size = person.resolution
    try:
        colour = ImageColor.getrgb(background)[:3]
        return np.full((size, size, 3), colour, np.float32) / 255
    except ValueError:
        pass
    try:
        picture = Image.open(background).convert("RGB")
    except (OSError, UnidentifiedImageError):
        raise D3Error(
            f"the background {background!r} is neither a colour nor a picture",
            "clip, transparent, a colour such as #204060, or a picture file",
            "Check --background.",
        ) from None
    short = min(picture.size)
    left, top = (picture.width - short) // 2, (picture.height - short) // 2
    square = picture.crop((left, top, left + short, top + short)).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(square, np.float32) / 255


def _paste(person: Person, settings: TalkSettings, transparent: bool) -> Paste:
    source = person.meta["source"]
    if transparent or settings.background != "clip":
        raise D3Error("--paste-back and --background exclude each other", "one of them", "Leave out one of the two.")
    assert settings.paste_back is not None
    if not settings.paste_back.exists() or sha256_of(settings.paste_back) != source["sha256"]:
        raise D3Error(
            f"{settings.paste_back} is not the video that the person was made from",
            source["name"],
            "Give that very file to --paste-back.",
        )
    return Paste(settings.paste_back, source["start"], person.meta["crop"])
