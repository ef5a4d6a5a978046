import os
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from d3talker.core.errors import D3Error
from d3talker.media.audio import check_audio, read_audio, sound_delay, stream_audio, write_wav
from d3talker.media.video import VideoWriter

RATE = 16_000


def tone(seconds, rate=RATE, hertz=440.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "error"),
    [
        ("a.wav", "PCM_U8", 0.01),
        ("a.wav", "PCM_16", 1e-4),
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "FLOAT", 1e-7),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.flac", "PCM_24", 1e-6),
        ("a.ogg", "VORBIS", 0.05),
    ],
)
def test_any_sample_format(tmp_path, name, subtype, error):
    sound = tone(1.0)
    soundfile.write(tmp_path / name, sound, RATE, subtype=subtype)
    back = read_audio(tmp_path / name)
    assert back.dtype == np.float32
    assert RATE <= len(back) <= RATE + (160 if subtype == "VORBIS" else 0)  # a last block may be whole
    assert np.abs(back[:RATE] - sound).max() < error


@pytest.mark.parametrize("source_rate", [8_000, 22_050, 44_100, 48_000])
def test_any_rate_and_several_channels(tmp_path, source_rate):
    sound = tone(1.0, source_rate)
    soundfile.write(tmp_path / "a.wav", np.stack([sound, 0 * sound, -0.5 * sound], axis=1), source_rate, "FLOAT")
    back = read_audio(tmp_path / "a.wav")
    assert abs(len(back) - RATE) <= 1
    inner = slice(800, -800)
    assert np.abs(back[inner] - tone(1.0)[: len(back)][inner] / 6).max() < 1e-3


def test_pieces_joined_are_the_whole(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 44_100 * 3), 44_100, "FLOAT")
    pieces = list(stream_audio(tmp_path / "a.wav", seconds=0.7))
    whole = read_audio(tmp_path / "a.wav")
    assert [len(piece) for piece in pieces[:-1]] == [11_200] * 4
    assert 0 < len(pieces[-1]) <= 11_200
    assert (np.concatenate(pieces) == whole).all()


@pytest.mark.parametrize("suffix", ["mkv", "mov"])
@pytest.mark.parametrize(("picture_start", "sound_start"), [(0.0, 0.48), (0.2, 0.0), (0.24, 0.04), (0.0, 0.0)])
def test_sample_zero_is_the_first_picture(tmp_path, encode, gray_steps, suffix, picture_start, sound_start):
    click = np.zeros(RATE, np.float32)
    click[RATE // 2] = 0.9  # half a second after the start of the sound
    times = [picture_start + k / 25 for k in range(30)]
    sound = ([click], [sound_start], RATE, "pcm_s16le")
    codec, pixels = ("ffv1", "bgr0") if suffix == "mkv" else ("libx264", "yuv420p")
    path = encode(
        tmp_path / f"a.{suffix}",
        gray_steps(30),
        times,
        codec,
        pixels,
        {"bf": "0"} if suffix == "mov" else {},
        sound=sound,
    )
    delay = sound_start - picture_start
    assert sound_delay(path) == pytest.approx(delay, abs=1.1e-3)  # Matroska counts in milliseconds
    heard = np.argmax(np.abs(read_audio(path))) / RATE
    assert heard == pytest.approx(0.5 + delay, abs=1.1e-3)


def test_a_gap_becomes_silence_and_rounding_does_not(tmp_path, encode, gray_steps):
    piece = np.full(RATE // 10, 0.5, np.float32)
    starts = [0.0, 0.102, 0.2, 0.8]  # 2 ms of rounding, then half a second without sound
    path = encode(
        tmp_path / "a.mkv", gray_steps(25), [k / 25 for k in range(25)], sound=([piece] * 4, starts, RATE, "pcm_s16le")
    )
    back = read_audio(path)
    assert len(back) == pytest.approx(0.9 * RATE, abs=RATE // 500)
    loud = np.flatnonzero(np.abs(back) > 0.25)
    assert (np.diff(loud) > 1).sum() == 1
    assert np.diff(loud).max() == pytest.approx(0.5 * RATE, abs=RATE // 400)


def test_compressed_sound_alone_starts_at_its_first_sample(tmp_path):
    sound = np.zeros(RATE, np.float32)
    sound[4000:4400] = tone(0.025, hertz=1000)
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    back = read_audio(path)
    best = max(range(-100, 101), key=lambda lag: float(back[4000 + lag : 4400 + lag] @ sound[4000:4400]))
    assert best == 0
    assert sound_delay(path) == 0


def test_a_truncated_file_gives_what_is_there(tmp_path):
    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, RATE * 4), RATE)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    assert RATE < len(read_audio(tmp_path / "a.flac")) < 3 * RATE


def test_mistakes_are_told(tmp_path):
    text, mute = tmp_path / "a.txt", tmp_path / "mute.mp4"
    text.write_text("words " * 100)
    with VideoWriter(mute, 32, 32) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))
    for path, seen in [
        (tmp_path / "none.wav", "does not exist"),
        (tmp_path, "is a folder"),
        (text, "not a media file"),
        (mute, "has no sound"),
    ]:
        for read in (read_audio, sound_delay, lambda path: next(stream_audio(path))):
            with pytest.raises(D3Error, match=seen):
                read(path)


def test_check_audio(tmp_path):
    sound = tone(1.0)
    same, warnings = check_audio(sound, RATE, "a.wav")
    assert (same == sound).all()
    assert warnings == []

    broken = sound.copy()
    broken[10:13] = np.nan, np.inf, -np.inf
    mended, warnings = check_audio(broken, RATE, "a.wav")
    assert (mended[10:13] == 0).all()
    assert (mended[13:] == sound[13:]).all()
    assert warnings == ["a.wav: 3 samples are no numbers and were set to 0"]

    mended, warnings = check_audio(4 * sound, RATE, "a.wav")
    assert np.abs(mended).max() == 1
    share = np.mean(np.abs(4 * sound) >= 0.999)
    assert warnings == [f"a.wav: {100 * share:.1f} % of the sound is clipped; record it with less gain"]

    with pytest.raises(D3Error, match="silent"):
        check_audio(np.full(RATE, 5e-5), RATE, "a.wav")
    with pytest.raises(D3Error, match=r"lasts 0\.10 s"):
        check_audio(sound[:1600], RATE, "a.wav")
    with pytest.raises(D3Error, match=r"lasts 0\.00 s"):
        check_audio(sound[:0], RATE, "a.wav")


def test_write_wav(tmp_path):
    sound = np.append(tone(0.5), [2.0, -2.0]).astype(np.float32)
    write_wav(tmp_path / "deep" / "a.wav", sound, 22_050)
    info = soundfile.info(tmp_path / "deep" / "a.wav")
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (22_050, 1, "PCM_16", len(sound))
    back, _ = soundfile.read(tmp_path / "deep" / "a.wav")
    assert np.abs(back - np.clip(sound, -1, 1)).max() < 1e-4


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk_is_told(tmp_path):
    (tmp_path / f".a.partial-{os.getpid()}.wav").symlink_to("/dev/full")  # what atomic_file will open
    with pytest.raises(D3Error, match="disk is full"):
        write_wav(tmp_path / "a.wav", tone(0.5))
    assert list(tmp_path.iterdir()) == []
