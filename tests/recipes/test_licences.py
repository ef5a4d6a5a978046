"""The terms of weights: none is forgotten, hashes are those of the files."""

import hashlib
from importlib.resources import files
from pathlib import Path

import pytest

from d3talker.assets import weights
from d3talker.recipes.licences import weight_terms


def test_every_file_of_the_package_is_listed() -> None:
    assets = Path(str(files("d3talker.assets")))
    shipped = {path.name: path for path in assets.rglob("*.safetensors")}
    told = {one.file: one for one in weight_terms() if one.state == "in the package"}
    assert told.keys() == shipped.keys()
    for name, path in shipped.items():
        assert told[name].hash == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        assert told[name].size == f"{path.stat().st_size / 1e6:.1f} MB"


def test_every_file_that_is_looked_for_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    known = {one.file: one for one in vars(weights).values() if isinstance(one, weights.Weights)}
    (tmp_path / "syncnet_v2.model").write_bytes(b"here")
    told = {one.file: one for one in weight_terms()}
    assert known.keys() < told.keys()
    for name in known:
        assert told[name].licence
        assert told[name].state == ("on this disk" if name == "syncnet_v2.model" else "not on this disk")
    assert told["syncnet_v2.model"].hash == "961e8696f888fce4"
    assert told["deepspeech-0_1_0-b90017e8.pb"].hash == "SHA-1 b90017e816572ddc"
