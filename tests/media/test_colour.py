import av
import numpy as np
import pytest

from d3talker.media.video import read_frames

# luma weights of red and blue: ITU-R BT.601, BT.709, BT.2020
WEIGHTS = {5: (0.299, 0.114), 6: (0.299, 0.114), 1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}
COLOURS = np.array(
    [
        [230, 40, 30],
        [30, 200, 60],
        [40, 60, 220],
        [250, 250, 250],
        [5, 5, 5],
        [200, 150, 120],
        [128, 128, 128],
        [0, 255, 255],
    ]
)


def patches(size=(256, 32)):
    return np.repeat(np.repeat(COLOURS[None], size[1], 0), size[0] // len(COLOURS), 1)


def to_yuv(rgb, matrix, full, bits):
    red_weight, blue_weight = WEIGHTS[matrix]
    red, green, blue = np.moveaxis(rgb / 255, -1, 0)
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    planes = luma, (blue - luma) / (2 - 2 * blue_weight), (red - luma) / (2 - 2 * red_weight)
    top = 2**bits - 1
    if full:
        scaled = [planes[0] * top, planes[1] * top + 2 ** (bits - 1), planes[2] * top + 2 ** (bits - 1)]
    else:
        scaled = [(16 + 219 * planes[0]), (128 + 224 * planes[1]), (128 + 224 * planes[2])]
        scaled = [plane * 2 ** (bits - 8) for plane in scaled]
    return [np.clip(np.rint(plane), 0, top).astype(np.uint8 if bits == 8 else np.uint16) for plane in scaled]


def yuv_frame(rgb, pixels, matrix, full):
    bits = 10 if "10" in pixels else 8
    height, width = rgb.shape[:2]
    frame = av.VideoFrame(width, height, pixels)
    for plane, values in zip(frame.planes, to_yuv(rgb, matrix, full, bits), strict=True):
        values = values[:: height // plane.height, :: width // plane.width]
        rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
        rows[:, : plane.width] = values
        plane.update(rows.tobytes())
    return frame


def assert_colours(frame):
    step = frame.shape[1] // len(COLOURS)
    seen = frame[frame.shape[0] // 2, step // 2 :: step].astype(int)
    assert np.abs(seen - COLOURS).max() <= 2


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"])
@pytest.mark.parametrize("matrix", [6, 1])
@pytest.mark.parametrize("full", [False, True])
def test_matrix_range_and_depth_are_undone(tmp_path, encode, pixels, matrix, full):
    frame = yuv_frame(patches(), pixels, matrix, full)
    tags = {"colorspace": matrix, "color_range": 2 if full else 1}
    for item in (frame,):
        item.colorspace, item.color_range = matrix, tags["color_range"]
    path = encode(tmp_path / "a.mp4", [frame], [0], "libx264", pixels, {"qp": "0"}, tags=tags)
    assert_colours(next(read_frames(path)))


def test_bt2020_matrix(tmp_path, encode):
    frame = yuv_frame(patches(), "yuv420p10le", 9, False)
    frame.colorspace = 9
    path = encode(tmp_path / "a.mp4", [frame], [0], "libx264", "yuv420p10le", {"qp": "0"}, tags={"colorspace": 9})
    assert_colours(next(read_frames(path)))


@pytest.mark.parametrize(("size", "matrix"), [((256, 32), 5), ((1280, 16), 1), ((256, 720), 1)])
def test_untagged_streams_are_taken_as_players_take_them(tmp_path, encode, size, matrix):
    frame = yuv_frame(patches(size), "yuv420p", matrix, False)
    path = encode(tmp_path / "a.mp4", [frame], [0], "libx264", "yuv420p", {"qp": "0"})
    assert_colours(next(read_frames(path)))


def test_full_range_formats_of_cameras(tmp_path, encode):
    frame = yuv_frame(patches(), "yuvj420p", 6, True)
    frame.color_range = 2
    path = encode(tmp_path / "a.avi", [frame], [0], "mjpeg", "yuvj420p", {"qmin": "1", "qmax": "1"})
    step = 256 // len(COLOURS)
    seen = next(read_frames(path))[16, step // 2 :: step].astype(int)
    assert np.abs(seen - COLOURS).max() <= 4  # the codec itself loses a little


def test_rgb_and_gray_come_unchanged(tmp_path, encode):
    rgb = patches().astype(np.uint8)
    assert (next(read_frames(encode(tmp_path / "a.mkv", [rgb], [0], "ffv1", "bgr0"))) == rgb).all()
    gray = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
    assert (next(read_frames(encode(tmp_path / "b.mkv", [gray], [0], "ffv1", "gray"))) == gray[..., None]).all()
