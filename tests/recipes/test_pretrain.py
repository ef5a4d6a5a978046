"""Pre-training: it learns, resumes to the same numbers, two processes are one, people can fall out."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from d3talker.config.method import D3TALKER, INSTAG, TALKINGGAUSSIAN
from d3talker.config.prepare import PrepareSettings
from d3talker.config.presets import TINY
from d3talker.config.pretraining import PRETRAIN_TINY
from d3talker.core.errors import D3Error
from d3talker.core.files import read_arrays, write_arrays
from d3talker.core.progress import Silent
from d3talker.models.prior import load_prior
from d3talker.recipes.adapt import adapt
from d3talker.recipes.adapt.frames import read_training_frames
from d3talker.recipes.hearing import hearing
from d3talker.recipes.prepare import prepare
from d3talker.recipes.pretrain import _remember, pretrain
from d3talker.recipes.pretrain.people import hold_out
from d3talker.speaker.video import make_speaker_video
from d3talker.tracking.clip import load_clip

pytestmark = pytest.mark.xdist_group("pretraining")
PERSON = replace(
    PRETRAIN_TINY.person,
    resolution=48,
    listen=replace(PRETRAIN_TINY.person.listen, iterations=4),
    face=replace(PRETRAIN_TINY.person.face, iterations=12, warm_up=3, own_from=5),
    mouth=replace(PRETRAIN_TINY.person.mouth, iterations=6, warm_up=2, own_from=3),
)
SHORT = replace(PRETRAIN_TINY, person=PERSON)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two people: two seconds of the built-in speaker under two names."""
    folder = tmp_path_factory.mktemp("people")
    clips = [folder / "ann", folder / "bob"]
    make_speaker_video(folder / "speaker.mp4", seed=0, seconds=2.0, size=256)
    prepare(folder / "speaker.mp4", clips[0], PrepareSettings(size=128, minimum_seconds=1.0))
    clips[1].symlink_to(clips[0])
    return clips


@pytest.fixture(scope="module")
def straight(people: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("straight") / "prior.safetensors"
    return pretrain(people, out, D3TALKER, SHORT, work=out.parent / "work")


def test_a_prior_holds_the_general_fields_and_how_they_came(straight: Path) -> None:
    prior = load_prior(straight, D3TALKER)
    assert {name.split(".")[0] for name in prior.tensors} == {"face", "mouth", "refiner"}
    parts = {".".join(name.split(".")[2:4]) for name in prior.tensors if not name.startswith("refiner")}
    assert parts == {"0.field", "0.encoder", "1.field", "1.encoder"}  # nothing of people's own fields
    assert all(torch.isfinite(tensor).all() for tensor in prior.tensors.values())
    assert prior.meta["people"] == ["ann", "bob"]
    assert prior.meta["ears"].keys() == {"front_end", "motion"}
    assert straight.stat().st_size < 6_000_000
    report = (straight.parent / "work" / "report.html").read_text()
    assert all(words in report for words in ("ann, bob", "face stage", "refine stage"))


class Stop(Exception):
    """Stands for a power cut."""


class StopAt(Silent):
    """Raises in a stage after so many steps."""

    def __init__(self, stage: str, steps: int) -> None:
        super().__init__()
        self._where, self._left = stage, steps

    def stage(self, name: str, total: int, done: int = 0):
        outer, inner = self, super().stage(name, total, done)

        class Counting:
            def __enter__(self):
                inner.__enter__()

                def advance(steps: int = 1, note: str = "") -> None:
                    if name == f"pre-train {outer._where}":
                        outer._left -= steps
                        if outer._left <= 0:
                            raise Stop

                return advance

            def __exit__(self, *error):
                return inner.__exit__(*error)

        return Counting()


def test_stopped_in_every_stage_equals_straight(people: list[Path], straight: Path, tmp_path: Path) -> None:
    """One step is before a stage's first save, more are after it."""
    out, saving = tmp_path / "prior.safetensors", replace(SHORT, save_every=0.0)
    for stage, steps in (("listen", 2), ("face", 7), ("mouth", 1), ("mouth", 4), ("refine", 1), ("refine", 2)):
        with pytest.raises(Stop):
            pretrain(people, out, D3TALKER, saving, work=tmp_path / "work", progress=StopAt(stage, steps))
        assert not out.exists()
    pretrain(people, out, D3TALKER, saving, work=tmp_path / "work")
    expected, found = (load_prior(path, D3TALKER).tensors for path in (straight, out))
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=0, rtol=0, msg=name)


