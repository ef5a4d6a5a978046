import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from d3talker.core.errors import D3Error
from d3talker.faces.model import load_face_model
from d3talker.phonetics.classes import CLASSES
from d3talker.signals.motion import AudioToMotion, load_motion_source, load_nets
from d3talker.signals.motion_style import SHUT, USUAL_PAUSE, MotionStyle, Mouth, Said, closing, stream_styled, style_of
from d3talker.speaker import built_in_speech


@pytest.fixture(scope="module")
def model():
    return load_face_model()


@pytest.fixture(scope="module")
def mouth(model):
    return Mouth.of(model)


@pytest.fixture(scope="module")
def source():
    return AudioToMotion()


def shares(*spans, frames=60):
    """Phone shares where ``a`` is said, but for (class, first frame, last frame + 1)."""
    heard = np.zeros((frames, 2, len(CLASSES)))
    names = np.full(frames, "a", dtype=object)
    for name, first, end in spans:
        names[first:end] = name
    for frame, name in enumerate(names):
        heard[frame, :, CLASSES.index(name)] = 1.0
    return heard


def opened(mouth, frames=60, gap=0.01):
    return np.repeat((gap * mouth.slope / (mouth.slope @ mouth.slope))[None], frames, axis=0).astype(np.float32)


def told(coefficients, heard):
    """What networks say whose last layers are not kept."""
    return Said(coefficients, heard, np.zeros((len(coefficients), 0), np.float32))


def styled_by(style, mouth, coefficients, heard):
    return np.concatenate(list(stream_styled([told(coefficients, heard)], style, mouth)))


def test_gap_of_the_mouth_is_that_of_the_face(model, mouth):
    import torch

    coefficients = np.random.default_rng(0).standard_normal((4, len(model.expression))).astype(np.float32)
    coefficients[:, list(model.blinks)] = 0
    vertices = model.vertices(torch.from_numpy(coefficients)).numpy()
    gap = (vertices[:, [82, 13, 312], 1] - vertices[:, [87, 14, 317], 1]).mean(axis=1)
    np.testing.assert_allclose(mouth.gap(coefficients), gap, atol=1e-6)


def test_lips_meet_on_bilabials_and_in_pauses_only(mouth):
    heard = shares(("p", 20, 22), ("sil", 40, 50), ("sil", 30, 33))
    styled = styled_by(MotionStyle(blink_seed=None), mouth, opened(mouth), heard)
    gap = mouth.gap(styled) - mouth.rest
    assert (gap[20:22] <= SHUT + 1e-6).all()
    assert (gap[43:47] <= SHUT + 1e-6).all()
    np.testing.assert_allclose(gap[[0, 10, 18, 25, 31, 38, 55]], 0.01, atol=1e-6)  # a pause of 120 ms shuts nothing
    assert 0.003 < gap[19] < 0.008  # on the way
    assert len(styled) == 60


