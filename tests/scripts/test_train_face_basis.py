import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.core.files import read_arrays, read_json, sha256_of
from d3talker.faces.model import load_face_model
from d3talker.faces.mp468 import mp468_model
from d3talker.tracking.clip import Tracks, write_numbers

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_face_basis.py"
MODEL = load_face_model()
FRAMES = 30


def load_script():
    spec = importlib.util.spec_from_file_location("train_face_basis", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses of the module look themselves up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def script():
    return load_script()


def prepared(folder: Path, seed: int) -> Path:
    """A clip as ``prepare`` leaves it, videos empty: a face of the packaged model that opens and closes its mouth."""
    generator = np.random.default_rng(seed)
    opening = np.abs(np.sin(np.arange(FRAMES) / 3))
    identity = np.tensordot(generator.normal(size=16), MODEL.identity.numpy(), axes=1)
    moved = opening[:, None, None] * MODEL.expression[2].numpy() * (1 + seed / 4)
    moved += generator.normal(size=(FRAMES, 1, 1)) * MODEL.expression[3].numpy()
    blink = (np.arange(FRAMES) % 10 == 4).astype(np.float32)
    moved += blink[:, None, None] * (MODEL.expression[0] + MODEL.expression[1]).numpy()
    points = np.zeros((FRAMES, 478, 3), dtype=np.float32)
    points[:, :468] = MODEL.mean.numpy() + identity + moved
    tracks = Tracks(
        landmarks=points,
        world_to_cam=np.tile(np.eye(4), (FRAMES, 1, 1)),
        face_shape=points[0].astype(np.float64),
        face_points=points,
        expression=np.zeros((FRAMES, 6), dtype=np.float32),
        blink=blink,
        lip_opening=(0.008 * opening).astype(np.float32),
        lip_width=np.full(FRAMES, 0.05, dtype=np.float32),
        jitter=np.zeros(FRAMES),
    )
    source = {"name": f"{folder.name}.mp4", "sha256": f"{seed:064x}", "start": 0.0, "end": FRAMES / 25}
    write_numbers(folder, tracks, {"source": source, "fps": 25.0, "size": 512, "crop": {}, "focal": 1000.0})
    for video in ("frames.mkv", "masks.mkv", "plates.mkv"):
        (folder / video).touch()
    return folder


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    return [str(prepared(root / name, seed)) for seed, name in enumerate(("anna", "anna2", "ben", "cara", "dora"))]


def test_script_learns_writes_and_measures(script, clips, tmp_path, capsys):
    out = tmp_path / "basis.safetensors"
    script.main(["--clips", *clips, "--same", "anna=anna2", "--components", "2", "--held-out", "1", "--out", str(out)])
    arrays = read_arrays(out, "")
    assert {name: (value.dtype, value.shape) for name, value in arrays.items()} == {
        "mean": (np.float16, (468, 3)),
        "identity": (np.float16, (2, 468, 3)),
        "expression": (np.float16, (4, 468, 3)),
    }
    described = read_json(out.with_suffix(".json"), "")
    assert described["sha256"] == sha256_of(out)
    assert described["fingerprint"] == mp468_model(**arrays).fingerprint()
    assert described["people"] == 4
    assert [source["video"] for source in described["sources"]][:2] == ["anna.mp4", "anna2.mp4"]
    assert str(tmp_path) not in out.with_suffix(".json").read_text()
    told = capsys.readouterr().out
    assert "4 people, 150 frames" in told
    mean = next(line for line in told.splitlines() if line.startswith("mean"))
    lips = float(mean.split()[1])
    assert 0.001 < lips < 0.3  # one component cannot follow two motions
    again = tmp_path / "again.safetensors"
    script.main(
        ["--clips", *reversed(clips), "--same", "anna=anna2", "--components", "2", "--held-out", "--out", str(again)]
    )
    assert sha256_of(again) == sha256_of(out)


def test_too_few_people_and_unknown_names_are_told(script, clips, tmp_path):
    with pytest.raises(D3Error, match="2 people"):
        script.main(["--clips", *clips[:3], "--same", "anna=anna2", "--out", str(tmp_path / "x.safetensors")])
    with pytest.raises(D3Error, match="zoe"):
        script.main(["--clips", *clips, "--same", "anna=zoe", "--out", str(tmp_path / "x.safetensors")])
