"""Names, orders, backgrounds and progress of the studio, without a server."""

from pathlib import Path

import pytest

from d3talker.apps.studio.order import Order, read_order, write_order
from d3talker.apps.studio.status import StatusWriter, read_status
from d3talker.apps.studio.workspace import Workspace
from d3talker.core.errors import D3Error

pytest.importorskip("gradio")


def test_only_folders_of_the_workspace_are_persons(tmp_path: Path) -> None:
    workspace = Workspace.open(tmp_path / "workspace")
    for folder in (tmp_path / "outside", workspace.root / "anna", workspace.root / "half"):
        folder.mkdir()
    for folder in (tmp_path / "outside", workspace.root / "anna"):
        (folder / "person.json").touch()
    (workspace.root / "linked").symlink_to(tmp_path / "outside")
    assert workspace.persons() == ["anna"]
    assert workspace.begun() == ["anna", "half"]
    assert workspace.person("anna") == workspace.root / "anna"
    for name, why in (("half", "no person half"), ("linked", "link out of"), ("..", "no name"), ("videos", "no name")):
        with pytest.raises(D3Error, match=why):
            workspace.person(name)
    with pytest.raises(D3Error, match="not sent to this studio"):
        workspace.uploaded(str(workspace.root / "anna" / "person.json"))


def test_an_order_is_kept(tmp_path: Path) -> None:
    order = Order("clip.webm", "tiny", "instag", 4.0)
    write_order(tmp_path, order)
    assert read_order(tmp_path) == order
    with pytest.raises(D3Error, match="preset 'rm -rf'"):
        Order("clip.webm", "rm -rf")


def test_status_tells_the_time_left(tmp_path: Path) -> None:
    writer = StatusWriter(tmp_path / "status.json", "adapt")
    with writer.stage("train face", 100, 40) as advance:
        found = read_status(tmp_path / "status.json")
        assert found is not None
        assert found.steps[0].seconds_left() is None
        advance(30, "loss 0.1")
        writer.status.steps[0].seconds = 6.0
        writer.write()
    found = read_status(tmp_path / "status.json")
    assert found is not None
    assert found.steps[0].done == 70
    assert found.steps[0].seconds_left() == pytest.approx(6.0)  # 30 steps took 6 s, 30 are left
    writer.end("the disk is full")
    found = read_status(tmp_path / "status.json")
    assert found is not None
    assert found.ended
    assert found.error == "the disk is full"


def test_a_background_is_never_a_path_of_the_visitor(tmp_path: Path) -> None:
    from d3talker.apps.studio.speaking import background

    assert background("as in the clip", "x", None) == "clip"
    assert background("colour", "#0a0B0c", None) == "#0a0B0c"
    assert background("colour", "rgba(255, 127.6, 0, 0.5)", None) == "#ff8000"
    for colour in ("/etc/passwd", str(tmp_path), "", None):
        with pytest.raises(D3Error, match="is no colour"):
            background("colour", colour, None)  # type: ignore[arg-type]
    with pytest.raises(D3Error, match="no background picture"):
        background("picture", "", None)
