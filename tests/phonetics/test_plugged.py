"""A synthesiser that another package brings."""

from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.phonetics import plugged
from d3talker.phonetics.speech import RATE
from d3talker.phonetics.synthesis import installed_voices, synthesise


def hum(text: str, language: str) -> tuple[np.ndarray, int]:
    if language == "xx":
        raise KeyError(language)
    time = np.arange(len(text) * 2400) / 24_000
    return np.stack([np.sin(2 * np.pi * 200 * time)] * 2, axis=1), 24_000


hum.languages = ("en", "de", "xx")  # type: ignore[attr-defined]


def silent(text: str, language: str) -> tuple[np.ndarray, int]:
    return np.zeros(100), RATE


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package with three entry points were installed."""
    named = {"hum": f"{__name__}:hum", "quiet": f"{__name__}:silent", "broken": "no_such_package:speak"}
    entries = EntryPoints(EntryPoint(name, value, plugged.GROUP) for name, value in named.items())
    monkeypatch.setattr(plugged, "entry_points", lambda group: entries.select(group=group))


def test_it_says_a_text() -> None:
    speech = synthesise("Good day!!", "hum:de")
    assert speech.rate == RATE
    assert speech.seconds == pytest.approx(1.0, abs=0.01)
    assert np.abs(speech.samples).max() == pytest.approx(0.7, abs=0.01)
    crossings = np.count_nonzero(np.diff(np.signbit(speech.samples)))
    assert crossings == pytest.approx(400, abs=4)
    assert speech.phones == [("", 0.0, speech.seconds)]


def test_only_those_that_load_are_offered() -> None:
    voices = installed_voices()
    assert {"hum:en", "hum:de"} <= set(voices)
    assert not [voice for voice in voices if voice.startswith("broken")]


@pytest.mark.parametrize(
    ("voice", "message"),
    [("hum:xx", "hum failed: KeyError"), ("quiet", "quiet said nothing"), ("broken", "mend the package behind broken")],
)
def test_what_fails_is_told(voice: str, message: str) -> None:
    with pytest.raises(D3Error, match=message):
        synthesise("Hello", voice)
