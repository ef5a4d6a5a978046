"""What may be sent to a studio: how many bytes, how many seconds, which kinds of file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.media.audio import stream_audio
from d3talker.media.video import probe

_RATE = 16_000


@dataclass(frozen=True)
class Limits:
    """Bounds of one studio."""

    megabytes: int = 500
    """Of one upload."""
    clip_seconds: float = 180.0
    """Of a clip that a person is made from."""
    speech_seconds: float = 600.0
    """Of what a person says."""
    characters: int = 2000
    """Of a text that is read out."""

    @property
    def bytes(self) -> int:
        """Of one upload."""
        return self.megabytes * 1_000_000

    def check_clip(self, clip: Path) -> None:
        """Makes sure that a clip can be learned from.

        Raises:
            D3Error: too large, too long, no video, or without sound.
        """
        self._check_size(clip)
        with _unnamed(clip, "the clip"):
            info = probe(clip)
        if info.duration > self.clip_seconds:
            raise D3Error(
                f"the clip lasts {info.duration:.0f} s",
                f"at most {self.clip_seconds:.0f} s",
                "Cut it; 10 s are enough.",
            )
        if not info.has_sound:
            raise D3Error("the clip has no sound", "a clip of a person who talks", "Record it with sound.")

    def check_speech(self, sound: Path) -> None:
        """Makes sure that a sound can be said; of one too long no more is read than may be.

        Raises:
            D3Error: too large, too long, or no sound.
        """
        self._check_size(sound)
        samples = 0
        with _unnamed(sound, "the file"):
            for piece in stream_audio(sound, _RATE):
                samples += len(piece)
                if samples > self.speech_seconds * _RATE:
                    seen, wanted = "the sound is too long", f"at most {self.speech_seconds:.0f} s"
                    raise D3Error(seen, wanted, "Cut it, or take the command line: d3talker talk.")

    def check_text(self, text: str) -> None:
        """Makes sure that a text is not too long to be read out.

        Raises:
            D3Error: it is.
        """
        if len(text) > self.characters:
            raise D3Error(f"a text of {len(text)} characters", f"at most {self.characters}", "Say it in parts.")

    def _check_size(self, file: Path) -> None:
        size = file.stat().st_size
        if size > self.bytes:
            raise D3Error(f"a file of {size / 1e6:.0f} MB", f"at most {self.megabytes} MB", "Cut or compress it.")


class _unnamed:  # noqa: N801
    """Says "the clip" where an error would show where the upload is kept."""

    def __init__(self, file: Path, shown: str) -> None:
        self._file, self._shown = str(file), shown

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, D3Error) and self._file in error.seen:
            raise D3Error(error.seen.replace(self._file, self._shown), error.wanted, error.fix) from None
