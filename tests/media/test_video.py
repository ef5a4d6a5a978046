import subprocess
import sys
from fractions import Fraction
from itertools import islice

import av
import numpy as np
import pytest
from PIL import Image

from d3talker.core.errors import D3Error
from d3talker.media.audio import write_wav
from d3talker.media.video import VideoWriter, probe, read_frames, read_stored


def numbers(frames):
    return [round((int(frame[0, 0, 0]) - 10) / 5) for frame in frames]


@pytest.mark.parametrize(
    ("rate", "count", "expected"),
    [
        (25, 20, list(range(20))),
        (50, 40, list(range(0, 40, 2))),
        (30, 30, [round(1.2 * i) for i in range(25)]),
        (60, 48, [round(2.4 * i) for i in range(20)]),
        (12.5, 10, [i // 2 for i in range(20)]),
    ],
)
def test_any_rate_gives_the_nearest_picture_of_every_grid_time(tmp_path, encode, gray_steps, rate, count, expected):
    path = encode(tmp_path / "a.mkv", gray_steps(count), [k / rate for k in range(count)], rate=Fraction(rate))
    assert numbers(read_frames(path)) == expected


def test_variable_rate_holds_a_picture_through_a_pause_and_never_shows_one_early(tmp_path, encode, gray_steps):
    times = [0, 0.04, 0.08, 0.305, 0.31, 0.32, 0.4, 0.44]
    path = encode(tmp_path / "a.mkv", gray_steps(len(times)), times)
    assert numbers(read_frames(path))[:12] == [0, 1, 2, 2, 2, 2, 2, 2, 5, 5, 6, 7]


def test_jitter_of_timestamps_neither_repeats_nor_drops(tmp_path, encode, gray_steps):
    jitter = np.random.default_rng(0).integers(-9, 10, 40) / 1000
    jitter[0] = 0
    path = encode(tmp_path / "a.mkv", gray_steps(40), 0.04 * np.arange(40) + jitter)
    assert numbers(read_frames(path)) == list(range(40))


def test_time_zero_is_the_first_picture(tmp_path, encode, gray_steps):
    path = encode(tmp_path / "a.mkv", gray_steps(10), [0.7 + 0.04 * k for k in range(10)])
    assert numbers(read_frames(path)) == list(range(10))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_start_and_end_cut_exactly_between_key_pictures(tmp_path, encode, gray_steps, suffix):
    options = {"g": "12", "qp": "0", "bf": "2"}
    times = [k / 25 for k in range(40)]
    path = encode(tmp_path / f"a.{suffix}", gray_steps(40), times, "libx264", "yuv444p", options)
    assert numbers(read_frames(path, start=0.8, end=1.2)) == list(range(20, 30))
    assert numbers(read_frames(path, start=1.4)) == list(range(35, 40))
    assert numbers(read_frames(path, end=0.2)) == [0, 1, 2, 3, 4]
    assert numbers(read_frames(path, start=1.4, end=99)) == list(range(35, 40))
    with pytest.raises(D3Error, match=r"lasts 1\.60 s"):
        list(read_frames(path, start=2.0))
    with pytest.raises(D3Error, match="start < end"):
        read_frames(path, start=1.0, end=1.0)


def test_another_grid_rate(tmp_path, encode, gray_steps):
    path = encode(tmp_path / "a.mkv", gray_steps(20), [k / 25 for k in range(20)])
    assert numbers(read_frames(path, fps=5)) == [0, 5, 10, 15]
    assert numbers(read_frames(path, fps=50, end=0.2)) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_repeated_pictures_are_arrays_of_their_own(tmp_path, encode, gray_steps):
    path = encode(tmp_path / "a.mkv", gray_steps(2), [0, 0.4])
    first, second = islice(read_frames(path), 2)
    first[:] = 0
    assert second.min() == 10


def corners(width, height):
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (250, 0, 0)
    picture[: height // 2, width // 2 :] = (0, 250, 0)
    picture[height // 2 :, : width // 2] = (0, 0, 250)
    return picture


@pytest.mark.parametrize(
    ("matrix", "turns", "shown"),
    [
        ((1, 0, 0, 1), 0, lambda p: p),
        ((0, 1, -1, 0), 90, lambda p: np.rot90(p, -1)),
        ((-1, 0, 0, -1), 180, lambda p: np.rot90(p, 2)),
        ((0, -1, 1, 0), 270, lambda p: np.rot90(p, 1)),
        ((-1, 0, 0, 1), 180, lambda p: p[:, ::-1]),
    ],
)
def test_turned_and_mirrored_recordings_come_upright(tmp_path, encode, matrix, turns, shown):
    picture = corners(64, 32)
    path = encode(tmp_path / "a.mp4", [picture] * 3, [0, 0.04, 0.08], "libx264", "yuv444p", {"qp": "4"})
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44  # the matrix of the track header, ISO 14496-12 section 8.3.2
    a, b, c, d = (value * 65536 for value in matrix)
    content[place : place + 36] = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    path.write_bytes(content)

    frame = next(read_frames(path))
    expected = shown(picture)
    assert frame.shape == expected.shape
    assert np.abs(frame.astype(int) - expected).mean() < 3
    info = probe(path)
    assert (info.height, info.width) == expected.shape[:2]
    assert info.rotation == turns


def test_stretched_pixels_come_square(tmp_path, encode):
    path = encode(tmp_path / "a.mp4", [corners(48, 64)] * 2, [0, 0.04], "libx264", "yuv420p", stretch=Fraction(4, 3))
    assert next(read_frames(path)).shape == (64, 64, 3)
    assert probe(path).width == 64


@pytest.mark.parametrize(("codec", "pixels", "size"), [("ffv1", "bgr0", (33, 17)), ("libvpx-vp9", "yuv420p", (33, 17))])
def test_odd_sizes(tmp_path, encode, codec, pixels, size):
    picture = corners(*size)
    options = {} if codec == "ffv1" else {"crf": "4", "b": "0"}
    path = encode(tmp_path / "a.mkv", [picture] * 2, [0, 0.04], codec, pixels, options)
    frame = next(read_frames(path))
    assert frame.shape == picture.shape
    assert np.abs(frame[2:5, 2:12].astype(int) - picture[2:5, 2:12]).max() < 8


def test_a_picture_size_that_changes_midway_is_scaled_to_the_first(tmp_path, encode, gray_steps):
    small = encode(tmp_path / "b.h264", gray_steps(3, 48, 48), [0, 0.04, 0.08], "libx264", "yuv420p")
    large = encode(tmp_path / "a.h264", gray_steps(3, 96, 96), [0, 0.04, 0.08], "libx264", "yuv420p")
    both = tmp_path / "both.h264"
    both.write_bytes(large.read_bytes() + small.read_bytes())
    frames = list(read_frames(both))
    assert {frame.shape for frame in frames} == {(96, 96, 3)}
    assert len(frames) == 6


def test_probe_tells_what_was_written(tmp_path):
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 64, 48, fps=30, sound_rate=16_000) as writer:
        for _ in range(45):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    info = probe(path)
    assert (info.width, info.height, info.fps, info.has_sound, info.codec) == (64, 48, 30, True, "h264")
    assert info.duration == pytest.approx(1.5)
    assert info.rotation == 0


def test_probe_counts_where_the_file_states_no_length(tmp_path, encode, gray_steps):
    path = encode(tmp_path / "a.h264", gray_steps(20), [k / 25 for k in range(20)], "libx264", "yuv420p")
    stream = tmp_path / "a.mkv"
    with av.open(str(path)) as source, stream.open("wb") as file:

        class Pipe:  # cannot seek, so the muxer writes no length
            write = file.write

        with av.open(Pipe(), "w", format="matroska") as target:
            copy = target.add_stream_from_template(source.streams.video[0])
            for number, packet in enumerate(source.demux(video=0)):
                if packet.size:
                    packet.stream, packet.pts, packet.dts, packet.time_base = copy, number, number, Fraction(1, 25)
                    target.mux(packet)
    assert probe(stream).duration == pytest.approx(0.8, abs=0.045)


def test_mistakes_are_told_in_one_line(tmp_path, encode, gray_steps):
    text, empty, wav, png = (tmp_path / name for name in ("talk.txt", "empty.mp4", "a.wav", "a.png"))
    text.write_text("these are words\n" * 50)
    empty.touch()
    write_wav(wav, np.ones(16_000, np.float32) * 0.1)
    Image.fromarray(corners(64, 64)).save(png)
    for path, seen in [
        (tmp_path / "none.mp4", "does not exist"),
        (tmp_path, "is a folder"),
        (text, "not a media file"),
        (empty, "is empty"),
        (wav, "no picture track"),
        (png, "single picture"),
    ]:
        for read in (probe, read_frames, lambda path: next(read_stored(path))):
            with pytest.raises(D3Error, match=seen) as told:
                read(path)
            assert "\n" not in str(told.value)


def test_a_cover_picture_is_no_video(tmp_path):
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("mp3", rate=16_000, layout="mono")
        cover = container.add_stream("png", rate=1)
        cover.width = cover.height = 32
        cover.pix_fmt = "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic.value
        frame = av.VideoFrame.from_ndarray(corners(32, 32), format="rgb24")
        container.mux(cover.encode(frame))
        container.mux(cover.encode(None))
        wave = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        wave.sample_rate = 16_000
        container.mux(sound.encode(wave))
        container.mux(sound.encode(None))
    with pytest.raises(D3Error, match="no picture track"):
        probe(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_truncated_file_gives_what_is_there(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    with VideoWriter(path, 64, 64, style="precise") as writer:
        for frame in noise:
            writer.write(frame)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    assert 15 <= len(list(read_frames(path))) <= 30
    path.write_bytes(content[:200])
    with pytest.raises(D3Error):
        list(read_frames(path))


def test_a_name_like_an_address_is_a_file(tmp_path, encode, gray_steps, monkeypatch):
    encode(tmp_path / "a.mkv", gray_steps(2), [0, 0.04]).rename(tmp_path / "http:a%03d.mkv")
    monkeypatch.chdir(tmp_path)
    assert len(list(read_frames("http:a%03d.mkv"))) == 2


def test_memory_does_not_grow_with_the_length(tmp_path):
    script = """
import resource, sys
import numpy as np
from d3talker.media.video import VideoWriter, read_frames, read_stored
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def round_trip(count):
    with VideoWriter(sys.argv[1], 1280, 720, style="labels", sound_rate=16000) as writer:
        for i in range(count):
            writer.write(np.full((720, 1280), i % 5, np.uint8))
            writer.write_sound(np.zeros(640, np.float32))
    assert sum(1 for _ in read_stored(sys.argv[1])) == count
    assert sum(1 for _ in read_frames(sys.argv[1])) == count
round_trip(20)
before = peak()
round_trip(150)
print(peak() - before)
"""
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "a.mkv")], capture_output=True, text=True, check=True
    )
    assert float(run.stdout) < 40  # MiB; the pictures together are 395 MiB as RGB
