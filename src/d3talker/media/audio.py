"""Sound in and out: mono float32 at one rate, from any file, in step with the picture."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
import soxr

from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_file
from d3talker.media.source import decoded, open_media, picture_track, sound_track, time_zero

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_A_SOUND = "a file with sound (wav, mp3, m4a, flac, ogg, or a video with sound)"
_GAP = 0.05  # seconds; smaller jumps of the timestamps are rounding, not missing sound
_LONGEST_GAP = 3600.0  # seconds; larger jumps are damage, not silence


def read_audio(path: Path | str, rate: int = 16_000) -> np.ndarray:
    """Reads the whole sound track as the mean of its channels.

    If the file has a picture track, sample 0 is the time of the first picture: sound that starts later is preceded by
    silence, sound before the picture is left out. The end is the sound's own. Gaps in the recording become silence.

    Args:
        path: any file that FFmpeg reads.
        rate: samples a second of the result.

    Returns:
        (S,) float32, as loud as recorded, nominally in [-1, 1].

    Raises:
        D3Error: no such file, no media file, no sound track, or nothing of it can be decoded.
    """
    return np.concatenate(list(stream_audio(path, rate)))


def stream_audio(path: Path | str, rate: int = 16_000, seconds: float = 10.0) -> Iterator[np.ndarray]:
    """Reads sound of any length in constant memory; joined, the pieces are what :func:`read_audio` gives.

    Args:
        path: any file that FFmpeg reads.
        rate: samples a second of the result.
        seconds: length of every piece but the last, which is shorter.

    Raises:
        D3Error: as :func:`read_audio`.
    """
    size = max(1, round(seconds * rate))
    pieces: list[np.ndarray] = []
    held = 0
    any_sound = False
    for samples in _resampled(path, rate):
        any_sound = True
        while held + len(samples) >= size:
            pieces.append(samples[: size - held])
            samples = samples[size - held :]
            yield np.concatenate(pieces)
            pieces, held = [], 0
        pieces.append(samples)
        held += len(samples)
    if held:
        yield np.concatenate(pieces)
    if not any_sound:
        raise D3Error(f"no sound of {path} can be decoded", _A_SOUND, "Check that it plays, or export it again.")


def sound_delay(path: Path | str) -> float:
    """Seconds that the sound track starts after the picture track (negative: before); 0 where there is no picture.

    :func:`read_audio` has already made up for it.

    Raises:
        D3Error: as :func:`read_audio`.
    """
    with open_media(path, _A_SOUND) as container:
        stream = _track(container, path)
        pictures = picture_track(container)
        if pictures is None:
            return 0.0
        frame = next(decoded(container, stream), None)
        return 0.0 if frame is None or frame.time is None else frame.time - time_zero(pictures)


class SoundCheck:
    """Looks over sound, piece by piece, before any work is spent on it.

    Args:
        rate: samples a second.
        name: what to call the sound in messages.
    """

    def __init__(self, rate: int, name: str) -> None:
        self._rate, self._name = rate, name
        self.samples = 0
        self._odd, self._clipped, self._peak = 0, 0, 0.0

    def add(self, samples: np.ndarray) -> np.ndarray:
        """Takes in the next piece (S,) and gives it clean: float32 in [-1, 1], values that are no numbers set to 0."""
        numbers = np.isfinite(samples)
        clean = np.where(numbers, samples, 0).astype(np.float32)
        size = np.abs(clean)
        self.samples += len(samples)
        self._odd += len(samples) - np.count_nonzero(numbers)
        self._clipped += np.count_nonzero(size >= 0.999)
        self._peak = max(self._peak, float(size.max(initial=0.0)))
        return np.clip(clean, -1, 1)

    def finish(self) -> list[str]:
        """Warnings about the whole sound, each one line.

        Raises:
            D3Error: shorter than 0.2 s, or silent (no sample above -80 dB of full scale).
        """
        if self.samples < 0.2 * self._rate:
            seen = f"{self._name} lasts {self.samples / self._rate:.2f} s"
            raise D3Error(seen, "at least 0.2 s of speech", "Give a longer recording.")
        if self._peak < 1e-4:
            raise D3Error(f"{self._name} is silent", "speech", "Check the microphone or the chosen track.")
        warnings = []
        if self._odd:
            warnings.append(f"{self._name}: {self._odd} samples are no numbers and were set to 0")
        if self._clipped > 1e-3 * self.samples:
            share = 100 * self._clipped / self.samples
            warnings.append(f"{self._name}: {share:.1f} % of the sound is clipped; record it with less gain")
        return warnings


def check_audio(samples: np.ndarray, rate: int, name: str) -> tuple[np.ndarray, list[str]]:
    """A whole sound (S,) through :class:`SoundCheck`: the clean samples and the warnings.

    Raises:
        D3Error: shorter than 0.2 s, or silent.
    """
    check = SoundCheck(rate, name)
    return check.add(samples), check.finish()


def write_wav(path: Path | str, samples: np.ndarray, rate: int = 16_000) -> None:
    """Writes (S,) float mono as 16-bit PCM, atomically; values beyond [-1, 1] are clipped.

    Raises:
        D3Error: the place cannot be written or the disk is full.
    """
    content = io.BytesIO()  # in memory first: soundfile does not say why it failed to write a file
    soundfile.write(content, np.clip(samples, -1, 1), rate, subtype="PCM_16", format="WAV")
    with atomic_file(Path(path)) as partial:
        partial.write_bytes(content.getbuffer())


def _resampled(path: Path | str, rate: int) -> Iterator[np.ndarray]:
    resampler, source_rate = None, rate
    for source_rate_now, samples in _placed(path):
        if source_rate_now != source_rate:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            source_rate = source_rate_now
            resampler = None if source_rate == rate else soxr.ResampleStream(source_rate, rate, 1, dtype="float32")
        yield samples if resampler is None else resampler.resample_chunk(samples)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _placed(path: Path | str) -> Iterator[tuple[int, np.ndarray]]:
    """Pieces of mono sound with their rates, without gaps and overlaps, from the first picture on."""
    with open_media(path, _A_SOUND) as container:
        stream = _track(container, path)
        pictures = picture_track(container)
        zero = None if pictures is None else time_zero(pictures)
        now = 0.0  # seconds given so far
        tolerance = 0.0  # the first piece is placed to the sample, later ones follow it
        for frame in decoded(container, stream):
            samples, rate = _mono(frame), frame.sample_rate
            if frame.time is not None:
                zero = frame.time if zero is None else zero
                jump = frame.time - zero - now
                if tolerance < jump < _LONGEST_GAP:
                    silence = np.zeros(round(jump * rate), np.float32)
                    now += len(silence) / rate
                    yield rate, silence
                elif -_LONGEST_GAP < jump < -tolerance:
                    samples = samples[round(-jump * rate) :]
            if len(samples):
                tolerance = _GAP
                now += len(samples) / rate
                yield rate, samples


def _mono(frame: AudioFrame) -> np.ndarray:
    samples: np.ndarray = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    scale = 1.0
    if samples.dtype == np.uint8:
        samples = samples.astype(np.float32) - 128
        scale = 1 / 128
    elif np.issubdtype(samples.dtype, np.integer):
        scale = 2.0 ** (1 - 8 * samples.dtype.itemsize)
    return (samples.mean(axis=0, dtype=np.float64) * scale).astype(np.float32)


def _track(container: InputContainer, path: Path | str) -> AudioStream:
    stream = sound_track(container)
    if stream is None:
        raise D3Error(f"{path} has no sound", _A_SOUND, "Choose a file with a sound track.")
    return stream
