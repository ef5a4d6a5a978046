"""The tab where a person is made: a clip, consent, the clip's report, training that shows itself."""

from __future__ import annotations

import shutil
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from d3talker.apps.studio.limits import Limits
from d3talker.apps.studio.messages import progress_html, told
from d3talker.apps.studio.order import METHODS, PRESETS, Order, read_order, write_order
from d3talker.apps.studio.works import View, Works
from d3talker.apps.studio.workspace import Workspace
from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_file, read_json
from d3talker.models.consent import STATEMENT, read_consent, record_consent
from d3talker.speaker.video import make_speaker_video

_EXAMPLE_SECONDS, _EXAMPLE_SIZE = 6.0, 256
_KINDS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v")
_HINTS = """**A good clip**: one person, 5 to 20 seconds, face to the camera, even light, speaking clearly with lips
that open wide and close. Blink a few times. The head may turn a little; the camera must not move."""
_STATES = {
    "nothing": "Give a clip on the left. It is checked first: you see what was found before anything is trained.",
    "checked": "The clip is checked. Read its report below; if it is good enough, train.",
    "stopped": "Training was stopped. What is learned so far is kept; it goes on from there.",
    "ready": "Ready to talk: go to the next tab.",
}


class MakeTab:
    """Builds the tab and answers its buttons."""

    def __init__(self, workspace: Workspace, works: Works, limits: Limits, device: str) -> None:
        self._workspace, self._works, self._limits, self._device = workspace, works, limits, device

    def build(self, page: gr.Blocks) -> None:
        """Adds it to the page that is being built."""
        with gr.Row():
            with gr.Column(scale=5):
                gr.Markdown(_HINTS)
                clip = gr.Video(
                    label="Clip",
                    sources=["upload", "webcam"],
                    webcam_options=gr.WebcamOptions(mirror=False),
                    include_audio=True,
                    elem_id="clip",
                    height=230,
                )
                example = gr.Button("No clip at hand? Take the built-in speaker's", size="sm", elem_id="example")
                name = gr.Textbox(label="Name of the head", placeholder="anna", max_length=64, elem_id="name")
                who = gr.Textbox(label="Who is in the clip", placeholder="Anna Example", max_length=200, elem_id="who")
                agrees = gr.Checkbox(label=STATEMENT, elem_id="agrees")
                with gr.Accordion("Advanced", open=False, elem_id="advanced"):
                    preset = gr.Radio(
                        list(PRESETS),
                        value="auto",
                        label="Preset",
                        info="cpu: minutes, 256 pixels; gpu: 512 pixels; tiny: seconds, to look around, not for looks.",
                        elem_id="preset",
                    )
                    method = gr.Radio(list(METHODS), value="d3talker", label="Method")
                    seconds = gr.Number(
                        None, label="Learn from the first seconds", info="Empty: all. The rest is left to measure on."
                    )
                check = gr.Button("Check the clip", variant="primary", elem_id="check")
            with gr.Column(scale=7):
                current = gr.Dropdown([], label="Heads in this workspace", allow_custom_value=True, elem_id="current")
                told_state = gr.Markdown(_STATES["nothing"], elem_id="state")
                with gr.Row():
                    train = gr.Button("Train", variant="primary", visible=False, elem_id="train")
                    stop = gr.Button("Stop", variant="stop", visible=False, elem_id="stop")
                with gr.Row():
                    steps = gr.HTML(elem_id="steps")
                    picture = gr.Image(
                        label="Camera left, head right",
                        show_label=False,
                        visible=False,
                        height=400,
                        buttons=[],
                        elem_id="sample",
                        interactive=False,
                    )
                report = gr.HTML(elem_id="report")
        shown = gr.State(())
        timer = gr.Timer(1.0)
        panel = [told_state, steps, train, stop, picture, report, shown]
        order = [preset, method, seconds]
        one: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden"}

        example.click(
            told(self.example), None, [clip, name, who, agrees], api_visibility="private", concurrency_limit=1
        )
        check.click(
            told(self.check), [clip, name, who, agrees, *order], [current, clip, agrees], api_name="check", **one
        ).success(told(self.look), [current, gr.State(())], panel, api_visibility="private", **one)
        train.click(told(self.train), [current, *order], None, api_name="train", **one).success(
            told(self.look), [current, gr.State(())], panel, api_visibility="private", **one
        )
        stop.click(told(self.stop), [current], None, api_name="stop", **one).success(
            told(self.look), [current, gr.State(())], panel, api_visibility="private", **one
        )
        current.change(told(self.look), [current, gr.State(())], panel, api_visibility="private", **one)
        timer.tick(told(self.look), [current, shown], panel, api_visibility="private", **one)
        page.load(told(self.arrive), [current], [current], api_visibility="private", **one)

    def arrive(self, current: str | None) -> Any:
        """Shows what is under way to somebody who comes, or comes back."""
        begun = self._workspace.begun()
        chosen = self._works.running() or (current if current in begun else None)
        return gr.Dropdown(choices=begun, value=chosen)

    def example(self) -> tuple[str, str, str, bool]:
        """A clip of the built-in speaker, who is nobody."""
        clip = self._workspace.uploads / "built-in-speaker.mp4"
        if not clip.exists():
            make_speaker_video(clip, seconds=_EXAMPLE_SECONDS, size=_EXAMPLE_SIZE)
        return str(clip), "speaker", "The built-in speaker, who is nobody", True

    def check(
        self,
        clip: str | None,
        name: str,
        who: str,
        agrees: bool,
        preset: str,
        method: str,
        seconds: float | None,
    ) -> tuple[Any, None, bool]:
        """Takes a clip in and starts to prepare it."""
        folder = self._workspace.folder(name.strip())
        if clip is None:
            raise D3Error("there is no clip", "a video", "Drop one, or record one.")
        upload = Path(clip)
        if upload.suffix.lower() not in _KINDS:
            raise D3Error(f"a {upload.suffix or 'nameless'} file", f"a video: {', '.join(_KINDS)}", "Export it as mp4.")
        if (folder / "person.json").exists() or (folder / "work" / "plan.json").exists():
            raise D3Error(f"{folder.name} is there already", "a new name", "Choose another, or delete its folder.")
        self._limits.check_clip(upload)
        busy = self._works.running()
        if busy:
            raise D3Error(f"{busy} is being worked on", "one at a time", "Wait until it is done, or stop it.")
        if read_consent(folder) is None:
            if not agrees:
                raise D3Error("nobody has agreed yet", "the consent of the person shown", "Tick the box if they agree.")
            record_consent(folder, who)
        order = Order(f"studio-clip{upload.suffix.lower()}", preset, method, seconds or None, self._device)
        with atomic_file(folder / "work" / order.clip) as partial:
            shutil.copyfile(upload, partial)
        write_order(folder, order)
        shutil.rmtree(folder / "work" / "clip", ignore_errors=True)
        self._works.start(folder.name, "prepare")
        return gr.Dropdown(choices=self._workspace.begun(), value=folder.name), None, False

    def train(self, name: str, preset: str, method: str, seconds: float | None) -> None:
        """Trains, or goes on: a run that was begun keeps what it was begun with."""
        folder = self._workspace.folder(name)
        if not (folder / "work" / "plan.json").exists():
            write_order(folder, replace(read_order(folder), preset=preset, method=method, seconds=seconds or None))
        self._works.start(name, "adapt")

    def stop(self, name: str) -> None:
        """Ends the work on a person."""
        self._works.stop(name)

    def look(self, name: str | None, shown: tuple) -> list[Any]:
        """How it stands; parts that stay as they are are not sent again."""
        if not name:
            return [_STATES["nothing"], "", *(gr.update(visible=False),) * 3, "", ()]
        view = self._works.view(name)
        folder = self._workspace.folder(name)
        working = view.state == "working"
        training = working and view.status is not None and view.status.kind == "adapt"
        picture = _newest(folder / "work" / "notebook") if view.state != "checked" else None
        seen = (name, view.state, view.error, str(picture), 0 if picture is None else picture.stat().st_mtime)
        text, steps = self._text(view), progress_html(view.status) if working else ""
        if seen == shown:
            return [gr.skip(), steps if working else gr.skip(), *(gr.skip(),) * 4, shown]
        label = "Go on training" if view.state == "stopped" else "Train"
        same = bool(shown) and shown[:3] == seen[:3]
        return [
            text,
            steps,
            gr.update(visible=view.state in ("checked", "stopped"), value=label),
            gr.update(visible=working, value="Stop (what is learned stays)" if training else "Stop"),
            gr.update(visible=picture is not None, value=None if picture is None else str(picture)),
            gr.skip() if same else self._report(view, folder),
            seen,
        ]

    def _text(self, view: View) -> str:
        if view.state == "working":
            what = "Checking" if view.status is None or view.status.kind == "prepare" else "Training"
            return f"**{what} {view.name}.** You may close this page: the work goes on, and is here when you return."
        error = f"\n\n> **It ended with a mistake:** {escape(view.error)}" if view.error else ""
        return f"**{view.name}**: {_STATES[view.state]}{error}"

    def _report(self, view: View, folder: Path) -> str:
        clip = folder / "work" / "clip" / "clip.json"
        if view.state in ("working", "nothing") or not clip.is_file():
            return ""
        which = "training" if view.state == "ready" else "clip"
        return _verdict(read_json(clip, "Check the clip again.")) + (
            f"<iframe class='report' title='report' src='/studio/reports/{view.name}/{which}'></iframe>"
        )


def _verdict(meta: dict[str, Any]) -> str:
    advice = [*meta.get("advice", []), *meta.get("warnings", [])]
    if not advice:
        return "<div class='verdict good'><b>Quality:</b> good to learn from; nothing to record again.</div>"
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in advice)
    return f"<div class='verdict fair'><b>Quality:</b> it can be used; better with this mended:<ul>{items}</ul></div>"


def _newest(notebook: Path) -> Path | None:
    pictures = [file for file in notebook.glob("*.png") if not file.name.startswith(".")] if notebook.is_dir() else []
    return max(pictures, key=lambda file: file.stat().st_mtime, default=None)
