"""The page: three tabs, its looks, and what they share."""

from __future__ import annotations

import gradio as gr

from d3talker.apps.studio.compare_tab import CompareTab
from d3talker.apps.studio.limits import Limits
from d3talker.apps.studio.make_tab import MakeTab
from d3talker.apps.studio.messages import told
from d3talker.apps.studio.persons import Persons
from d3talker.apps.studio.speaking import Speaking
from d3talker.apps.studio.talk_tab import TalkTab
from d3talker.apps.studio.works import Works
from d3talker.apps.studio.workspace import Workspace

_WAITING = 20  # requests in the queue
_TITLE = """# d3talker studio
A short clip of a talking person becomes a 3D head that says anything. All of it stays on this machine."""
_FONTS = ("system-ui", "sans-serif")  # of the machine: nothing is fetched

STYLE = """
.steps ol { list-style: none; padding: 0; margin: .25rem 0; }
.steps li { padding: .3rem 0 .3rem 1.7rem; position: relative; color: var(--body-text-color-subdued); }
.steps li::before { content: "○"; position: absolute; left: .3rem; }
.steps li.done::before { content: "✓"; color: #16803c; font-weight: bold; }
.steps li.now { color: var(--body-text-color); }
.steps li.now::before { content: "▸"; color: var(--color-accent); }
.steps progress { display: block; width: 100%; height: .6rem; margin: .3rem 0; appearance: none; border: 0; }
.steps progress::-webkit-progress-bar { background: var(--border-color-primary); border-radius: 4px; }
.steps progress::-webkit-progress-value { background: #0f766e; border-radius: 4px; }
.steps progress::-moz-progress-bar { background: #0f766e; border-radius: 4px; }
.steps span { font-size: .85rem; font-variant-numeric: tabular-nums; }
.verdict { padding: .7rem 1rem; border-radius: 8px; margin: .5rem 0; }
.verdict.good { background: #dcf5e4; color: #10381f; }
.verdict.fair { background: #fff2cf; color: #493800; }
.verdict ul { margin: .3rem 0 0 1.2rem; list-style: disc; }
.report { width: 100%; height: 34rem; border: 1px solid var(--border-color-primary); border-radius: 8px; }
.report.tall { height: 48rem; }
.gradio-container { max-width: 1400px !important; margin: 0 auto; }
#talk-sound, #compare-sound { --upload: 9rem; }
#talk-sound .audio-container, #compare-sound .audio-container { height: var(--upload) !important; min-height: 0; }
"""


def theme() -> gr.themes.Base:
    """Calm colours, the machine's own letters."""
    soft = gr.themes.Soft(
        primary_hue="teal",
        neutral_hue="slate",
        spacing_size="sm",
        font=_FONTS,
        font_mono=("ui-monospace", "monospace"),
    )
    plain = {"block_label_background_fill": "transparent", "block_label_text_color": "*body_text_color"}
    plain |= {"block_title_background_fill": "transparent", "block_title_text_color": "*body_text_color"}
    plain |= {"block_title_padding": "0", "block_title_text_weight": "600", "block_label_text_weight": "600"}
    primary = {"button_primary_background_fill": "*primary_700", "button_primary_background_fill_hover": "*primary_800"}
    return soft.set(**plain, **{f"{name}_dark": plain[name] for name in plain if "color" in name}, **primary)


def build_page(workspace: Workspace, works: Works, limits: Limits, device: str) -> gr.Blocks:
    """The three tabs over one workspace."""
    persons = Persons(workspace, device)
    speaking = Speaking(workspace, limits)

    def renew(*chosen: str | None) -> list[dict]:
        names = workspace.persons()
        defaults = [names[min(place, len(names) - 1)] if names else None for place in (0, 0, 1)]
        return [
            gr.update(choices=names, value=old if old in names else new)
            for old, new in zip(chosen, defaults, strict=True)
        ]

    with gr.Blocks(title="d3talker studio", analytics_enabled=False, delete_cache=(3600, 86400)) as page:
        gr.Markdown(_TITLE)
        with gr.Tabs():
            with gr.Tab("1 · Make a person", id="make"):
                MakeTab(workspace, works, limits, device).build(page)
            with gr.Tab("2 · Talk", id="talk") as talking:
                person = TalkTab(workspace, persons, speaking).build()
            with gr.Tab("3 · Compare", id="compare") as comparing:
                choices = [person, *CompareTab(workspace, persons, speaking, limits).build()]
        for event in (talking.select, comparing.select, page.load):
            event(told(renew), choices, choices, api_visibility="private", show_progress="hidden")
    page.queue(max_size=_WAITING)
    return page
