"""What a person is to say: a sound file, or a text that a speech synthesiser reads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.media.audio import write_wav
from d3talker.phonetics.synthesis import synthesise


@contextmanager
def sound_or_text(audio: Path | None, text: str | None, voice: str = "") -> Iterator[Path]:
    """Gives a sound file: ``audio`` itself, or one of ``text`` that is gone when the block ends.

    Args:
        audio: any audio or video file.
        text: what to say in its place.
        voice: who reads the text, see :func:`~d3talker.phonetics.synthesis.synthesise`.

    Raises:
        D3Error: both or neither are given, a voice without a text, or the text cannot be read out.
    """
    if audio is not None and text is not None:
        raise D3Error(f"both {audio} and --text are given", "one of them", "Leave out one of the two.")
    if audio is None and text is None:
        raise D3Error("there is nothing to say", "a sound file or --text", 'Add a file, or --text "Good morning."')
    if voice and text is None:
        raise D3Error(f"--voice {voice} without --text", "a text to read", "Leave out --voice; the sound has its own.")
    if audio is not None:
        yield audio
        return
    assert text is not None
    speech = synthesise(text, voice)
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "text.wav"
        write_wav(sound, speech.samples, speech.rate)
        yield sound
