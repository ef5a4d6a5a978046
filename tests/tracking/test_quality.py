import numpy as np
import pytest
from scipy import ndimage

from d3talker.tracking.quality import FaceLight, assess, count_blinks, face_light, head_angles

FRAMES, SIZE = 250, 512


def turned(yaw=0.0, pitch=0.0, roll=0.0):
    """world_to_cam of a head turned to the picture's right, up, and counter-clockwise, in degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    pose = np.eye(4)
    pose[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ about_y @ about_x @ about_z
    pose[2, 3] = 0.8
    return pose


def good_clip(layout):
    """Ten seconds of a person who does everything right."""
    rng = np.random.default_rng(0)
    time = np.arange(FRAMES) / 25
    landmarks = np.repeat(layout(centre=(256.0, 220.0))[None], FRAMES, axis=0)
    landmarks[..., :2] = 256 + 1.2 * (landmarks[..., :2] - 256)
    blink = np.zeros(FRAMES)
    for start in (30, 110, 200):
        blink[start : start + 4] = (0.4, 1.0, 0.9, 0.3)
    return {
        "landmarks": landmarks,
        "world_to_cam": np.array([turned(10 * np.sin(t), 5 * np.cos(t)) for t in time]),
        "expression": rng.random((FRAMES, 6)),
        "blink": blink,
        "lip_opening": np.clip(0.013 * np.sin(3 * time), 0, None),
        "residual": np.full(FRAMES, 1.5),
        "jitter": np.full(FRAMES, 0.2),
        "size": SIZE,
        "has_sound": True,
        "light": [FaceLight(140.0, 0.001, 0.2)] * 10,
    }


def test_good_clip_needs_no_advice(layout):
    quality = assess(**good_clip(layout))
    assert quality.advice == []
    numbers = quality.numbers
    assert numbers["seconds"] == pytest.approx(10.0)
    assert numbers["face_height_px"] == pytest.approx(1.2 * 190)
    assert numbers["yaw_highest_deg"] == pytest.approx(10.0, abs=0.1)
    assert numbers["yaw_lowest_deg"] == pytest.approx(-10.0, abs=0.1)
    assert numbers["pitch_highest_deg"] == pytest.approx(5.0, abs=0.1)
    assert numbers["blinks"] == 3
    assert numbers["blink_range_percent"] == pytest.approx(100.0)
    assert numbers["mouth_widest_mm"] == pytest.approx(13.0, abs=0.2)
    assert numbers["mouth_range_percent"] == pytest.approx(100.0)
    assert 45 < numbers["mouth_closed_percent"] < 60
    assert all(isinstance(value, float) for value in numbers.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blink": np.full(FRAMES, 0.1)}, "No blink"),
        ({"has_sound": False}, "no sound"),
        ({"lip_opening": np.linspace(0.0015, 0.0135, FRAMES)}, "hardly ever close"),
        ({"lip_opening": np.linspace(0, 0.003, FRAMES)}, "% of its range"),
        ({"jitter": np.full(FRAMES, 2.0)}, "shakes by 2.0 pixels"),
        ({"residual": np.full(FRAMES, 9.0)}, "only to 9.0 pixels"),
        ({"world_to_cam": np.array([turned(yaw=-40)] * FRAMES)}, "turns 40 degrees"),
        ({"world_to_cam": np.array([turned(pitch=30)] * FRAMES)}, "nods by 30 degrees"),
        ({"light": [FaceLight(40.0, 0.0, 0.2)]}, "dark"),
        ({"light": [FaceLight(200.0, 0.1, 0.2)]}, "burnt out"),
        ({"light": [FaceLight(100.0, 0.0, 0.2), FaceLight(150.0, 0.0, 0.2)]}, "changes by 50 levels"),
        ({"light": [FaceLight(140.0, 0.0, 0.12)]}, "soft"),
    ],
)
def test_every_fault_is_told_once_and_alone(layout, change, words):
    advice = assess(**(good_clip(layout) | change)).advice
    assert len(advice) == 1
    assert words in advice[0]


def test_small_short_and_cut_off_faces_are_told(layout):
    clip = good_clip(layout)
    small = clip["landmarks"].copy()
    small[..., :2] = 256 + 0.5 * (small[..., :2] - 256)
    assert "small (114 pixels" in assess(**(clip | {"landmarks": small})).advice[0]
    moved = clip["landmarks"].copy()
    moved[:50, :, 0] -= 260
    assert "leaves the picture in 20 %" in assess(**(clip | {"landmarks": moved})).advice[0]
    per_frame = ("landmarks", "world_to_cam", "expression", "blink", "lip_opening", "residual", "jitter")
    short = {name: value[:100] if name in per_frame else value for name, value in clip.items()}
    assert "Only 4.0 s" in assess(**short).advice[0]


def test_angles_of_known_turns():
    poses = np.array([turned(), turned(yaw=20), turned(pitch=-15), turned(roll=12), turned(20, 10, -5)])
    expected = [[0, 0, 0], [20, 0, 0], [0, -15, 0], [0, 0, 12], [20, 10, -5]]
    np.testing.assert_allclose(head_angles(poses), expected, atol=1e-6)
    nose = turned(yaw=20)[:3, :3] @ [0, 0, 1]
    assert nose[0] > 0  # to the picture's right
    assert (turned(pitch=10)[:3, :3] @ [0, 0, 1])[1] < 0  # up in the picture


def test_blinks_are_counted_by_their_beginnings():
    assert count_blinks(np.array([0.9, 0.9, 0, 0, 0.7, 0.5, 0.8, 0])) == 3
    assert count_blinks(np.zeros(5)) == 0


def test_sharpness_tells_an_enlarged_picture_from_a_native_one(layout):
    points = layout(centre=(256.0, 220.0))
    rng = np.random.default_rng(0)
    noise = sum(ndimage.zoom(rng.standard_normal((512 // s, 512 // s)), s, order=1) for s in (1, 2, 4, 8, 16, 32))
    native = np.clip(128 + 18 * noise, 0, 255)
    soft = ndimage.zoom(native[::2, ::2], 2, order=3)
    pictures = [np.repeat(picture[..., None], 3, axis=2).astype(np.uint8) for picture in (native, soft)]
    sharp, blurred = (face_light(picture, points) for picture in pictures)
    assert blurred.sharpness < 0.75 * sharp.sharpness
    assert face_light(pictures[0] // 2, points).sharpness == pytest.approx(sharp.sharpness, rel=0.03)


def test_light_of_a_face_partly_outside_the_picture(layout):
    frame = np.full((512, 512, 3), 250, dtype=np.uint8)
    light = face_light(frame, layout(centre=(-30.0, 600.0)))
    assert light.brightness == pytest.approx(250.0)
    assert light.burnt == 1.0
