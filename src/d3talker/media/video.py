"""Video in: any container, any frame rate, upright RGB on a regular grid of times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from d3talker.core.errors import D3Error
from d3talker.media.colour import UPRIGHT, display_matrix, quarter_turns, to_rgb, upright
from d3talker.media.source import decoded, open_media, picture_track, sound_track, time_zero
from d3talker.media.writer import VideoWriter

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["VideoInfo", "VideoWriter", "probe", "read_frames", "read_stored"]

_A_VIDEO = "a video file with a picture track"


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says of itself.

    Attributes:
        width: pixels of the upright picture, with square pixels.
        height: as ``width``.
        fps: mean frames a second, 0 where the file does not say.
        duration: seconds of the picture track.
        has_sound: whether there is a sound track.
        rotation: degrees clockwise (0, 90, 180, 270) that the stored pictures are turned by to stand upright.
        codec: FFmpeg's name of the picture codec ("h264").
    """

    width: int
    height: int
    fps: float
    duration: float
    has_sound: bool
    rotation: int
    codec: str


class _Timed(NamedTuple):
    time: float  # seconds from the start of the picture track
    step: float  # seconds that the picture is meant to stay
    frame: VideoFrame


def probe(path: Path | str) -> VideoInfo:
    """Reads size, rate, length and orientation; decodes one picture to be sure that it can be.

    Raises:
        D3Error: no such file, no video, a still picture, or nothing in it can be decoded.
    """
    with open_media(path, _A_VIDEO) as container:
        stream = _moving_track(container, path)
        frame = next(decoded(container, stream), None)
        if frame is None:
            raise _nothing_decoded(path)
        width, height = _square_size(stream, frame)
        rotation = quarter_turns(display_matrix(frame))
        if rotation % 180:
            width, height = height, width
        return VideoInfo(
            width=width,
            height=height,
            fps=float(stream.average_rate or stream.guessed_rate or 0),
            duration=_duration(container, stream),
            has_sound=sound_track(container) is not None,
            rotation=rotation,
            codec=stream.codec_context.name,
        )


def read_frames(
    path: Path | str, fps: float = 25.0, start: float = 0.0, end: float | None = None
) -> Iterator[np.ndarray]:
    """Reads a video on a regular grid of times, whatever its own rate, fixed or variable.

    Picture i is the one nearest to the time ``start + i / fps``: the one on display then, or the next one if its time
    is nearer and less than half a grid step ahead (so timestamps that a container has rounded do no harm, and a
    picture after a long pause never comes early). Time 0 is the first picture of the track. Turned and mirrored
    recordings come upright, stretched pixels square, every picture in the size of the first one. A file that breaks
    off gives what is there. Memory does not grow with the length.

    Args:
        path: any file that FFmpeg reads.
        fps: pictures a second of the result.
        start: seconds from the first picture.
        end: seconds from the first picture, or None for the whole; a later end than the video's is no error.

    Returns:
        An iterator of (H, W, 3) uint8 RGB, each an array of its own.

    Raises:
        D3Error: no such file, no video, a still picture, nothing can be decoded, or ``start`` is not before the end.
    """
    if start < 0 or (end is not None and end <= start):
        raise D3Error(f"start {start:g} s, end {end} s", "0 <= start < end", "Mend the two times.")
    with open_media(path, _A_VIDEO) as container:  # mistakes are told now, not at the first picture
        _moving_track(container, path)
    return _read_grid(Path(path), fps, start, end)


def read_stored(path: Path | str) -> Iterator[np.ndarray]:
    """Reads every picture of one of our own files as it is stored, on no grid.

    Returns:
        An iterator of (H, W, 3) uint8 RGB, or (H, W) uint8 for gray files (labels); bit-exact for the lossless styles.

    Raises:
        D3Error: no such file, no video, or nothing can be decoded.
    """
    with open_media(path, _A_VIDEO) as container:
        stream = _moving_track(container, path)
        reformatter = VideoReformatter()
        frame = None
        for frame in decoded(container, stream):
            if frame.format.name == "gray":
                yield frame.to_ndarray()
            else:
                yield to_rgb(frame, reformatter, frame.width, frame.height)
        if frame is None:
            raise _nothing_decoded(path)