def test_a_style_streams(mouth):
    heard = shares(("m", 17, 19), ("sil", 30, 44), ("p", 58, 60))
    coefficients = opened(mouth) * np.random.default_rng(3).uniform(0.5, 1.5, (60, 1)).astype(np.float32)
    style = MotionStyle(1.3, blink_seed=4)
    whole = styled_by(style, mouth, coefficients, heard)
    cuts = [0, 1, 5, 20, 33, 34, 60]
    pieces = [told(coefficients[a:b], heard[a:b]) for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    np.testing.assert_array_equal(np.concatenate(list(stream_styled(pieces, style, mouth))), whole)


def test_style_takes_mean_spread_and_range_from_the_person(mouth):
    said = opened(mouth, 600) * np.tile(np.linspace(0, 1, 60, dtype=np.float32), 10)[:, None]
    tracked = 1.6 * said + opened(mouth, 600, 0.002)
    style = style_of(tracked, told(said, shares(frames=600)), mouth)
    known = 600 / 660
    assert style.gain == pytest.approx(1.6**known, rel=1e-3)
    free = replace(style, lowest=None, highest=None, blink_seed=None)
    styled = mouth.gap(styled_by(free, mouth, said, shares(frames=600)))
    mean, own = (float(mouth.gap(c).mean()) for c in (said, tracked))
    assert styled.mean() == pytest.approx(mean + known * (own - mean), abs=1e-5)
    styled = styled_by(style, mouth, 3 * said, shares(frames=600))
    assert (styled[:, 2:] <= style.highest[2:] + 1e-6).all()
    assert (styled[:, 2:] >= style.lowest[2:] - 1e-6).all()
    assert (style.stretch(told(3 * said, shares(frames=600))) > style.highest + 1e-3).any()  # the range did something
    assert style.fingerprint() != MotionStyle().fingerprint()


def test_a_short_clip_tells_little(mouth):
    said = opened(mouth, 12) * np.linspace(0, 1, 12, dtype=np.float32)[:, None]
    style = style_of(2 * said, told(said, shares(frames=12)), mouth)
    assert style.gain == pytest.approx(2 ** (12 / 72), rel=1e-3)


def test_lips_touch_and_do_not_pass_through_each_other(mouth):
    said = opened(mouth) * np.linspace(-1, 1, 60, dtype=np.float32)[:, None]
    assert mouth.gap(said).min() < -0.005
    gap = mouth.gap(styled_by(MotionStyle(blink_seed=None), mouth, said, shares()))
    assert gap.min() > -1e-6
    np.testing.assert_allclose(gap[40:], mouth.gap(said)[40:], atol=1e-6)


def test_closing_is_between_0_and_1():
    noise = np.random.default_rng(0).dirichlet(np.ones(len(CLASSES)), (50, 2))
    for strength in closing(noise):
        assert strength.shape == (50,)
        assert ((strength >= 0) & (strength <= 1)).all()


@pytest.mark.parametrize(("left_open", "within"), [(0.0, 6e-4), (0.1, 5e-4), (0.5, 2e-4), (1.0, 2e-4)])
def test_style_pauses_as_the_person_does(mouth, left_open, within):
    """The more surely, the longer the pauses of the clip; without any, as people do."""
    said = opened(mouth, 500) * np.random.default_rng(0).uniform(0.5, 1.5, (500, 1)).astype(np.float32)
    missed = []
    for length in (0, 12, 300):
        tracked, heard = said.copy(), shares(("sil", 20, 20 + length), frames=500)
        tracked[20 : 20 + length] *= left_open
        style = style_of(tracked, told(said, heard), mouth, seed=None)
        pause = slice(25, 15 + length)
        if length == 0:
            assert style.pause == USUAL_PAUSE
        else:
            styled = styled_by(replace(style, lowest=None, highest=None), mouth, said, heard)
            missed.append(abs(np.median(mouth.gap(styled)[pause]) - np.median(mouth.gap(tracked)[pause])))
    assert missed[1] < within
    assert missed[1] < 0.2 * missed[0]


def test_source_moves_the_mouth_with_the_sound(source, mouth):
    speech = built_in_speech("training")
    coefficients = np.concatenate(list(source.coefficients(lambda: iter([speech.samples]))))
    assert coefficients.shape == (round(25 * speech.seconds), len(source.face_model.expression))
    gap = mouth.gap(coefficients) - mouth.rest

    def during(names):
        frames = [f for n, a, b in speech.phones if n in names for f in range(round(25 * a), round(25 * b))]
        return gap[[f for f in frames if f < len(gap)]]

    assert during({"a", "ae", "O"}).mean() > 0.004
    assert during({"p", "m"}).mean() < 0.4 * during({"a", "ae", "O"}).mean()
    assert coefficients[:, 0].max() == 1.0  # blinks
    np.testing.assert_array_equal(coefficients[:, 0], coefficients[:, 1])


def test_source_streams_and_is_deterministic(source):
    sound = built_in_speech("driving").samples
    whole = np.concatenate(list(source.coefficients(lambda: iter([sound]))))
    cuts = np.concatenate(list(AudioToMotion().coefficients(lambda: iter(np.split(sound, [10, 5000, 60_000])))))
    np.testing.assert_allclose(cuts, whole, atol=2e-3)
    assert source.fingerprint() == AudioToMotion().fingerprint()
    assert source.fingerprint() != AudioToMotion(MotionStyle(gain=1.1)).fingerprint()


@pytest.mark.parametrize("samples", [3200, 40_000, 480_000])
def test_silence_keeps_the_mouth_shut(source, mouth, samples):
    sound = np.zeros(samples, np.float32)
    coefficients = np.concatenate(list(source.coefficients(lambda: iter([sound]))))
    assert len(coefficients) == max(1, (samples + 320) // 640)
    assert np.isfinite(coefficients).all()
    if samples > 20_000:
        assert (mouth.gap(coefficients) - mouth.rest)[4:-4].max() < 0.0015


def test_unknown_source():
    with pytest.raises(D3Error, match="no motion source 'sora'"):
        load_motion_source("sora")


def test_networks_of_another_shape_are_refused_by_name(tmp_path):
    stored = Path(str(resources.files("d3talker.assets") / "motion" / "audio2motion.safetensors"))
    weights = load_file(stored)
    weights["1.head.bias"] = np.zeros(64, np.float16)
    save_file(weights, tmp_path / "other.safetensors")
    with pytest.raises(D3Error, match=r"head\.bias is \(64,\); wanted \(32,\)"):
        load_nets(tmp_path / "other.safetensors")


@pytest.mark.parametrize("inner", [False, True], ids=["coefficient", "last layer"])
def test_style_learns_what_else_goes_with_what_is_said(mouth, inner):
    rng = np.random.default_rng(0)
    said = rng.normal(0, 0.3, (900, len(mouth.slope)))
    said[:, list(mouth.blinks)] = 0.0
    layers = rng.normal(0, 1.0, (900, 20))
    tracked = said.copy()
    tracked[:, 5] += layers[:, 7] if inner else 0.9 * said[:, 3]
    heard = Said(said, shares(frames=900), layers)
    rest = slice(600, None)

    def missed(frames: int, **changed: None) -> float:
        known = slice(frames)
        style = replace(style_of(tracked[known], heard.part(known), mouth, seed=None), **changed)
        return float(((style.stretch(heard.part(rest)) - tracked[rest])[:, 5] ** 2).mean())

    assert missed(600) < 0.4 * missed(600, mixing=None)  # a ridge learns less than there is
    assert missed(30) == pytest.approx(missed(30, mixing=None), rel=0.15)  # the less, the shorter the clip
    style = style_of(tracked, heard, mouth, seed=None)
    written = json.loads(json.dumps(style.as_json()))
    assert written == style.as_json()  # a run that goes on compares what it finds with what was written
    again = MotionStyle.from_json(written)
    np.testing.assert_array_equal(again.mixing, style.mixing)
    assert again.fingerprint() == style.fingerprint() != replace(style, mixing=None).fingerprint()
    assert not style.mixing[:, list(mouth.blinks)].any()
