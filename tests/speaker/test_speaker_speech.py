import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.speaker import built_in_speech
from d3talker.speaker.visemes import VISEMES


def assert_sound(speech):
    assert speech.samples.dtype == np.float32
    assert 0.3 < np.abs(speech.samples).max() <= 1
    ends = [end for _, _, end in speech.phones]
    starts = [start for _, start, _ in speech.phones]
    assert {name for name, _, _ in speech.phones} <= set(VISEMES)
    assert all(start < end for start, end in zip(starts, ends, strict=True))
    np.testing.assert_allclose(starts[1:], ends[:-1], atol=1e-4)
    assert starts[0] == 0
    assert abs(ends[-1] - speech.seconds) < 0.3


@pytest.mark.parametrize(("name", "shortest", "longest"), [("training", 12, 18), ("driving", 5, 9)])
def test_recordings(name, shortest, longest):
    speech = built_in_speech(name)
    assert speech.rate == 16_000
    assert shortest < speech.seconds < longest
    assert_sound(speech)
    assert sum(phone in ("p", "m") for phone, _, _ in speech.phones) >= 8

    def loudness(names):
        parts = [speech.samples[int(a * 16000) : int(b * 16000)] for n, a, b in speech.phones if n in names]
        return np.sqrt(np.mean(np.concatenate(parts) ** 2))

    assert loudness({"a", "ae", "E", "O", "o"}) > 10 * loudness({"sil"})  # the times belong to this sound


def test_training_holds_nearly_every_class_of_english():
    said = {name for name, _, _ in built_in_speech("training").phones}
    assert set(VISEMES) - said <= {"x", "y", "r", "th", "ng"}


def test_unknown_recording():
    with pytest.raises(D3Error, match="training or driving"):
        built_in_speech("singing")
