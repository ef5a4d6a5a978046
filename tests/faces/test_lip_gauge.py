"""Lips of a face model, measured as tracking measures a person's."""

import dataclasses

import numpy as np
import pytest
import torch

from d3talker.core.errors import D3Error
from d3talker.faces.lip_gauge import LipGauge
from d3talker.faces.model import load_face_model
from d3talker.tracking.expression import measure_expression


def test_it_measures_as_tracking_does() -> None:
    model = load_face_model()
    coefficients = torch.randn(60, len(model.expression), generator=torch.Generator().manual_seed(0))
    coefficients[:, list(model.blinks)] = 0.0
    coefficients[:5] = 0.0
    points = model.vertices(coefficients).numpy()
    tracked = measure_expression(np.concatenate([points, np.zeros((60, 10, 3), np.float32)], axis=1))
    gauge = LipGauge(model)
    opening, width = gauge.opening(points), gauge.width(points)
    assert not opening[:5].any()
    np.testing.assert_allclose(width, tracked.lip_width, atol=1e-6)
    wide = opening > 0.002  # tracking subtracts the clip's own closed gap, which here is no mouth at rest
    assert wide.sum() > 10
    np.testing.assert_allclose(np.diff(opening[wide]), np.diff(tracked.lip_opening[wide]), atol=1e-6)


def test_a_model_without_lip_points() -> None:
    model = load_face_model()
    blind = dataclasses.replace(model, landmarks=torch.full((468,), -1))
    with pytest.raises(D3Error, match="has no lip points"):
        LipGauge(blind)
