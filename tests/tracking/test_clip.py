import json
import shutil

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.media.audio import write_wav
from d3talker.media.video import VideoWriter
from d3talker.tracking.clip import Clip, Tracks, load_clip, write_numbers

FRAMES, SIZE = 6, 32


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips") / "whole"
    rng = np.random.default_rng(0)
    tracks = Tracks(
        landmarks=rng.normal(size=(FRAMES, 478, 3)).astype(np.float32),
        world_to_cam=rng.normal(size=(FRAMES, 4, 4)),
        face_shape=rng.normal(size=(478, 3)),
        face_points=rng.normal(size=(FRAMES, 478, 3)).astype(np.float32),
        expression=rng.random((FRAMES, 6)).astype(np.float32),
        blink=rng.random(FRAMES).astype(np.float32),
        lip_opening=rng.random(FRAMES).astype(np.float32),
        lip_width=rng.random(FRAMES).astype(np.float32),
        jitter=rng.random(FRAMES),
    )
    folder.mkdir()
    for name, style, shape in (
        ("frames", "lossless", (SIZE, SIZE, 3)),
        ("masks", "labels", (SIZE, SIZE)),
        ("plates", "lossless", (SIZE, SIZE, 3)),
    ):
        with VideoWriter(folder / f"{name}.mkv", SIZE, SIZE, 25.0, style) as writer:
            for number in range(FRAMES):
                writer.write(np.full(shape, 10 * number, dtype=np.uint8))
    write_wav(folder / "audio.wav", np.full(640 * FRAMES, 0.25, dtype=np.float32))
    meta = {"source": {"name": "a.mp4"}, "fps": 25.0, "size": SIZE, "crop": {}, "focal": 64.0}
    write_numbers(folder, tracks, meta)
    return folder, tracks


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole[0], tmp_path / "clip")


def test_what_was_written_is_read(whole):
    folder, tracks = whole
    clip = Clip.load(folder)
    assert len(clip) == FRAMES
    assert np.array_equal(clip.landmarks, tracks.landmarks)
    assert np.array_equal(clip.world_to_cam, tracks.world_to_cam)
    assert clip.meta["format_version"] == 1
    assert [int(picture[0, 0, 0]) for picture in clip.frames()] == [0, 10, 20, 30, 40, 50]
    assert [mask.shape for mask in clip.masks()] == [(SIZE, SIZE)] * FRAMES
    assert sum(1 for _ in clip.plates()) == FRAMES
    assert clip.has_sound
    assert clip.sound() == pytest.approx(np.full(640 * FRAMES, 0.25), abs=1e-4)


def test_intrinsics_scale_with_the_resolution(whole):
    clip = load_clip(whole[0])
    assert clip.intrinsics(SIZE).tolist() == [[64, 0, 16], [0, 64, 16], [0, 0, 1]]
    assert np.allclose(clip.intrinsics(2 * SIZE)[:2], 2 * clip.intrinsics(SIZE)[:2])


def test_a_clip_without_sound(copy):
    (copy / "audio.wav").unlink()
    assert not load_clip(copy).has_sound


def edit(path, **changes) -> None:
    meta = json.loads(path.read_text())
    path.write_text(json.dumps({**meta, **changes}))


@pytest.mark.parametrize(
    ("harm", "seen"),
    [
        (lambda clip: shutil.rmtree(clip), "holds no clip.json"),
        (lambda clip: (clip / "clip.json").write_text("{"), "is damaged"),
        (lambda clip: edit(clip / "clip.json", format_version=99), "clip format 99"),
        (lambda clip: edit(clip / "clip.json", frames=7), "has 6 frames; wanted 7"),
        (lambda clip: (clip / "clip.json").write_text('{"format_version": 1}'), "has no source"),
        (lambda clip: (clip / "tracks.safetensors").unlink(), "is missing"),
        (lambda clip: (clip / "tracks.safetensors").write_bytes(b"\x10" * 500), "truncated or damaged"),
        (lambda clip: (clip / "plates.mkv").unlink(), "plates.mkv is missing"),
    ],
)
def test_damage_gets_one_clear_line(copy, harm, seen):
    harm(copy)
    with pytest.raises(D3Error) as error:
        load_clip(copy)
    assert seen in str(error.value)
    assert "\n" not in str(error.value)
