"""Imports go down only (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "d3talker"
LEVELS = [
    {"cli"},
    {"apps"},
    {"recipes"},
    {"models", "tracking", "signals", "losses", "speaker", "metrics"},
    {"fields", "faces"},
    {"ops", "media", "phonetics"},
    {"config", "assets"},
    {"core"},
]
LEVEL = {room: number for number, rooms in enumerate(LEVELS) for room in rooms}
SAME_LEVEL = {("models", "losses")}


def imported_rooms(file: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("d3talker.")}
    return rooms


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_down_only(file: Path) -> None:
    room = file.relative_to(ROOT).parts[0]
    if room not in LEVEL:
        assert room in ("__init__.py", "__main__.py"), f"{room} is not a room of docs/architecture.md"
        return
    for other in imported_rooms(file) - {room}:
        assert LEVEL[other] > LEVEL[room] or (room, other) in SAME_LEVEL, f"{room} imports {other}"


def test_no_module_is_longer_than_400_lines() -> None:
    long = {f.name: n for f in ROOT.rglob("*.py") if (n := len(f.read_text(encoding="utf-8").splitlines())) > 400}
    assert not long
