"""Ablations and methods: each switches what its name says."""

import pytest

from d3talker.config.ablation import ABLATIONS, ablated
from d3talker.config.method import D3TALKER, METHODS
from d3talker.core.errors import D3Error


def test_every_ablation_changes_something_and_has_a_name() -> None:
    found = [ablated(D3TALKER, name) for name in ABLATIONS]
    assert len({repr(method) for method in [*found, D3TALKER]}) == len(found) + 1
    assert [method.name for method in found] == [f"d3talker-{name}" for name in ABLATIONS]
    assert ablated(D3TALKER, None) is D3TALKER


def test_signals_and_attributes() -> None:
    assert ablated(D3TALKER, "audio-only").signals == {"audio"}
    assert ablated(D3TALKER, "motion-only").signals == {"motion"}
    everything = ablated(D3TALKER, "everything")
    assert {field.deforms for field in everything.face.fields} == {
        ("position", "rotation", "scale", "opacity", "colour")
    }
    assert {field.deforms for field in everything.mouth.fields} == {("position",)}
    assert ablated(D3TALKER, "no-refiner").refiner is None


def test_methods_switch_parts_on() -> None:
    """Spec 1, section 11."""
    parts = {
        name: (m.signals, len(m.face.fields), m.face.align, m.face_shape, m.contrast, m.similarity, m.refiner is None)
        for name, m in METHODS.items()
    }
    assert parts == {
        "talkinggaussian": ({"audio"}, 1, "none", False, False, False, True),
        "instag": ({"audio"}, 2, "place and size", True, True, False, True),
        "d3talker": ({"audio", "motion"}, 3, "none", True, True, True, False),
    }


def test_a_wrong_name_is_told() -> None:
    with pytest.raises(D3Error, match="no ablation 'x'"):
        ablated(D3TALKER, "x")
