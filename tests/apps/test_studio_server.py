"""The studio over plain HTTP: what it refuses, what it survives, and that it talks."""

import http.client
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.apps.studio_server import Studio, command, studio

from d3talker.media.audio import read_audio
from d3talker.media.video import read_frames
from d3talker.speaker.speech import built_in_speech

pytest.importorskip("gradio")
gradio_client = pytest.importorskip("gradio_client")
pytestmark = [pytest.mark.xdist_group("person"), pytest.mark.timeout(240)]
TOKEN = "a-token-for-tests"
FULL = 100_000  # bytes of a file where the disk is "full"


@pytest.fixture(scope="module")
def opened(tiny_person: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with one person, as anybody opens it."""
    workspace = tmp_path_factory.mktemp("studio") / "workspace"
    _copy(tiny_person, workspace / "tiny")
    with studio(workspace) as running:
        yield running


@pytest.fixture(scope="module")
def strict(tiny_person: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio with a token, that takes a megabyte at most, on a disk where nothing large can be written."""
    workspace = tmp_path_factory.mktemp("strict") / "workspace"
    _copy(tiny_person, workspace / "tiny")
    with studio(workspace, "--token", TOKEN, "--largest-upload", "1", largest_file=FULL) as running:
        yield running


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.2 s of speech."""
    said = built_in_speech("driving")
    path = tmp_path_factory.mktemp("sound") / "speech.wav"
    soundfile.write(path, said.samples[: int(1.2 * said.rate)], said.rate)
    return path


def _copy(person: Path, to: Path) -> None:
    shutil.copytree(person, to, ignore=shutil.ignore_patterns("work"))


def _client(running: Studio, token: str = "") -> "gradio_client.Client":
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return gradio_client.Client(running.root, headers=headers, verbose=False)


def _talk(client: "gradio_client.Client", person: str, sound: Path | str | None, text: str = "", **more: object) -> str:
    told = {"pose": "clip", "gain": 1.0, "behind": "as in the clip", "colour": "#204060", "picture": None} | more
    told = [*told.values()]
    file = None if sound is None else gradio_client.handle_file(sound)
    voice = client.view_api(return_format="dict")["named_endpoints"]["/talk"]["parameters"][3]["parameter_default"]
    shown = client.predict(person, file, text, voice, *told, api_name="/talk")
    return shown["video"] if isinstance(shown, dict) else shown


def _status(address: str, headers: dict[str, str] | None = None) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers or {}), timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_it_talks(opened: Studio, speech: Path) -> None:
    video = _talk(_client(opened), "tiny", speech, behind="colour", colour="rgba(0, 200, 0, 1)")
    frames = np.stack(list(read_frames(video)))
    assert len(frames) == 30
    corner = frames[:, :6, :6].reshape(-1, 3).mean(axis=0)
    assert corner[1] > 150
    assert corner[0] < 60
    assert np.abs(frames[1:].astype(int) - frames[:-1]).mean(axis=(1, 2, 3)).max() > 0.2
    assert np.abs(read_audio(video)).max() > 0.05
    assert [file.suffix for file in (opened.workspace / "videos").iterdir()] == [".mp4"]


@pytest.mark.parametrize("name", ["../tiny", "..", "/etc", "a/b", "videos", ".uploads", "tiny\n", "a" * 65, "Ünal", ""])
def test_only_plain_names(opened: Studio, speech: Path, name: str) -> None:
    with pytest.raises(Exception, match=r"no name for a person|no head is chosen"):
        _talk(_client(opened), name, speech)


def test_nobody_of_that_name(opened: Studio, speech: Path) -> None:
    with pytest.raises(Exception, match="there is no person nobody here"):
        _talk(_client(opened), "nobody", speech)


def test_wrong_files_are_told(opened: Studio, tmp_path: Path) -> None:
    letter = tmp_path / "letter.wav"
    letter.write_text("Dear studio,")
    with pytest.raises(Exception, match="the file is not a media file"):
        _talk(_client(opened), "tiny", letter)
    with pytest.raises(Exception, match="nothing to say"):
        _talk(_client(opened), "tiny", None)
    film = tmp_path / "film.mp4"
    film.write_text("Dear studio,")
    sent = gradio_client.handle_file(film)
    with pytest.raises(Exception, match="the clip is not a media file"):
        _client(opened).predict(sent, "new", "A Test", True, "tiny", "d3talker", None, api_name="/check")
    assert not (opened.workspace / "new").exists()


def test_files_outside_are_not_served(opened: Studio) -> None:
    for path in ("/etc/passwd", str(opened.workspace / "tiny" / "person.json"), "pyproject.toml"):
        assert _status(f"{opened.root}/gradio_api/file={path}") in (403, 404)
    for path in ("..%2f..%2fetc/clip", "tiny/..%2fperson.json", "%2e%2e/training"):
        assert _status(f"{opened.root}/studio/reports/{path}") in (404, 400)
    assert _status(f"{opened.root}/studio/reports/tiny/training") == 200
    assert _status(f"{opened.root}/studio/comparisons/..%2ftiny%2freport") == 404


def test_another_sites_name_does_not_lead_here(opened: Studio) -> None:
    assert _status(opened.root, {"Host": "evil.example"}) == 421


def test_a_person_deleted_while_the_page_is_open(opened: Studio, tiny_person: Path, speech: Path) -> None:
    _copy(tiny_person, opened.workspace / "gone")
    client = _client(opened)
    _talk(client, "gone", speech)
    shutil.rmtree(opened.workspace / "gone")
    with pytest.raises(Exception, match="there is no person gone here"):
        _talk(client, "gone", speech)
    assert _talk(client, "tiny", speech)


def test_two_studios_on_one_port(opened: Studio, tmp_path: Path) -> None:
    second = subprocess.run(
        command(tmp_path / "other", opened.port), capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 2
    assert re.search(rf"port {opened.port} is taken.*--port {opened.port + 1}", second.stderr)
    assert len(second.stderr.strip().splitlines()) == 1


def test_an_address_that_others_reach_makes_a_token(tmp_path: Path) -> None:
    with studio(tmp_path / "workspace", "--host", "0.0.0.0") as running:
        token = running.address.partition("?token=")[2]
        assert len(token) >= 16
        assert _status(running.root) == 401
        assert _status(running.root, {"Authorization": f"Bearer {token}"}) == 200


def test_every_route_wants_the_token(strict: Studio) -> None:
    routes = ("", "config", "gradio_api/info", "gradio_api/queue/data", "studio/reports/tiny/training", "login", "docs")
    for route in routes:
        assert _status(f"{strict.root}/{route}") == 401
        assert _status(f"{strict.root}/{route}?token=wrong") == 401
    assert _status(f"{strict.root}/studio/reports/tiny/training?token={TOKEN}") == 200
    assert _status(strict.root, {"Cookie": f"d3talker-token={TOKEN}"}) == 200


@pytest.mark.parametrize("told", ["in the header", "by going on"])
def test_an_upload_beyond_the_limit_fills_nothing(strict: Studio, told: str) -> None:
    before = _bytes(strict.workspace)
    connection = http.client.HTTPConnection("127.0.0.1", strict.port, timeout=30)
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Authorization", f"Bearer {TOKEN}")
    connection.putheader("Content-Type", "multipart/form-data; boundary=b")
    if told == "in the header":
        connection.putheader("Content-Length", str(10 * 10**9))
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert "at most 1 MB" in answer.read().decode()
    else:
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
        refused = False
        try:
            for piece in (part, *[bytes(1 << 20)] * 50):
                connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            connection.send(b"0\r\n\r\n")
            refused = connection.getresponse().status >= 400
        except (OSError, http.client.HTTPException):
            refused = True
        assert refused
    connection.close()
    assert _bytes(strict.workspace) - before < 3_000_000


def test_a_full_disk(strict: Studio, tmp_path: Path, speech: Path) -> None:
    long = tmp_path / "long.ogg"
    said = built_in_speech("driving")
    soundfile.write(long, np.tile(said.samples, 4)[: 16 * said.rate], said.rate)
    assert long.stat().st_size < FULL
    client = _client(strict, TOKEN)
    with pytest.raises(Exception, match="the disk is full"):
        _talk(client, "tiny", long)
    assert not list((strict.workspace / "videos").iterdir())  # nothing half-written
    assert _talk(client, "tiny", speech)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
