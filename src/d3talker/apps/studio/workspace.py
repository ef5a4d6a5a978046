"""The one folder that a studio reads and writes; what comes from the page names persons in it, never paths."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from d3talker.core.errors import D3Error
from d3talker.core.files import writable_folder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VIDEOS, _UPLOADS = "videos", ".uploads"


@dataclass(frozen=True)
class Workspace:
    """A folder with one folder a person, and ``videos`` for what they say."""

    root: Path

    @staticmethod
    def open(root: Path) -> Workspace:
        """Makes the folder if needed.

        Raises:
            D3Error: it cannot be written.
        """
        workspace = Workspace(root.resolve())
        for folder in (workspace.root, workspace.videos, workspace.uploads):
            writable_folder(folder)
        return workspace

    @property
    def videos(self) -> Path:
        """Where videos and comparisons go."""
        return self.root / _VIDEOS

    @property
    def uploads(self) -> Path:
        """Where the page keeps what was sent, for a day."""
        return self.root / _UPLOADS

    def folder(self, name: str) -> Path:
        """The folder of the person ``name``, which need not exist.

        Raises:
            D3Error: the name is not plain, or leads out of the workspace.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name == _VIDEOS:
            raise D3Error(
                f"{str(name)[:40]!r} is no name for a person",
                "1 to 64 letters, digits, dashes and underscores",
                "Choose another name.",
            )
        folder = self.root / name
        if folder.resolve() != folder:
            raise D3Error(f"{name} is a link out of the workspace", "a folder in it", "Copy the person's folder there.")
        return folder

    def person(self, name: str) -> Path:
        """The folder of the finished person ``name``.

        Raises:
            D3Error: no plain name, or no such person.
        """
        folder = self.folder(name)
        if not (folder / "person.json").is_file():
            raise D3Error(f"there is no person {name} here", "one that is made", "Choose another, or make one first.")
        return folder

    def persons(self) -> list[str]:
        """Names of finished persons, in order of the alphabet."""
        return [name for name in self.begun() if (self.root / name / "person.json").is_file()]

    def begun(self) -> list[str]:
        """Names of everything that has a folder here, finished or not."""
        names = (f.name for f in self.root.iterdir() if f.is_dir() and not f.is_symlink())
        return sorted(name for name in names if _NAME.fullmatch(name) and name != _VIDEOS)

    def new_file(self, suffix: str) -> Path:
        """A place for a video or a page that nobody can guess."""
        return self.videos / f"{secrets.token_hex(8)}{suffix}"

    def uploaded(self, path: str) -> Path:
        """A file that the page kept here.

        Raises:
            D3Error: it is elsewhere.
        """
        file = Path(path).resolve()
        if not file.is_relative_to(self.uploads.resolve()) or not file.is_file():
            raise D3Error("a file that was not sent to this studio", "an upload", "Send it again.")
        return file
