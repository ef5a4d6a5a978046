"""The tab where two heads say the same, in step, with what was measured of each."""

from __future__ import annotations

from html import escape

import gradio as gr

from d3talker.apps.studio.limits import Limits
from d3talker.apps.studio.messages import PageProgress, told
from d3talker.apps.studio.persons import Persons
from d3talker.apps.studio.speaking import Speaking
from d3talker.apps.studio.talk_tab import DRAWING
from d3talker.apps.studio.workspace import Workspace
from d3talker.config.evaluate import EvaluateSettings
from d3talker.core.errors import D3Error
from d3talker.recipes.compare import EVALUATION, compare
from d3talker.recipes.evaluate import evaluate

_HINTS = """Two heads say the same words, in step: two persons, or one person made by two methods or presets.
**Measure** compares a head with frames of its clip that it did not learn from (leave some out with *Learn from the
first seconds* when you make it); the numbers then stand in the table below the videos."""


class CompareTab:
    """Builds the tab and answers its buttons."""

    def __init__(self, workspace: Workspace, persons: Persons, speaking: Speaking, limits: Limits) -> None:
        self._workspace, self._persons, self._speaking, self._limits = workspace, persons, speaking, limits

    def build(self) -> list[gr.Dropdown]:
        """Adds it to the page that is being built; gives the choices of persons, for others to renew."""
        gr.Markdown(_HINTS)
        with gr.Row():
            left, right = (
                gr.Dropdown([], label=f"{side} head", allow_custom_value=True, elem_id=side.lower())
                for side in ("Left", "Right")
            )
        with gr.Row():
            with gr.Column():
                said = self._speaking.build("compare")
            with gr.Column():
                gr.Markdown("Another clip of the same person to measure on, if nothing of its own was left out:")
                clip = gr.File(label="Clip to measure on (optional)", file_types=["video"], height=120)
                measure = gr.Button("Measure both", elem_id="measure")
                go = gr.Button("Compare", variant="primary", elem_id="compare")
        shown = gr.HTML(elem_id="comparison")
        go.click(told(self.compare), [left, right, *said], shown, api_name="compare", **DRAWING)
        measure.click(told(self.measure), [left, right, clip], shown, api_name="measure", **DRAWING)
        return [left, right]

    def compare(
        self,
        left: str | None,
        right: str | None,
        sound: str | None,
        text: str | None,
        voice: str | None,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
        """Draws both and gives a frame with the page that plays them."""
        names = _both(left, right)
        with self._speaking.sound(sound, text, voice) as file:
            persons = [self._persons.get(name) for name in names]
            page = compare(persons, file, self._workspace.new_file(".html"), progress=PageProgress(bar))
        return f"<iframe class='report tall' title='comparison' src='/studio/comparisons/{page.stem}'></iframe>"

    def measure(
        self,
        left: str | None,
        right: str | None,
        clip: str | None,
        bar: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
        """Measures both and keeps the numbers with them."""
        told_lines = []
        for name in dict.fromkeys(_both(left, right)):
            person = self._persons.get(name)
            if clip is not None:
                self._limits.check_clip(self._workspace.uploaded(clip))
            source = person.path / "work" / "clip" if clip is None else self._workspace.uploaded(clip)
            numbers = evaluate(
                person, source, EvaluateSettings(json=person.path / EVALUATION), progress=PageProgress(bar)
            )
            frames = numbers["frames"]["count"]
            told_lines.append(f"<li>{escape(name)} is measured on {frames} frames it did not learn from.</li>")
        return f"<ul>{''.join(told_lines)}</ul><p>Press Compare: the table below the videos has the numbers.</p>"


def _both(left: str | None, right: str | None) -> tuple[str, str]:
    if not left or not right:
        raise D3Error("two heads are needed", "a left and a right one", "Choose both.")
    return left, right
