from dataclasses import replace

import numpy as np
import pytest
import torch

from d3talker.core.errors import D3Error
from d3talker.faces.model import NAMES, load_face_model, require_same_basis

MODEL = load_face_model()


def test_vertices_are_the_sum_of_neutral_identity_and_expression():
    generator = torch.Generator().manual_seed(0)
    expression = torch.randn(3, 34, generator=generator)
    identity = torch.randn(16, generator=generator)
    faces = MODEL.vertices(expression, identity)
    assert faces.shape == (3, 468, 3)
    wanted = MODEL.mean[100] + identity @ MODEL.identity[:, 100] + expression[1] @ MODEL.expression[:, 100]
    torch.testing.assert_close(faces[1, 100], wanted)
    neutral = MODEL.mean + 0.01
    torch.testing.assert_close(MODEL.vertices(expression, neutral=neutral), MODEL.vertices(expression) + 0.01)
    assert torch.equal(MODEL.vertices(torch.zeros(2, 34)), MODEL.mean.expand(2, -1, -1))


def test_colours_span_each_axis_with_right_up_and_viewer():
    colours = MODEL.colours
    assert torch.equal(colours.amin(dim=0), torch.zeros(3))
    assert torch.equal(colours.amax(dim=0), torch.ones(3))
    assert colours[454, 0] > 0.97  # the person's left ear is on the right of the picture
    assert colours[10, 1] > 0.97
    assert colours[4, 2] == 1


@pytest.mark.parametrize("part", ["mean", "identity", "expression", "triangles", "landmarks"])
def test_fingerprint_changes_with_a_single_value(part):
    value = getattr(MODEL, part).clone()
    value.view(-1)[7] += 1 if value.dtype in (torch.int32, torch.int64) else 1e-6
    assert replace(MODEL, **{part: value}).fingerprint() != MODEL.fingerprint()


def test_fingerprint_names_the_back_end_and_is_the_same_every_time():
    fingerprint = MODEL.fingerprint()
    assert fingerprint == load_face_model("mp468").fingerprint() == MODEL.to("cpu").fingerprint()
    assert fingerprint.startswith("mp468-")
    assert len(fingerprint.removeprefix("mp468-")) == 12
    assert replace(MODEL, blinks=()).fingerprint() != fingerprint


def test_numbers_of_another_basis_are_refused(tmp_path):
    np.savez(tmp_path / "motion.npz", basis="mp468-000000000000", coefficients=np.zeros((4, 34)))
    with np.load(tmp_path / "motion.npz") as stored, pytest.raises(D3Error, match="mp468-000000000000") as error:
        require_same_basis(MODEL, str(stored["basis"]), "motion.npz")
    assert MODEL.fingerprint() in str(error.value)
    require_same_basis(MODEL, MODEL.fingerprint(), "motion.npz")


def test_unknown_back_ends_are_told_with_those_there_are():
    with pytest.raises(D3Error, match="flame") as error:
        load_face_model("flame")
    assert all(name in str(error.value) for name in NAMES)
