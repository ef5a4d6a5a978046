"""Persons in memory: the last two that talked stay loaded."""

from __future__ import annotations

import threading
from collections import OrderedDict

from d3talker.apps.studio.workspace import Workspace
from d3talker.core.device import choose_device
from d3talker.models.person import Person, load_person

_KEPT = 2


class Persons:
    """Loads persons of a workspace, anew when their files changed."""

    def __init__(self, workspace: Workspace, device: str) -> None:
        self._workspace, self._device = workspace, device
        self._held: OrderedDict[tuple[str, int], Person] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> Person:
        """The person ``name``.

        Raises:
            D3Error: no plain name, no such person, or its folder is damaged.
        """
        folder = self._workspace.person(name)
        key = (name, (folder / "person.json").stat().st_mtime_ns)
        with self._lock:
            if key not in self._held:
                self._held[key] = load_person(folder, choose_device(self._device))
            self._held.move_to_end(key)
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
            return self._held[key]

    def still_there(self, name: str) -> bool:
        """Whether nobody deleted the person meanwhile."""
        return (self._workspace.folder(name) / "person.json").is_file()
