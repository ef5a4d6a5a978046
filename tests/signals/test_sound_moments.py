"""Moments of a whole sound from one pass over its pieces."""

import numpy as np
import pytest
import torch

from d3talker.signals.sound_moments import measure_sound


def sound(size: int = 50_003) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (np.convolve(rng.normal(size=size), np.hanning(9), "same") * 0.05 + 0.02).astype(np.float32)


@pytest.mark.parametrize("cuts", [[], [1, 5, 9, 10, 11, 17, 20_000], list(range(0, 50_000, 997))])
def test_moments_are_those_of_the_whole(cuts: list[int]) -> None:
    samples = sound()
    moments = measure_sound(lambda: iter(np.split(samples, cuts)))
    exact = samples.astype(np.float64)
    assert moments.samples == len(samples)
    assert moments.mean == pytest.approx(exact.mean(), rel=1e-9)
    assert moments.variance == pytest.approx(exact.var(), rel=1e-9)
    normal = moments.normalise(samples)
    np.testing.assert_allclose([normal.mean(dtype=np.float64), normal.std(dtype=np.float64)], [0, 1], atol=1e-4)


@pytest.mark.parametrize("biased", [True, False])
def test_a_convolution_of_the_whole_has_the_moments_foretold(biased: bool) -> None:
    samples = sound()
    torch.manual_seed(0)
    convolution = torch.nn.Conv1d(1, 7, 10, 5, bias=biased).double()
    moments = measure_sound(lambda: iter(np.split(samples, [3, 12_345])))
    normal = (samples.astype(np.float64) - samples.mean(dtype=np.float64)) / np.sqrt(moments.variance + 1e-7)
    with torch.no_grad():
        through = convolution(torch.from_numpy(normal)[None, None])[0].numpy()
    bias = convolution.bias.detach().numpy() if biased else None
    mean, variance = moments.after_convolution(convolution.weight[:, 0].detach().numpy(), bias)
    np.testing.assert_allclose(mean, through.mean(axis=1), atol=1e-8)
    np.testing.assert_allclose(variance, through.var(axis=1), rtol=1e-7)


def test_a_sound_shorter_than_a_window_has_moments() -> None:
    moments = measure_sound(lambda: iter([np.ones(3, np.float32)]))
    assert (moments.samples, moments.mean, moments.variance) == (3, 1.0, 0.0)
    assert np.isfinite(moments.after_convolution(np.ones((2, 10)), None)).all()
