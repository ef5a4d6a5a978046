"""Priors: what is written comes back, and what does not fit is refused by name."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from d3talker.config.ablation import ablated
from d3talker.config.method import D3TALKER, INSTAG, TALKINGGAUSSIAN, MethodSettings, adapted, as_published
from d3talker.config.refiner import RefinerSettings, refiner_of
from d3talker.core.errors import D3Error
from d3talker.core.files import sha256_of
from d3talker.models.gaussians import start_gaussians
from d3talker.models.head import Head, build_head
from d3talker.models.person import as_plain
from d3talker.models.prior import (
    default_prior,
    find_prior,
    load_prior,
    require_same_ears,
    save_prior,
    shared_tensors,
    take_up,
    teaches_refiner,
)
from d3talker.recipes.hearing import fingerprints
from d3talker.signals.front_ends import DEFAULT, front_end

EARS = {"front_end": "phone29 abc", "motion": "default def"}


def head_of(method: MethodSettings, seed: int, channels: int = 32) -> Head:
    cloud = start_gaussians(torch.rand(5, 3), torch.rand(5, 3), torch.full((5,), 0.01), 0)
    return build_head(adapted(method), channels, cloud, cloud, torch.Generator().manual_seed(seed))


@pytest.fixture
def prior(tmp_path: Path) -> Path:
    path = tmp_path / "prior.safetensors"
    save_prior(path, shared_tensors(head_of(D3TALKER, 1)), {"method": as_plain(D3TALKER), "ears": EARS})
    return path


def test_what_is_written_is_taken_up(prior: Path) -> None:
    taught, head = head_of(D3TALKER, 1), head_of(D3TALKER, 2)
    take_up(head, load_prior(prior, D3TALKER), D3TALKER)
    for name, tensor in shared_tensors(taught).items():
        torch.testing.assert_close(shared_tensors(head)[name], tensor, atol=1e-4, rtol=1e-3)  # half precision


def test_as_published_the_individual_field_begins_anew(prior: Path) -> None:
    method = as_published(D3TALKER)
    head, fresh = head_of(method, 2), head_of(method, 2)
    assert find_prior(method, prior.parent) == prior
    take_up(head, load_prior(prior, method), method)
    taught = load_prior(prior, method).tensors
    for branch, driven, untouched in (("face", head.face, fresh.face), ("mouth", head.mouth, fresh.mouth)):
        assert torch.equal(driven.driven[0].field.tables, taught[f"{branch}.fields.0.field.tables"])
        assert torch.equal(driven.driven[1].field.tables, untouched.driven[1].field.tables)
        assert [one.field.settings.share for one in driven.driven] == [1.0, 1.0]


@pytest.mark.parametrize("refiner", [None, RefinerSettings("styleunet", 0.25)])
def test_another_refiner_learns_from_the_clip_alone(prior: Path, refiner: RefinerSettings | None) -> None:
    method, taught = dataclasses.replace(D3TALKER, refiner=refiner), load_prior(prior, D3TALKER)
    head = head_of(method, 2)
    take_up(head, taught, method)
    assert torch.equal(head.face.driven[0].field.tables, taught.tensors["face.fields.0.field.tables"])
    assert not teaches_refiner(taught, method)
    assert teaches_refiner(taught, D3TALKER)


def test_a_prior_is_found_by_what_it_learned(prior: Path) -> None:
    ablation = prior.with_name("a.safetensors")
    method = ablated(D3TALKER, "no-similarity")
    save_prior(ablation, shared_tensors(head_of(method, 2)), {"method": as_plain(method), "ears": EARS})
    assert find_prior(D3TALKER, prior.parent) == prior
    assert find_prior(ablated(D3TALKER, "no-refiner"), prior.parent) == prior
    assert find_prior(method, prior.parent) == ablation
    assert find_prior(ablated(D3TALKER, "no-contrast"), prior.parent) is None


@pytest.mark.parametrize("method", [INSTAG, TALKINGGAUSSIAN, ablated(D3TALKER, "audio-only")])
def test_another_method_is_refused(prior: Path, method: MethodSettings) -> None:
    with pytest.raises(D3Error, match="is a prior of d3talker and differs in"):
        take_up(head_of(method, 2), load_prior(prior, method), method)


@pytest.mark.parametrize(
    ("kind", "words"), [("front_end", "the speech features phone29 abc"), ("motion", "default def")]
)
def test_other_ears_are_refused_by_both_names(prior: Path, kind: str, words: str) -> None:
    require_same_ears(load_prior(prior, D3TALKER), EARS)
    with pytest.raises(D3Error, match=f"{words}; wanted another"):
        require_same_ears(load_prior(prior, D3TALKER), {**EARS, kind: "another"})


def test_files_that_are_no_prior_are_refused(prior: Path, tmp_path: Path) -> None:
    with pytest.raises(D3Error, match="none.safetensors is missing"):
        load_prior(tmp_path / "none.safetensors", D3TALKER)
    told = prior.with_suffix(".json")
    content = json.loads(told.read_text())
    assert content["sha256"] == sha256_of(prior)
    told.write_text(json.dumps({**content, "format_version": 0}))
    with pytest.raises(D3Error, match="has prior format 0; wanted format 1"):
        load_prior(prior, D3TALKER)
    told.write_text(json.dumps(content))
    prior.write_bytes(prior.read_bytes()[:-1000])
    with pytest.raises(D3Error, match="prior.safetensors is truncated or damaged"):
        load_prior(prior, D3TALKER)


def test_the_shipped_priors_are_of_the_full_methods_only() -> None:
    assert default_prior(D3TALKER) == default_prior(INSTAG) == "shipped"
    assert default_prior(ablated(D3TALKER, "no-refiner")) == "shipped"
    assert default_prior(TALKINGGAUSSIAN) == "none"
    for name in ("audio-only", "no-similarity", "position"):
        assert default_prior(ablated(D3TALKER, name)) == "none"
        with pytest.raises(D3Error, match=f"no prior of d3talker-{name} is shipped"):
            load_prior("shipped", ablated(D3TALKER, name))
    for method in (D3TALKER, INSTAG):
        shipped = load_prior("shipped", method)
        assert shipped.meta["sha256"] == sha256_of(shipped.path)
        assert shipped.path.stat().st_size <= 20_000_000
        require_same_ears(shipped, fingerprints(adapted(method), DEFAULT))
        take_up(head_of(method, 0, front_end(DEFAULT).channels), shipped, method)


def test_the_shipped_individual_fields_begin_as_instags() -> None:
    """Joined by scripts/join_priors.py."""
    universal, taught = (load_prior("shipped", method).tensors for method in (INSTAG, D3TALKER))
    for name, tensor in universal.items():
        assert torch.equal(taught[name.replace(".fields.0.", ".fields.1.")], tensor), name


def test_refiners_by_name() -> None:
    assert refiner_of("lean") == RefinerSettings("lean", 1.0)
    assert refiner_of("styleunet:0.25") == RefinerSettings("styleunet", 0.25)
    for wrong in ("style", "lean:2", ""):
        with pytest.raises(D3Error, match=f"the refiner '{wrong}'; wanted lean or styleunet"):
            refiner_of(wrong)
