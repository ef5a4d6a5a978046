import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from d3talker.core.errors import D3Error
from d3talker.phonetics.classes import BILABIALS, CLASSES
from d3talker.signals.mel import MelEnergies
from d3talker.signals.phone29 import Phone29, shipped
from d3talker.signals.phone_encoder import BANDS, PhoneEncoder, PhoneEncoderShape, parameter_count
from d3talker.signals.speech import speech_windows
from d3talker.signals.speech_level import LOOK_AHEAD, SpeechLevel
from d3talker.speaker import built_in_speech


@pytest.fixture(scope="module")
def phones():
    return Phone29()


@pytest.fixture(scope="module")
def speech():
    return built_in_speech("training")


def rows(phones, *pieces):
    return np.concatenate(list(phones.rows(lambda: iter(pieces))))


def test_shapes_of_deepspeech(phones, speech):
    ten_seconds = speech.samples[:160_000]
    assert rows(phones, ten_seconds).shape == (500, 29)
    assert speech_windows(phones, ten_seconds).shape == (250, 16, 29)
    assert (phones.name, phones.channels) == ("phone29", len(CLASSES))


def test_a_stream_gives_what_the_whole_gives(phones, speech):
    sound = speech.samples[:100_000]
    cuts = np.split(sound, [1, 700, 3001, 40_000, 40_001, 77_777])
    np.testing.assert_allclose(rows(phones, *cuts), rows(phones, sound), atol=2e-4)


def test_the_look_ahead_is_what_it_says(phones, speech):
    sound = speech.samples[:96_000]
    other = sound.copy()
    changed = 64_000  # 4 s
    other[changed:] = 0.3 * np.random.default_rng(0).standard_normal(len(other) - changed)
    apart = np.abs(rows(phones, sound) - rows(phones, other)).max(axis=1)
    first = int(np.flatnonzero(apart > 1e-3)[0])
    middle_ms = 20 * first + 10
    assert 4000 - phones.look_ahead_ms <= middle_ms < 4000
    assert phones.look_ahead_ms < 500


@pytest.mark.parametrize("loudness", [1.0, 0.08])
def test_it_hears_what_is_said(phones, speech, loudness):
    """The built-in voice (flite slt) is held out of its training."""
    said = rows(phones, loudness * speech.samples).argmax(axis=1)
    truth = np.full(len(said), -1)
    for name, start, end in speech.phones:
        truth[round(50 * start) : round(50 * end)] = CLASSES.index(name)
    assert (said == truth)[truth >= 0].mean() > 0.6
    lips = np.isin(truth, BILABIALS)
    assert np.isin(said[lips], BILABIALS).mean() > 0.6


def test_loudness_does_not_matter(phones, speech):
    loud = rows(phones, speech.samples[:80_000]).argmax(axis=1)
    quiet = rows(phones, 0.08 * speech.samples[:80_000]).argmax(axis=1)
    assert (loud == quiet).mean() > 0.9


def test_any_sound_gives_numbers(phones):
    for sound in (np.zeros(3200), np.ones(3200), np.sign(np.sin(np.arange(48_000)))):
        logits = rows(phones, sound.astype(np.float32))
        assert np.isfinite(logits).all()
        assert len(logits) == 2 * max(1, (len(sound) + 320) // 640)
    quiet = rows(phones, np.zeros(32_000, np.float32))
    assert (quiet.argmax(axis=1) == 0).mean() > 0.9


def test_size_and_fingerprint(phones):
    assert parameter_count(PhoneEncoder(PhoneEncoderShape())) <= 3_000_000
    assert phones.fingerprint().startswith("phone29-")
    assert phones.fingerprint() == Phone29().fingerprint()


def test_no_padding_inside():
    torch.manual_seed(0)
    encoder = PhoneEncoder(PhoneEncoderShape(width=8, dilations=(1, 2, 4))).eval()
    shape = encoder.shape
    rows = torch.randn(1, 40 + shape.past + shape.future, 2 * BANDS)
    whole = encoder(rows)
    assert whole.shape == (1, 40, 29)
    part = encoder(rows[:, 10 : 10 + 5 + shape.past + shape.future])
    torch.testing.assert_close(part, whole[:, 10:15], atol=1e-5, rtol=1e-5)


def test_level_is_the_same_in_pieces_and_follows_the_microphone():
    rng = np.random.default_rng(1)
    level = SpeechLevel(np.zeros(BANDS, np.float32))
    steps = rng.standard_normal((900, BANDS)).astype(np.float32)
    whole = np.concatenate(list(level.stream([steps])))
    parts = np.concatenate(list(level.stream(np.split(steps, [4, 8, 40, 44, 500]))))
    np.testing.assert_array_equal(whole, parts)
    coloured = np.concatenate(list(level.stream([steps + np.linspace(-2, 2, BANDS, dtype=np.float32)])))
    assert np.abs(coloured[:50] - whole[:50]).mean() > 3 * np.abs(coloured[-100:] - whole[-100:]).mean()
    assert LOOK_AHEAD % 4 == 0


def test_mel_bands_follow_a_tone():
    time = np.arange(16_000) / 16_000

    def loudest(hertz):
        tone = np.sin(2 * np.pi * hertz * time)
        return int(np.concatenate(list(MelEnergies(BANDS).stream(lambda: iter([tone])))).mean(axis=0).argmax())

    assert loudest(200) < loudest(1000) < loudest(4000)


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    weights = load_file(shipped())
    weights["blocks.3.wide.weight"] = np.zeros((192, 192, 5), np.float16)
    save_file(weights, tmp_path / "other.safetensors")
    with pytest.raises(D3Error, match=r"blocks\.3\.wide\.weight is \(192, 192, 5\); wanted \(192, 192, 3\)"):
        Phone29(tmp_path / "other.safetensors")
    rest = {name: array for name, array in load_file(shipped()).items() if name != "speech_shape"}
    save_file(rest, tmp_path / "no.safetensors")
    with pytest.raises(D3Error, match="speech_shape is not there"):
        Phone29(tmp_path / "no.safetensors")
