"""A file or a text: exactly one, and a text becomes sound that is gone afterwards."""

from pathlib import Path

import pytest

from d3talker.core.errors import D3Error
from d3talker.media.audio import read_audio
from d3talker.phonetics.synthesis import ENGINES
from d3talker.recipes.spoken import sound_or_text

SYNTHESISER = pytest.mark.skipif(
    all(engine.missing() for engine in ENGINES.values()), reason="no speech synthesiser is installed"
)


def test_a_file_is_given_as_it_is(tmp_path: Path) -> None:
    with sound_or_text(tmp_path / "a.wav", None) as sound:
        assert sound == tmp_path / "a.wav"


@SYNTHESISER
def test_a_text_is_read_out() -> None:
    with sound_or_text(None, "Good morning to all of you.") as sound:
        samples = read_audio(sound)
        assert 0.8 < len(samples) / 16000 < 5
        assert abs(samples).max() == pytest.approx(0.7, abs=0.02)
    assert not sound.exists()


@pytest.mark.parametrize(
    ("audio", "text", "voice", "message"),
    [
        (Path("a.wav"), "hello", "", r"both a\.wav and --text"),
        (None, None, "", "nothing to say"),
        (Path("a.wav"), None, "flite:slt", "--voice flite:slt without --text"),
    ],
)
def test_not_exactly_one(audio: Path | None, text: str | None, voice: str, message: str) -> None:
    with pytest.raises(D3Error, match=message), sound_or_text(audio, text, voice):
        pass


@SYNTHESISER
@pytest.mark.parametrize(("text", "voice"), [("", ""), (" ... ", ""), ("hello", "nobody:at-all")])
def test_texts_and_voices_that_cannot_be(text: str, voice: str) -> None:
    with pytest.raises(D3Error), sound_or_text(None, text, voice):
        pass
