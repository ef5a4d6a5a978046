"""Training in a process of its own: stopped at once, kept, gone on with; never two on one person."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from d3talker.apps.studio.order import Order, write_order
from d3talker.apps.studio.works import Works, locked
from d3talker.apps.studio.workspace import Workspace
from d3talker.core.errors import D3Error

pytestmark = pytest.mark.xdist_group("person")


def _until(true: Callable[[], object], seconds: float = 90.0) -> None:
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds
        time.sleep(0.1)


@pytest.fixture
def workspace(prepared_clip: Path, tmp_path: Path) -> Workspace:
    """With a checked clip under the name ``new``."""
    found = Workspace.open(tmp_path)
    shutil.copytree(prepared_clip, tmp_path / "new" / "work" / "clip")
    (tmp_path / "new" / "work" / "studio-clip.mp4").touch()
    write_order(tmp_path / "new", Order("studio-clip.mp4", "tiny", "talkinggaussian", 3.0, "cpu"))
    return found


def test_stop_keeps_what_is_learned_and_the_next_goes_on(workspace: Workspace) -> None:
    works, other = Works(workspace), Works(workspace)
    folder = workspace.folder("new")
    assert works.view("new").state == "checked"
    works.start("new", "adapt")
    try:
        _until((folder / "work" / "checkpoint.safetensors").exists)
        assert works.view("new").state == other.view("new").state == "working"
        status = other.view("new").status
        assert status is not None
        assert "read frames" in [step.name for step in status.steps]
        with pytest.raises(D3Error, match="another studio works on new"):
            other.start("new", "adapt")
        with pytest.raises(D3Error, match="another studio works on new"):
            other.stop("new")
        with pytest.raises(D3Error, match="new is being worked on"):
            works.start("new", "prepare")
        started = time.monotonic()
        works.stop("new")
        assert time.monotonic() - started < 6.0
        assert works.view("new").state == "stopped"
        assert works.view("new").error == ""
        assert not [file for file in folder.rglob("*") if ".partial-" in file.name]
        other.start("new", "adapt")
        _until(lambda: (view := other.view("new")).status and any("going on at stage" in s for s in view.status.said))
    finally:
        works.close()
        other.close()
    assert not locked(folder)


def test_what_went_wrong_is_kept_for_the_page(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "new" / "work" / "studio-clip.mp4").write_text("no video")
    works = Works(workspace)
    works.start("new", "prepare")
    _until(lambda: works.view("new").state != "working")
    assert "new/work/studio-clip.mp4 is not a media file" in works.view("new").error
    assert str(tmp_path) not in works.view("new").error