LONG = replace(SHORT, person=replace(PERSON, face=replace(PERSON.face, iterations=100_000)), save_every=0.2)
_TWO = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_pretrain import LONG, SHORT, D3TALKER
from d3talker.core.errors import D3Error
from d3talker.recipes.pretrain import pretrain
PRESET = SHORT
try:
    pretrain([Path(p) for p in sys.argv[4:]], Path(sys.argv[2]), D3TALKER, PRESET, work=Path(sys.argv[3]))
except D3Error as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


def test_two_processes_are_one(people: list[Path], straight: Path, tmp_path: Path) -> None:
    """Each has one of the two people; gradients of what is shared are summed over gloo."""
    script, out = tmp_path / "two.py", tmp_path / "prior.safetensors"
    script.write_text(_TWO)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    told = subprocess.run(
        [*command, str(Path(__file__).parent), str(out), str(tmp_path / "work"), *map(str, people)],
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    expected, found = (load_prior(path, D3TALKER).tensors for path in (straight, out))
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, atol=2e-3, rtol=1e-2, msg=name)


def test_a_killed_process_ends_the_run_with_one_line(people: list[Path], tmp_path: Path) -> None:
    """The process that lives on tells what happened, and both checkpoints are of one moment."""
    script, work, out = tmp_path / "two.py", tmp_path / "work", tmp_path / "prior.safetensors"
    script.write_text(_TWO.replace("PRESET = SHORT", "PRESET = LONG"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    command = [sys.executable, str(script), str(Path(__file__).parent), str(out), str(work), *map(str, people)]
    processes = [
        subprocess.Popen(command, env={**os.environ, **meeting, "RANK": rank}, stderr=subprocess.PIPE, text=True)
        for rank in ("0", "1")
    ]
    deadline = time.monotonic() + 100
    while not (work / "course-1.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    processes[1].kill()
    told = processes[0].communicate(timeout=100)[1]
    processes[1].communicate()
    assert processes[0].returncode == 2, told[-3000:]
    assert "Traceback" not in told
    assert told.count("another process of this run has ended") == 1
    assert not out.exists()
    states = []
    for rank in (0, 1):
        with safe_open(work / f"course-{rank}.safetensors", "pt") as file:
            state = json.loads(file.metadata()["state"])
        states.append((state["stage"], state["iteration"]))
    assert states[0] == states[1]


def test_the_refiner_sees_what_the_coarse_head_was_not_fitted_to(prepared_clip: Path, tmp_path: Path) -> None:
    ears, clip = hearing(TALKINGGAUSSIAN, "logmel"), load_clip(prepared_clip)
    cpu = torch.device("cpu")
    frames = read_training_frames(clip, len(clip), 32, ears, tmp_path / "frames", cpu, Silent())
    apart = hold_out(frames)
    assert apart.refined.tolist() == list(range(75, 100))
    assert sorted([*apart.fitted, *apart.refined]) == list(range(len(clip)))


def test_the_mean_of_the_shared_fields() -> None:
    """Exponential, of memory 0.995, begun with the first value."""
    mean: dict[str, torch.Tensor] = {}
    for value in (0.0, 1.0, 2.0):
        _remember(mean, {"a": torch.tensor(value)}, 0.995)
    assert float(mean["a"]) == pytest.approx(0.995 * 0.005 + 0.005 * 2.0)


def test_of_people_of_pictures_only_the_shared_fields_learn_nothing(people: list[Path], tmp_path: Path) -> None:
    """Whoever is the second one, what is General stays the first one's; the refiner learns from both."""
    other = tmp_path / "bob"
    shutil.copytree(people[1], other)
    tracks = read_arrays(other / "tracks.safetensors", "")
    write_arrays(other / "tracks.safetensors", {**tracks, "expression": tracks["expression"] + 0.3})
    method = replace(D3TALKER, contrast=False, similarity=False)
    priors = []
    for name, second in (("one", people[1]), ("two", other)):
        out = tmp_path / f"{name}.safetensors"
        pretrain(people[:1], out, method, SHORT, work=tmp_path / name, pictures_only=[second])
        priors.append(load_prior(out, method))
    assert priors[1].meta["of_these_pictures_only"] == ["bob"]
    for name, tensor in priors[0].tensors.items():
        if not name.startswith("refiner"):
            torch.testing.assert_close(priors[1].tensors[name], tensor, atol=0, rtol=0, msg=name)
    assert any(not torch.equal(tensor, priors[1].tensors[name]) for name, tensor in priors[0].tensors.items())


def test_a_person_starts_from_a_prior(prepared_clip: Path, straight: Path, tmp_path: Path) -> None:
    preset = replace(
        TINY,
        resolution=48,
        listen=replace(TINY.listen, iterations=2),
        face=replace(TINY.face, iterations=4, warm_up=1),
        mouth=replace(TINY.mouth, iterations=2, warm_up=1),
        fuse=replace(TINY.fuse, iterations=2),
    )
    person = adapt(prepared_clip, tmp_path / "person", D3TALKER, preset, seconds=3.2, prior=str(straight))
    taught = load_prior(straight, D3TALKER).tensors
    now = dict(person.head.named_parameters())
    for name in (name for name in taught if ".encoder." in name and name in now):
        rests = ".fields.0." in name  # what hears facial motion; what hears sound goes on learning
        assert torch.equal(now[name], taught[name]) == rests, name
    for field in ("face.fields.0", "face.fields.1"):
        assert (now[f"{field}.field.tables"] - taught[f"{field}.field.tables"]).abs().max() > 0
    assert person.meta["prior"]["fingerprint"] == load_prior(straight, D3TALKER).fingerprint()
    with pytest.raises(D3Error, match="learned on the speech features phone29"):
        adapt(prepared_clip, tmp_path / "other", D3TALKER, preset, seconds=3.2, prior=str(straight), front_end="logmel")
    with pytest.raises(D3Error, match="a prior of the same method"):
        adapt(prepared_clip, tmp_path / "third", INSTAG, preset, seconds=3.2, prior=str(straight))


def test_one_person_goes_on_without_contrast(people: list[Path], tmp_path: Path) -> None:
    progress = Silent()
    out = pretrain(people[:1], tmp_path / "one.safetensors", D3TALKER, SHORT, work=tmp_path / "work", progress=progress)
    assert out.exists()
    assert any("nobody to be told apart from" in line for line in progress.said)


def test_a_person_whose_loss_is_no_number_falls_out(people: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(people[1], broken)
    tracks = read_arrays(broken / "tracks.safetensors", "")
    write_arrays(broken / "tracks.safetensors", {**tracks, "expression": np.full_like(tracks["expression"], np.nan)})
    longer = replace(SHORT, person=replace(PERSON, face=replace(PERSON.face, iterations=26)), save_every=1e9)
    progress = Silent()
    out = tmp_path / "a.safetensors"
    pretrain([people[0], broken], out, D3TALKER, longer, work=tmp_path / "work", progress=progress)
    assert progress.said.count("broken is left out: its loss stopped being a number.") == 1
    assert load_prior(out, D3TALKER).meta["left_out"] == ["broken"]
    assert not [name for name, tensor in load_prior(out, D3TALKER).tensors.items() if not tensor.isfinite().all()]


def test_what_cannot_be_pre_trained_is_told(people: list[Path], tmp_path: Path) -> None:
    for clips, method, out, words in (
        (people, TALKINGGAUSSIAN, "a.safetensors", "shares nothing"),
        (people, D3TALKER, "a.bin", "ends in .safetensors"),
        ([people[0], people[0]], D3TALKER, "a.safetensors", "two clips are called ann"),
        ([tmp_path], D3TALKER, "a.safetensors", "is a folder"),
    ):
        with pytest.raises(D3Error, match=words):
            pretrain(clips, tmp_path / out, method, SHORT, work=tmp_path / "work")