def _read_grid(path: Path, fps: float, start: float, end: float | None) -> Iterator[np.ndarray]:
    with open_media(path, _A_VIDEO) as container:
        stream = _moving_track(container, path)
        reformatter = VideoReformatter()
        size, matrix = (0, 0), UPRIGHT
        last, picture = None, None
        for frame in _on_grid(_timed_from(container, stream, start), fps, start, end):
            if picture is None:
                size, matrix = _square_size(stream, frame), display_matrix(frame)
            if picture is not None and frame is last:
                yield picture.copy()
                continue
            last, picture = frame, upright(to_rgb(frame, reformatter, *size), matrix)
            yield picture
        if picture is None:
            if start == 0:
                raise _nothing_decoded(path)
            seen = f"{path} lasts {_duration(container, stream):.2f} s"
            raise D3Error(seen, f"more than the start, {start:g} s", "Choose an earlier start.")


def _on_grid(pictures: Iterator[_Timed], fps: float, start: float, end: float | None) -> Iterator[VideoFrame]:
    half = 0.5 / fps
    count = None if end is None else max(1, round((end - start) * fps))
    done = 0
    current = None
    for following in pictures:
        while current is not None and done != count:
            wanted = start + done / fps
            ahead = following.time - wanted
            if ahead <= 1e-6 or ahead < min(wanted - current.time, half) - 1e-6:
                break
            yield current.frame
            done += 1
        if done == count:
            return
        current = following
    if current is None:
        return
    over = current.time + current.step + 1e-6
    while done != count and (start + done / fps + half <= over or (done == 0 and start == 0)):
        yield current.frame
        done += 1


def _timed_from(container: InputContainer, stream: VideoStream, start: float) -> Iterator[_Timed]:
    """Pictures with their times, from the last key picture before ``start`` on."""
    if start > 0 and _seek(container, stream, start):
        first = None
        for picture in _timed(container, stream):
            first = picture.time if first is None else first
            if first > start:  # the index pointed too far: read from the beginning instead
                break
            yield picture
        if first is not None and first <= start:
            return
        container.seek(0)
    yield from _timed(container, stream)


def _seek(container: InputContainer, stream: VideoStream, start: float) -> bool:
    try:
        container.seek(int((start + time_zero(stream)) / stream.time_base), stream=stream)  # type: ignore[operator]
    except (av.error.FFmpegError, TypeError):
        return False
    return True


def _timed(container: InputContainer, stream: VideoStream) -> Iterator[_Timed]:
    zero = time_zero(stream)
    nominal = 1 / float(stream.average_rate or stream.guessed_rate or 25)
    time = -nominal
    previous = None
    for frame in decoded(container, stream):
        stated = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base) - zero
        time = time + nominal if stated is None or (previous is not None and stated <= time) else stated
        length = float((getattr(frame, "duration", 0) or 0) * (frame.time_base or 0))
        yield _Timed(time, length or (time - previous if previous is not None else nominal), frame)
        previous = time


def _moving_track(container: InputContainer, path: Path | str) -> VideoStream:
    stream = picture_track(container)
    if stream is None:
        raise D3Error(f"{path} has no picture track", _A_VIDEO, "Give the video, not only its sound.")
    if container.format.name == "image2" or container.format.name.endswith("_pipe"):
        raise D3Error(f"{path} is a single picture", _A_VIDEO, "Film a clip of a few seconds.")
    return stream


def _square_size(stream: VideoStream, frame: VideoFrame) -> tuple[int, int]:
    stretch = float(stream.sample_aspect_ratio or 1)
    return max(1, round(frame.width * stretch)), frame.height


def _duration(container: InputContainer, stream: VideoStream) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    if container.duration:
        return container.duration / av.time_base
    last = 0.0  # recordings of browsers do not say: look at every packet, decode none
    container.seek(0)
    for packet in container.demux(stream):
        if packet.pts is not None:
            last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
    return last - time_zero(stream)


def _nothing_decoded(path: Path | str) -> D3Error:
    return D3Error(f"no picture of {path} can be decoded", "a whole video", "Check that it plays, or export it again.")
