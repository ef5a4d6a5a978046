"""Pitch: known tones, glides, noise, speech with known phones, and Praat where it is installed."""

from collections.abc import Callable

import numpy as np
import pytest

from d3talker.signals.pitch import pitch, pitch_frames, stream_pitch
from d3talker.signals.pitch_candidates import Candidates
from d3talker.signals.pitch_path import PitchPath
from d3talker.signals.speech import SoundSource, frame_count
from d3talker.speaker import built_in_speech

VOWELS = {"i", "I", "e", "E", "ae", "a", "@", "O", "o", "u", "R"}
HISSES = {"s", "sh", "f", "sil"}


def voice(frequency: np.ndarray, harmonics: int = 12) -> np.ndarray:
    """Harmonics that fall by 6 dB an octave, of a pitch (S,) in Hz."""
    phase = 2 * np.pi * np.cumsum(frequency) / 16000
    numbers = np.arange(1, harmonics + 1)
    heard = numbers[:, None] * frequency < 7600
    return (0.3 * (heard * np.sin(numbers[:, None] * phase) / numbers[:, None]).sum(axis=0)).astype(np.float32)


def pieces(samples: np.ndarray, *sizes: int) -> SoundSource:
    cuts = np.cumsum(sizes)
    return lambda: iter(np.split(samples, cuts[cuts < len(samples)]))


def rows(samples: np.ndarray, *sizes: int) -> np.ndarray:
    return np.concatenate(list(pitch_frames(pieces(samples, *sizes))))


@pytest.mark.parametrize("hertz", [80.0, 101.3, 207.7, 333.3, 583.0])
def test_a_steady_voice_is_found_within_a_cent(hertz: float) -> None:
    found = pitch(voice(np.full(16000, hertz)))
    assert found.shape == (50,)
    assert np.abs(1200 * np.log2(found[2:-2] / hertz)).max() < 1.0


def test_a_glide_is_followed() -> None:
    true = 100.0 * 2.0 ** np.linspace(0, 1.5, 32000)
    found = pitch(voice(true), step=0.01)
    centres = (160 * (np.arange(200) + 0.5)).astype(int)
    cents = 1200 * np.log2(found[3:-3] / true[centres[3:-3]])
    assert np.abs(cents).max() < 12.0


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_silence_are_unvoiced(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, 32000).astype(np.float32)
    assert (pitch(noise) > 0).mean() < 0.03
    assert (pitch(np.zeros(16000, np.float32)) == 0).all()


def test_the_threshold_decides_over_noisy_voices() -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, 32000)
    noisy = (voice(np.full(32000, 150.0)) + noise).astype(np.float32)
    shares = [(pitch(noisy, voicing_threshold=threshold) > 0).mean() for threshold in (0.45, 0.62, 0.95)]
    assert shares[0] > 0.95
    assert shares[0] > shares[1] > shares[2]


@pytest.mark.parametrize(("odd_frames", "expected"), [(1, 220.0), (5, 220.0), (20, 110.0)])
def test_the_path_jumps_an_octave_only_where_it_pays(odd_frames: int, expected: float) -> None:
    strength = np.tile([0.9, 0.5], (60, 1))
    odd = slice(20, 20 + odd_frames)
    strength[odd, 1] = 0.97  # 0.07 more, less 0.01 for the octave; two jumps cost 0.7
    candidates = Candidates(np.tile([220.0, 110.0], (60, 1)), strength, np.ones(60))
    found = np.concatenate(list(PitchPath(0.01, 600.0, 0.45, 1.0).stream([candidates])))
    assert (found[odd] == expected).all()
    assert (np.delete(found, np.arange(60)[odd]) == 220.0).all()


def test_a_path_that_stays_undecided_is_cut_after_its_longest_wait() -> None:
    frames = 3000
    candidates = Candidates(np.tile([200.0, 400.0], (frames, 1)), np.full((frames, 2), 0.9), np.ones(frames))
    given = list(PitchPath(1e-6, 800.0, 0.45, 1.0).stream([candidates]))  # at this step no change ever pays
    assert max(len(piece) for piece in given) <= 1024
    assert len(given) > 2
    np.testing.assert_array_equal(np.concatenate(given), np.full(frames, 400.0))


def test_soft_sound_beside_loud_sound_is_unvoiced() -> None:
    samples = np.concatenate([voice(np.full(16000, 120.0)), 0.01 * voice(np.full(16000, 120.0))])
    found = pitch(samples)
    assert (found[3:47] > 0).all()
    assert (found[55:95] == 0).all()


