"""What two tabs share: something to say, as a file or a text, checked before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio as gr

from d3talker.apps.studio.limits import Limits
from d3talker.apps.studio.messages import told
from d3talker.apps.studio.workspace import Workspace
from d3talker.core.errors import D3Error
from d3talker.media.audio import write_wav
from d3talker.phonetics.synthesis import installed_voices
from d3talker.recipes.spoken import sound_or_text
from d3talker.speaker.speech import built_in_speech

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_PARTS = re.compile(r"rgba?\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)")


class Speaking:
    """The inputs, and what they give."""

    def __init__(self, workspace: Workspace, limits: Limits) -> None:
        self._workspace, self._limits = workspace, limits

    def build(self, prefix: str) -> list[gr.components.Component]:
        """Adds sound, text and voice; their values go to :meth:`sound` in this order."""
        voices = installed_voices()
        sound = gr.Audio(
            label="Sound to say", sources=["upload", "microphone"], type="filepath", elem_id=f"{prefix}-sound"
        )
        recording = gr.Button("Take the built-in recording", size="sm", elem_id=f"{prefix}-recording")
        recording.click(told(self._recording), None, sound, api_visibility="private", show_progress="hidden")
        text = gr.Textbox(
            label="or a text to read out",
            placeholder="Good morning to all of you." if voices else "Install espeak-ng or flite to read texts out.",
            interactive=bool(voices),
            lines=2,
            elem_id=f"{prefix}-text",
        )
        voice = gr.Dropdown(
            voices or [""],
            value=voices[0] if voices else "",
            label="Voice",
            info="synthesiser:language or name",
            visible=bool(voices),
        )
        return [sound, text, voice]

    def _recording(self) -> str:
        file = self._workspace.uploads / "built-in-recording.wav"
        if not file.exists():
            speech = built_in_speech("driving")
            write_wav(file, speech.samples, speech.rate)
        return str(file)

    @contextmanager
    def sound(self, sound: str | None, text: str | None, voice: str | None) -> Iterator[Path]:
        """A sound file of what is to be said.

        Raises:
            D3Error: nothing, both, too much, or something that is no sound.
        """
        text = (text or "").strip()
        if sound is not None and text:
            raise D3Error("both a sound and a text", "one of them", "Clear one of the two.")
        if sound is None and not text:
            raise D3Error("there is nothing to say", "a sound or a text", "Drop or record a sound, or type a text.")
        self._limits.check_text(text)
        with sound_or_text(None if sound is None else Path(sound), text or None, (voice or "") if text else "") as file:
            self._limits.check_speech(file)
            yield file


def background(kind: str, colour: str, picture: str | None) -> str:
    """What ``TalkSettings`` takes; never a path that a visitor wrote.

    Raises:
        D3Error: no such colour, or no picture.
    """
    if kind == "as in the clip":
        return "clip"
    if kind == "picture":
        if picture is None:
            raise D3Error("there is no background picture", "one", "Drop a picture, or choose another background.")
        return picture
    parts = _PARTS.match(colour or "")
    if parts:
        return "#" + "".join(f"{min(255, round(float(part))):02x}" for part in parts.groups())
    if not _COLOUR.fullmatch(colour or ""):
        raise D3Error(f"{str(colour)[:40]!r} is no colour", "one such as #204060", "Choose it from the palette.")
    return colour
