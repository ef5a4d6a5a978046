"""The tab where a person says something."""

from __future__ import annotations

from typing import Any

import gradio as gr

from d3talker.apps.studio.messages import PageProgress, told
from d3talker.apps.studio.persons import Persons
from d3talker.apps.studio.speaking import Speaking, background
from d3talker.apps.studio.workspace import Workspace
from d3talker.core.errors import D3Error
from d3talker.recipes.talk import TalkSettings, talk

DRAWING: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "drawing"}
"""One video at a time; others wait in the queue and see their place in it."""
_BACKGROUNDS = ["as in the clip", "colour", "picture"]
_HINTS = """Choose a head, give it a sound of any voice and language, or type a text. **Mouth**: 1 is the person's own
way to speak, more speaks broadly, less mumbles."""


class TalkTab:
    """Builds the tab and answers its button."""

    def __init__(self, workspace: Workspace, persons: Persons, speaking: Speaking) -> None:
        self._workspace, self._persons, self._speaking = workspace, persons, speaking

    def build(self) -> gr.Dropdown:
        """Adds it to the page that is being built; gives the choice of persons, for others to renew."""
        with gr.Row():
            with gr.Column(scale=5):
                gr.Markdown(_HINTS)
                person = gr.Dropdown([], label="Head", allow_custom_value=True, elem_id="person")
                said = self._speaking.build("talk")
                with gr.Row():
                    pose = gr.Radio(
                        [("moves as in the clip", "clip"), ("still", "still")], value="clip", label="Pose of the head"
                    )
                    gain = gr.Slider(0.0, 2.0, 1.0, step=0.1, label="Mouth", elem_id="gain")
                behind = gr.Radio(_BACKGROUNDS, value=_BACKGROUNDS[0], label="Background", elem_id="background")
                colour = gr.ColorPicker("#204060", label="Colour", visible=False)
                picture = gr.Image(
                    type="filepath", label="Picture", sources=["upload"], visible=False, height=160, format="png"
                )
                go = gr.Button("Talk", variant="primary", elem_id="talk")
            with gr.Column(scale=7):
                video = gr.Video(label="Video", autoplay=True, interactive=False, elem_id="video", height=520)
        behind.change(
            lambda kind: (gr.update(visible=kind == "colour"), gr.update(visible=kind == "picture")),
            behind,
            [colour, picture],
            api_visibility="private",
            show_progress="hidden",
        )
        inputs = [person, *said, pose, gain, behind, colour, picture]
        go.click(told(self.talk), inputs, video, api_name="talk", **DRAWING)
        return person

    def talk(
        self,
        name: str | None,
        sound: str | None,
        text: str | None,
        voice: str | None,
        pose: Any,
        gain: float,
        behind: str,
        colour: str,
        picture: str | None,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
        """Draws the video and gives its place."""
        if not name:
            raise D3Error("no head is chosen", "one that is made", "Choose one, or make one in the first tab.")
        settings = TalkSettings(
            pose="still" if pose == "still" else "clip",
            background=background(behind, colour, picture),
            mouth_gain=float(gain),
        )
        with self._speaking.sound(sound, text, voice) as file:
            person = self._persons.get(name)
            try:
                return str(talk(person, file, self._workspace.new_file(".mp4"), settings, PageProgress(bar)))
            except (D3Error, OSError):
                if not self._persons.still_there(name):
                    raise D3Error(f"{name} was deleted while it talked", "a person", "Choose another.") from None
                raise