@pytest.mark.parametrize("samples", [0, 1, 319, 640, 3200, 8001])
def test_short_sounds(samples: int) -> None:
    sound = voice(np.full(8001, 200.0))[:samples]
    assert pitch(sound).shape == (max(1, samples // 320),)
    found = rows(sound)
    assert found.shape == (2 * frame_count(samples), 2)
    assert np.isfinite(found).all()


def test_streams_give_the_same_numbers() -> None:
    samples = built_in_speech("driving").samples
    cuts = (1, 319, 2000, 700, 30_000, 5)
    for whole_windows in (False, True):
        whole = np.concatenate(list(stream_pitch(pieces(samples), whole_windows=whole_windows)))
        cut = np.concatenate(list(stream_pitch(pieces(samples, *cuts), whole_windows=whole_windows)))
        np.testing.assert_allclose(cut, whole, rtol=1e-6)
    np.testing.assert_allclose(rows(samples, *cuts), rows(samples), atol=1e-5)


def heard_before_first_row(stream: Callable[[SoundSource], object], passes: int) -> float:
    """Seconds of a minute of sound that ``stream`` takes in, in its last pass, before it gives the first numbers."""
    samples = voice(150.0 + 30 * np.sin(np.arange(60 * 16000) / 5000), harmonics=3)
    taken: list[int] = []

    def sound():
        taken.append(0)
        for piece in np.array_split(samples, 600):
            taken[-1] += len(piece)
            yield piece

    next(iter(stream(sound)))  # type: ignore[call-overload]
    assert len(taken) == passes
    return taken[-1] / 16000


def test_streams_do_not_wait_for_the_end() -> None:
    assert heard_before_first_row(pitch_frames, passes=1) < 0.45
    assert heard_before_first_row(stream_pitch, passes=2) < 2.0


def test_rows_tell_how_voiced_and_how_high() -> None:
    true = np.repeat([140.0, 140.0, 198.0, 140.0], 32000)
    samples = voice(true)
    samples[:32000] = np.random.default_rng(0).normal(0, 0.1, 32000)
    found = rows(samples)
    assert found[5:95, 1].max() < 0.55
    assert np.abs(found[5:95, 0]).max() < 0.15
    assert found[105:395, 1].min() > 0.9
    step = found[205:295, 0].mean() - found[110:195, 0].mean()
    assert step == pytest.approx(np.log2(198 / 140), abs=0.3)  # half an octave up; the usual pitch follows slowly
    assert np.abs(found[300:395, 0].mean()) < 0.4


def test_rows_do_not_depend_on_the_voices_pitch_or_level() -> None:
    contour = 2.0 ** (0.3 * np.sin(2 * np.pi * np.arange(20 * 16000) / 12000))
    deep, high = rows(voice(100 * contour)), rows(0.2 * voice(220 * contour))
    late = slice(800, 990)
    assert np.abs(deep[late] - high[late]).max() < 0.06


def test_vowels_are_voiced_and_hisses_are_not() -> None:
    speech = built_in_speech("training")
    path, free = pitch(speech.samples), rows(speech.samples)[:, 1]
    centres = (np.arange(len(path)) + 0.5) * 0.02
    inside = {
        name: np.concatenate([np.flatnonzero((centres > a + 0.03) & (centres < b - 0.03)) for p, a, b in phones])
        for name, phones in (
            ("vowel", [p for p in speech.phones if p[0] in VOWELS]),
            ("hiss", [p for p in speech.phones if p[0] in HISSES]),
        )
    }
    assert min(len(frames) for frames in inside.values()) > 40
    assert (path[inside["vowel"]] > 0).mean() > 0.9
    assert (path[inside["hiss"]] > 0).mean() < 0.15
    assert np.median(free[inside["vowel"]]) > 0.85
    assert np.median(free[inside["hiss"]]) < 0.45


def test_agrees_with_praat() -> None:
    parselmouth = pytest.importorskip("parselmouth")
    samples = built_in_speech("training").samples
    praat = parselmouth.Sound(samples.astype(np.float64), 16000)
    settings = {"pitch_floor": 80.0, "pitch_ceiling": 750.0, "voicing_threshold": 0.6}
    theirs = praat.to_pitch_ac(time_step=0.02, **settings).selected_array["frequency"]
    ours = np.concatenate(list(stream_pitch(pieces(samples), 0.02, 80.0, 750.0, 0.6, whole_windows=True)))
    assert ours.shape == theirs.shape
    assert ((ours > 0) == (theirs > 0)).mean() > 0.985
    both = (ours > 0) & (theirs > 0)
    cents = np.abs(1200 * np.log2(ours[both] / theirs[both]))
    assert np.median(cents) < 0.2
    assert (cents > 100).mean() < 0.01
