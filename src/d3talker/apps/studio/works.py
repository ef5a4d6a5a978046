"""Preparing and training, one at a time, each in a process of its own: the page never waits, to stop is to end it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from d3talker.apps.studio.status import Status, read_status
from d3talker.apps.studio.worker import LOCK, STATUS
from d3talker.apps.studio.workspace import Workspace
from d3talker.core.errors import D3Error

Kind = Literal["prepare", "adapt"]
_PATIENCE = 5.0  # seconds for a process to tidy up


@dataclass(frozen=True)
class View:
    """What a page shows of one person."""

    name: str
    state: Literal["nothing", "working", "checked", "stopped", "ready"]
    """``nothing`` is known of it, it is being worked on, the clip is ``checked`` and may be trained on, training was
    ``stopped`` and can go on, or the person is ``ready`` to talk."""
    status: Status | None
    error: str


@dataclass
class _Running:
    name: str
    process: subprocess.Popen[str]
    said: deque[str]


class Works:
    """Starts, watches and stops the works of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._running: _Running | None = None
        self._failed: dict[str, str] = {}
        self._lock = threading.Lock()

    def start(self, name: str, kind: Kind) -> None:
        """Starts a work.

        Raises:
            D3Error: one is under way, here or in another studio.
        """
        folder = self._workspace.folder(name)
        with self._lock:
            self._reap()
            if self._running is not None:
                busy = f"{self._running.name} is being worked on"
                raise D3Error(busy, "one at a time", "Wait until it is done, or stop it.")
            if locked(folder):
                raise D3Error(f"another studio works on {name}", "one at a time", "Wait, or stop it there.")
            self._failed.pop(name, None)
            (folder / STATUS).unlink(missing_ok=True)
            command = [sys.executable, "-m", "d3talker.apps.studio.worker", str(folder), kind]
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            said: deque[str] = deque(maxlen=20)
            assert process.stdout is not None
            threading.Thread(target=said.extend, args=(process.stdout,), daemon=True).start()
            self._running = _Running(name, process, said)

    def stop(self, name: str) -> None:
        """Ends the work on a person; what is trained so far stays.

        Raises:
            D3Error: it is another studio's.
        """
        folder = self._workspace.folder(name)
        with self._lock:
            self._reap()
            if self._running is not None and self._running.name == name:
                self._end(self._running)
            elif locked(folder):
                raise D3Error(f"another studio works on {name}", "a work of this one", "Stop it there.")

    def close(self) -> None:
        """Ends whatever runs, when the studio ends."""
        with self._lock:
            self._reap()
            if self._running is not None:
                self._end(self._running)

    def running(self) -> str:
        """The name of the person that is worked on here, or nothing."""
        with self._lock:
            self._reap()
            return "" if self._running is None else self._running.name

    def view(self, name: str) -> View:
        """How it stands with a person, whoever works on it."""
        folder = self._workspace.folder(name)
        status = read_status(folder / STATUS)
        if self.running() == name or locked(folder):
            return View(name, "working", status, "")
        error = self._failed.get(name, "") or ("" if status is None else status.error)
        if (folder / "person.json").is_file():
            return View(name, "ready", status, error)
        if (folder / "work" / "plan.json").is_file():
            return View(name, "stopped", status, error)
        return View(name, "checked" if (folder / "work/clip/clip.json").is_file() else "nothing", status, error)

    def _end(self, running: _Running) -> None:
        running.process.terminate()
        try:
            running.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()
        self._running = None

    def _reap(self) -> None:
        running = self._running
        if running is None or running.process.poll() is None:
            return
        self._running = None
        if running.process.returncode:
            last = running.said[-1].strip() if running.said else f"it ended with code {running.process.returncode}"
            self._failed[running.name] = last


def locked(folder: Path) -> bool:
    """Whether any process works on the person."""
    if not (folder / LOCK).is_file():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
