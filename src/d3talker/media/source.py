"""Opens media files, finds their tracks and decodes what can be decoded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error
from av.stream import Disposition

from d3talker.core.errors import D3Error

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

DECODING_THREADS = min(4, os.cpu_count() or 1)  # every thread of a frame-threaded decoder holds a frame
_NO_MEDIA = {"tty"}  # FFmpeg would draw a plain text file as a film


@contextmanager
def open_media(path: Path | str, wanted: str) -> Iterator[InputContainer]:
    """Opens any container that FFmpeg reads, from a local file only.

    Args:
        path: the file.
        wanted: what the caller looks for ("a video"), for the message.

    Raises:
        D3Error: no such file, a folder, not readable, or no media file.
    """
    path = Path(path)
    if not path.exists():
        raise D3Error(f"{path} does not exist", wanted, "Check the path.")
    if path.is_dir():
        raise D3Error(f"{path} is a folder", wanted, "Name one file in it.")
    try:  # an absolute path, so that a name such as "a:b.mp4" is not taken for a network address
        container = av.open(os.path.abspath(path), options={"protocol_whitelist": "file"})
    except PermissionError:
        raise D3Error(f"{path} may not be read", wanted, "Change its permissions.") from None
    except av.error.FFmpegError:
        raise _no_media(path, wanted) from None
    with container:
        if container.format.name in _NO_MEDIA:
            raise _no_media(path, wanted)
        yield container


def _no_media(path: Path, wanted: str) -> D3Error:
    seen = f"{path} is empty" if path.stat().st_size == 0 else f"{path} is not a media file, or is damaged"
    return D3Error(seen, wanted, "Check that it plays, or export it again as mp4.")


def picture_track(container: InputContainer) -> VideoStream | None:
    """The first video stream that is no cover picture, or None."""
    moving = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    return next(moving, None)


def sound_track(container: InputContainer) -> AudioStream | None:
    """The first sound stream, or None."""
    return next(iter(container.streams.audio), None)


def time_zero(stream: VideoStream) -> float:
    """When the picture starts on the file's own clock, in seconds: the time 0 of every function of this room."""
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


def decoded(container: InputContainer, stream: VideoStream | AudioStream) -> Iterator[Any]:
    """Every frame that can be decoded, in order of presentation; damaged packets are left out."""
    stream.codec_context.thread_type = "AUTO"
    if not stream.codec_context.is_open:
        stream.codec_context.thread_count = DECODING_THREADS
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            yield from packet.decode()
        except av.error.InvalidDataError:  # a damaged packet; a truncated file ends the demuxer instead
            continue
        except av.error.FFmpegError:
            break
    yield from stream.decode(None)
