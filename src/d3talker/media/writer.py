"""Video out: one picture at a time, sound in step, whole or absent."""

from __future__ import annotations

import os
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import av
import av.error
import numpy as np
import soxr
from av.audio.frame import AudioFrame
from av.video.reformatter import ColorRange, VideoReformatter

from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_file
from d3talker.media.colour import BT709, from_rgb

StyleName = Literal["share", "precise", "lossless", "labels", "alpha"]


@dataclass(frozen=True)
class _Style:
    codec: str
    pixels: str
    channels: int
    options: dict[str, str] = field(default_factory=dict)
    even: bool = False  # whether the codec wants even sides


# a third of the encoder's and less than half of the decoder's time of FFV1, for a sixth more bytes
_LOSSLESS = {"qp": "0", "preset": "ultrafast", "g": "25"}
_FFV1 = {"level": "3", "g": "1", "slices": "4", "slicecrc": "1"}
_VP9 = {"crf": "18", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0"}
_PRORES = {"profile": "4444", "alpha_bits": "16", "vendor": "apl0"}
_SHARE = {"crf": "17", "preset": "veryfast"}
# 4:4:4: colour as fine as light; a key a second, so that readers who jump decode little
_PRECISE = {"crf": "4", "preset": "superfast", "g": "25", "x264-params": "chroma-qp-offset=-6"}
_STYLES: dict[tuple[str, str], _Style] = {
    **{("share", suffix): _Style("libx264", "yuv420p", 3, _SHARE, True) for suffix in (".mp4", ".mov", ".mkv")},
    **{("precise", suffix): _Style("libx264", "yuv444p", 3, _PRECISE) for suffix in (".mp4", ".mov", ".mkv")},
    ("lossless", ".mkv"): _Style("libx264rgb", "rgb24", 3, _LOSSLESS),
    ("labels", ".mkv"): _Style("ffv1", "gray", 1, _FFV1),
    ("alpha", ".webm"): _Style("libvpx-vp9", "yuva420p", 4, _VP9, True),
    ("alpha", ".mov"): _Style("prores_ks", "yuva444p10le", 4, _PRORES, True),
}
_SOUND_CODECS = {".mp4": "aac", ".mov": "pcm_s16le", ".mkv": "flac", ".webm": "libopus"}
_COMMON_RATE = 48_000  # what AAC and Opus are heard at everywhere; their last block then is shorter than a picture


class VideoWriter:
    """Writes a video file, picture by picture, with or without sound; use it in a ``with`` statement.

    The file appears under its name when the ``with`` block ends well; after an error nothing is left behind. Sound is
    cut or filled with silence at the end to last as long as the pictures. Memory does not grow with the length, save
    for sound given ahead of its pictures, which is kept until they come.

    Styles (the suffix of ``path`` chooses the container): ``share`` H.264 4:2:0 crf 17 (.mp4, .mov, .mkv); ``precise``
    H.264 4:4:4 crf 4 (the same); ``lossless`` H.264 RGB (.mkv), bit-exact; ``labels`` FFV1 gray (.mkv), bit-exact;
    ``alpha`` with straight, not premultiplied, transparency: VP9 (.webm) or ProRes 4444 (.mov). All YUV is BT.709 of
    limited range and says so. ``share`` and ``alpha`` repeat the last row or column of a picture with an odd side, so
    the file is one pixel larger there. Sound is AAC (.mp4) or Opus (.webm) at 48 kHz, 16-bit PCM (.mov), FLAC (.mkv).

    Args:
        path: where to write; the folder is made if needed.
        width: pixels of every picture.
        height: as ``width``.
        fps: pictures a second.
        style: see above.
        sound_rate: samples a second that will be given to :meth:`write_sound`, or None for a file without sound.

    Raises:
        D3Error: the suffix does not fit the style, the place cannot be written, the disk is full, no picture came.
        ValueError: a picture of another shape or type.
    """

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        fps: float = 25.0,
        style: StyleName = "share",
        sound_rate: int | None = None,
    ) -> None:
        self.path = Path(path)
        suffixes = [suffix for name, suffix in _STYLES if name == style]
        if self.path.suffix.lower() not in suffixes:
            raise D3Error(
                f"{self.path} for a video of style {style}", " or ".join(suffixes), "Change the file's ending."
            )
        self._style = _STYLES[style, self.path.suffix.lower()]
        self._shape = (height, width) if self._style.channels == 1 else (height, width, self._style.channels)
        self._fps = Fraction(fps).limit_denominator(1001)
        self._sound_rate = sound_rate
        self._frames = 0
        self._stack = ExitStack()
        self._reformatter = VideoReformatter()

    def __enter__(self) -> VideoWriter:
        with ExitStack() as stack:
            partial = stack.enter_context(atomic_file(self.path))
            movable = {"movflags": "+faststart"} if self.path.suffix.lower() in (".mp4", ".mov") else {}
            self._container = av.open(os.path.abspath(partial), "w", options=movable)
            stack.push(self._close)
            self._pictures = self._picture_stream()
            self._sound = None if self._sound_rate is None else self._sound_stream(self._sound_rate)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            self._finish()

    def write(self, frame: np.ndarray) -> None:
        """Adds one picture: uint8, (H, W, 3) RGB, for ``labels`` (H, W), for ``alpha`` (H, W, 4)."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"a picture of shape {frame.shape}, {frame.dtype}; wanted {self._shape}, uint8")
        if self._style.even and (frame.shape[0] % 2 or frame.shape[1] % 2):
            frame = np.pad(frame, [(0, frame.shape[0] % 2), (0, frame.shape[1] % 2), (0, 0)], mode="edge")
        picture = from_rgb(frame, self._reformatter, self._style.pixels)
        picture.pts, picture.time_base = self._frames, 1 / self._fps
        self._container.mux(self._pictures.encode(picture))
        self._frames += 1
        if self._sound is not None:
            self._sound.write_until(self._frames / self._fps)

    def write_sound(self, samples: np.ndarray) -> None:
        """Adds sound, (S,) float32 mono in [-1, 1] at ``sound_rate``: any number of samples, at any time."""
        if self._sound is None:
            raise ValueError("this file has no sound track: give sound_rate")
        self._sound.add(samples)
        self._sound.write_until(self._frames / self._fps)

    def _picture_stream(self) -> Any:
        stream: Any = self._container.add_stream(self._style.codec, rate=self._fps, options=dict(self._style.options))
        height, width = self._shape[:2]
        stream.width = width + width % 2 if self._style.even else width
        stream.height = height + height % 2 if self._style.even else height
        stream.pix_fmt = self._style.pixels
        context = stream.codec_context
        context.thread_count = min(4, os.cpu_count() or 1)
        if self._style.pixels.startswith("yuv"):
            context.color_range = ColorRange.MPEG
            context.colorspace = context.color_primaries = context.color_trc = BT709
        return stream

    def _sound_stream(self, rate: int) -> _Sound:
        codec = _SOUND_CODECS[self.path.suffix.lower()]
        stream: Any = self._container.add_stream(codec, rate=_COMMON_RATE if codec in ("aac", "libopus") else rate)
        stream.codec_context.layout = "mono"
        if codec in ("aac", "libopus"):
            stream.codec_context.bit_rate = 128_000
        return _Sound(self._container, stream, rate)

    def _finish(self) -> None:
        if self._frames == 0:
            raise D3Error(f"no picture came for {self.path}", "at least one", "Check the source of the pictures.")
        self._container.mux(self._pictures.encode(None))
        if self._sound is not None:
            self._sound.finish(self._frames / self._fps)

    def _close(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self._container.close()
        else:
            with suppress(av.error.FFmpegError):
                self._container.close()


class _Sound:
    """The sound track: takes samples at one rate, encodes them at the stream's, never ahead of the pictures."""

    def __init__(self, container: Any, stream: Any, rate: int) -> None:
        self._container, self._stream, self._rate = container, stream, rate
        self._waiting: deque[np.ndarray] = deque()
        self._taken = 0  # samples given to the encoder, at the rate of the source
        self._encoded = 0  # the same at the rate of the stream
        self._resampler = None if stream.rate == rate else soxr.ResampleStream(rate, stream.rate, 1, dtype="float32")

    def add(self, samples: np.ndarray) -> None:
        if samples.ndim != 1:
            raise ValueError(f"sound of shape {samples.shape}; wanted mono, (S,)")
        self._waiting.append(np.array(samples, np.float32))

    def write_until(self, seconds: Fraction) -> None:
        room = round(seconds * self._rate) - self._taken
        while room > 0 and self._waiting:
            samples = self._waiting.popleft()
            if len(samples) > room:
                self._waiting.appendleft(samples[room:])
                samples = samples[:room]
            room -= len(samples)
            self._taken += len(samples)
            self._encode(samples)

    def finish(self, seconds: Fraction) -> None:
        self.write_until(seconds)
        missing = round(seconds * self._rate) - self._taken
        self._encode(np.zeros(missing, np.float32), last=True)
        self._container.mux(self._stream.encode(None))

    def _encode(self, samples: np.ndarray, last: bool = False) -> None:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        if len(samples) == 0:
            return
        frame = AudioFrame.from_ndarray(np.clip(samples, -1, 1)[None], format="fltp", layout="mono")
        frame.sample_rate = self._stream.rate
        frame.pts, frame.time_base = self._encoded, Fraction(1, self._stream.rate)
        self._encoded += len(samples)
        self._container.mux(self._stream.encode(frame))
