import os
import sys

import av
import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.media.audio import read_audio, sound_delay
from d3talker.media.video import VideoWriter, probe, read_frames, read_stored

RATE = 16_000


def moving_picture(number, width=96, height=64):
    """A soft picture with all colours and a moving wave."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 9 + number / 3), np.cos(y / 7 - number / 5), np.sin((x + y) / 11 + 1)]
    return np.round(127.5 + 110 * np.stack(waves, axis=-1)).astype(np.uint8)


def chirp(seconds, rate=RATE):
    time = np.arange(round(seconds * rate)) / rate
    return (0.4 * np.sin(2 * np.pi * (150 * time + 400 * time**2 / seconds))).astype(np.float32)


def test_lossless_and_labels_are_bit_exact(tmp_path):
    rng = np.random.default_rng(0)
    for style, shape in [("lossless", (65, 97, 3)), ("labels", (65, 97))]:
        frames = rng.integers(0, 256, (6, *shape), dtype=np.uint8)
        with VideoWriter(tmp_path / f"{style}.mkv", 97, 65, style=style) as writer:
            for frame in frames:
                writer.write(frame)
        back = list(read_stored(tmp_path / f"{style}.mkv"))
        assert len(back) == 6
        assert all(a.shape == b.shape and (a == b).all() for a, b in zip(back, frames, strict=True))


@pytest.mark.parametrize(
    ("style", "suffix", "error"), [("precise", ".mp4", 0.9), ("precise", ".mkv", 0.9), ("share", ".mp4", 4.0)]
)
def test_colours_survive_a_round_trip(tmp_path, style, suffix, error):
    frames = [moving_picture(number) for number in range(8)]
    path = tmp_path / f"a{suffix}"
    with VideoWriter(path, 96, 64, style=style) as writer:
        for frame in frames:
            writer.write(frame)
    difference = np.array(list(read_frames(path))).astype(int) - np.array(frames)
    assert np.abs(difference).mean() < error  # of 255
    assert np.abs(difference.mean(axis=(0, 1, 2))).max() < 0.7  # no cast of any channel
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_alpha_keeps_colour_and_transparency(tmp_path, suffix):
    picture = np.dstack([moving_picture(0), np.zeros((64, 96), np.uint8)])
    picture[:, 48:, 3] = 255
    path = tmp_path / f"a{suffix}"
    with VideoWriter(path, 96, 64, style="alpha", sound_rate=RATE) as writer:
        for _ in range(5):
            writer.write(picture)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = av.CodecContext.create("libvpx-vp9" if suffix == ".webm" else "prores", "r")
        decoder.extradata = stream.codec_context.extradata
        decoder.codec_tag = stream.codec_context.codec_tag
        packets = [packet for packet in container.demux(stream) if packet.size]
        frames = [frame for packet in packets for frame in decoder.decode(packet)]
    alpha = frames[0].reformat(format="rgba").to_ndarray()[..., 3].astype(int)
    assert alpha[:, :44].max() <= 8
    assert alpha[:, 52:].min() >= 247
    opaque = np.abs(next(read_stored(path))[:, 52:].astype(int) - picture[:, 52:, :3])
    assert opaque.mean() < (6 if suffix == ".webm" else 1)


def test_odd_sides_grow_by_a_repeated_row_only_where_the_codec_needs_it(tmp_path):
    frame = moving_picture(0, 97, 65)
    for style, expected in [("share", (66, 98, 3)), ("precise", (65, 97, 3))]:
        with VideoWriter(tmp_path / "a.mp4", 97, 65, style=style) as writer:
            writer.write(frame)
        back = next(read_frames(tmp_path / "a.mp4"))
        assert back.shape == expected
        assert np.abs(back[:65, :97].astype(int) - frame).mean() < 4.5


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_sound_is_in_step_and_as_long_as_the_pictures(tmp_path, suffix, rate):
    path = tmp_path / f"a{suffix}"
    sound = chirp(2.0, rate)
    with VideoWriter(path, 96, 64, sound_rate=rate) as writer:
        for number in range(50):
            writer.write(moving_picture(number))
            writer.write_sound(sound[number * 999 : (number + 1) * 999])
        writer.write_sound(sound[50 * 999 :])
    back = read_audio(path, rate)
    assert abs(len(back) / rate - 2.0) < 0.04
    assert abs(sound_delay(path)) < 1e-3
    middle = sound[rate // 2 : rate]
    lags = range(-rate // 50, rate // 50)
    best = max(lags, key=lambda lag: float(back[rate // 2 + lag : rate + lag] @ middle))
    assert abs(best) <= 1  # sample: the delay of the encoder is made up for
    assert np.corrcoef(back[rate // 2 : rate], middle)[0, 1] > 0.99
    assert len(list(read_frames(path))) == 50


@pytest.mark.parametrize(("given", "audible"), [(0.3, 0.3), (3.0, 1.0)])
@pytest.mark.parametrize(("style", "suffix"), [("share", ".mp4"), ("lossless", ".mkv"), ("alpha", ".webm")])
def test_sound_is_cut_or_filled_to_the_length_of_the_pictures(tmp_path, given, audible, style, suffix):
    path = tmp_path / f"a{suffix}"
    with VideoWriter(path, 32, 32, style=style, sound_rate=RATE) as writer:
        writer.write_sound(chirp(given))  # all of it ahead of the pictures
        for _ in range(25):
            writer.write(np.zeros((32, 32, 4 if style == "alpha" else 3), np.uint8))
    back = read_audio(path)
    assert abs(len(back) / RATE - 1.0) < 0.04
    assert np.abs(back[: int(audible * RATE)]).max() > 0.2
    assert np.abs(back[int((audible + 0.05) * RATE) :]).max(initial=0) < 0.02
    assert probe(path).duration == pytest.approx(1.0, abs=0.04)


def test_an_error_inside_leaves_nothing_behind(tmp_path):
    def fail_midway():
        with VideoWriter(tmp_path / "deep" / "a.mp4", 96, 64, sound_rate=RATE) as writer:
            writer.write(moving_picture(0))
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail_midway()
    assert list((tmp_path / "deep").iterdir()) == []


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.mkv"
    path.write_bytes(b"old")
    with VideoWriter(path, 96, 64) as writer:
        writer.write(moving_picture(0))
        assert path.read_bytes() == b"old"
    assert len(list(read_frames(path))) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
@pytest.mark.parametrize(("style", "suffix"), [("share", ".mp4"), ("lossless", ".mkv"), ("alpha", ".webm")])
@pytest.mark.parametrize("count", [1, 60])
def test_a_full_disk_is_told(tmp_path, style, suffix, count):
    path = tmp_path / f"a{suffix}"
    (tmp_path / f".a.partial-{os.getpid()}{suffix}").symlink_to("/dev/full")  # what atomic_file will open
    frame = np.random.default_rng(0).integers(0, 256, (64, 96, 4 if style == "alpha" else 3), dtype=np.uint8)

    def write():
        with VideoWriter(path, 96, 64, style=style) as writer:
            for _ in range(count):
                writer.write(frame)

    with pytest.raises(D3Error, match="disk is full"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_told(tmp_path):
    with pytest.raises(D3Error, match=r"\.webm or \.mov"):
        VideoWriter(tmp_path / "a.mp4", 96, 64, style="alpha")
    with pytest.raises(D3Error, match="no picture came"), VideoWriter(tmp_path / "a.mp4", 96, 64):
        pass
    with VideoWriter(tmp_path / "a.mp4", 96, 64) as writer:
        writer.write(moving_picture(0))
        for wrong in (moving_picture(0, 64, 64), moving_picture(0).astype(np.float32), moving_picture(0)[..., 0]):
            with pytest.raises(ValueError, match="wanted"):
                writer.write(wrong)
        with pytest.raises(ValueError, match="sound_rate"):
            writer.write_sound(chirp(0.1))
    (tmp_path / "file").touch()
    with pytest.raises(D3Error, match="cannot write"), VideoWriter(tmp_path / "file" / "deep" / "a.mp4", 96, 64):
        pass
