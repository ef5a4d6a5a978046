"""Mistakes and progress as the page shows them: a message, never a traceback, and the server lives on."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import ParamSpec, TypeVar

import gradio as gr

from d3talker.apps.studio.status import Status
from d3talker.core.errors import D3Error
from d3talker.core.progress import Advance

CHECKING = ("follow the face", "solve the camera", "cut and label", "fill behind the head")
TRAINING = ("read frames", "train listen", "train face", "train mouth", "train fuse", "train refine", "write plates")
P = ParamSpec("P")
R = TypeVar("R")
_SHOWN = {
    "follow the face": "follow the face",
    "solve the camera": "solve the camera",
    "cut and label": "cut out the head and label its parts",
    "fill behind the head": "fill what the head hides",
    "read frames": "read frames and listen",
    "train listen": "learn to hear the lips",
    "train face": "learn the face",
    "train mouth": "learn the inside of the mouth",
    "train fuse": "learn both together",
    "train refine": "learn to sharpen",
    "write plates": "write the person",
}


def told(function: Callable[P, R]) -> Callable[P, R]:
    """Turns every error of ``function`` into a message in the page."""

    @functools.wraps(function)
    def wrapped(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return function(*arguments, **named)
        except D3Error as error:
            raise gr.Error(escape(str(error)), duration=None, print_exception=False) from None
        except gr.Error:
            raise
        except Exception as error:
            logging.getLogger(__name__).exception("the studio met an error")
            text = f"The studio met an error ({type(error).__name__}); nothing is lost. Its terminal tells more."
            raise gr.Error(text, duration=None, print_exception=False) from None

    return wrapped


class PageProgress:
    """A :class:`~d3talker.core.progress.Progress` that moves gradio's own bar."""

    def __init__(self, bar: gr.Progress) -> None:
        self._bar = bar

    @contextmanager
    def stage(self, name: str, total: int, done: int = 0) -> Iterator[Advance]:
        """See the protocol."""

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal done
            done += steps
            self._bar((done, total), desc=name, unit="frames")

        yield advance

    def say(self, message: str) -> None:
        """See the protocol."""
        gr.Info(escape(message))


def progress_html(status: Status | None) -> str:
    """Every step of a work: done, under way with time left, or to come."""
    if status is None:
        return "<div class='steps'><p>starting …</p></div>"
    order: tuple[str, ...] = CHECKING if status.kind == "prepare" else TRAINING
    done = {step.name: step for step in status.steps}
    if status.kind == "adapt" and any(name in done for name in CHECKING):
        order = (*CHECKING, *TRAINING)
    last = status.steps[-1].name if status.steps and not status.ended else ""
    lines, passed = [], bool(last)
    for name in order:
        step = done.get(name)
        if name == last and step is not None:
            passed = False
            share = min(1.0, step.done / max(1, step.total))
            left = step.seconds_left()
            told_left = "" if left is None else f"{duration(left)} left in this step"
            counted = (f"{step.done} of {step.total}", told_left, escape(step.note))
            lines.append(
                f"<li class='now'><b>{_SHOWN[name]}</b><progress value='{share:.3f}'></progress>"
                f"<span>{' · '.join(filter(None, counted))}</span></li>"
            )
        else:
            lines.append(f"<li class='{'done' if passed or step else 'next'}'>{_SHOWN[name]}</li>")
    below = "<p>Pictures: the camera left, the head right, lips closed and open.</p>" if status.kind == "adapt" else ""
    return f"<div class='steps'><ol>{''.join(lines)}</ol>{below}</div>"


def duration(seconds: float) -> str:
    """For people: ``40 s``, ``3 min``, ``1 h 5 min``."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
