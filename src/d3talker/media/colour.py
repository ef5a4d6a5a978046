"""Between the pixel formats of codecs and RGB, with the right matrix and range."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

_EXACT = (
    0x4 | 0x40000 | 0x2000 | 0x4000
)  # swscale: bicubic, accurate rounding, full chroma (PyAV 18 has names for them)
_UNSPECIFIED_MATRIX = (2, 3)  # AVCOL_SPC_UNSPECIFIED, AVCOL_SPC_RESERVED
BT709 = 1  # the number of BT.709 among matrices, primaries and transfer curves alike (ITU-T H.273)


UPRIGHT = (1, 0, 0, 1)  # the display matrix of a picture that is shown as it is stored


def to_rgb(frame: VideoFrame, reformatter: VideoReformatter, width: int, height: int) -> np.ndarray:
    """Converts one decoded picture of any pixel format.

    A stream that does not name its matrix is taken for BT.709 from 1280 pixels wide or 577 high on and for BT.601
    below; one that does not name its range for limited, save for gray and the "yuvj" formats (what players do).

    Args:
        frame: the decoded picture.
        reformatter: kept between calls, so that the conversion is set up only once.
        width: pixels of the result; the picture is scaled where it differs.
        height: as ``width``.

    Returns:
        (H, W, 3) uint8 RGB, contiguous.
    """
    source: dict[str, Any] = {}
    if not frame.format.is_rgb:
        if frame.colorspace in _UNSPECIFIED_MATRIX:
            large = frame.width >= 1280 or frame.height > 576
            source["src_colorspace"] = Colorspace.ITU709 if large else Colorspace.ITU601
        if frame.color_range == ColorRange.UNSPECIFIED:
            full = frame.format.name.startswith(("yuvj", "gray"))
            source["src_color_range"] = ColorRange.JPEG if full else ColorRange.MPEG
        else:
            source["src_color_range"] = ColorRange(frame.color_range)
    rgb = reformatter.reformat(
        frame, width, height, "rgb24", interpolation=_EXACT, dst_color_range=ColorRange.JPEG, **source
    )
    return rgb.to_ndarray()


def from_rgb(picture: np.ndarray, reformatter: VideoReformatter, pixels: str) -> VideoFrame:
    """Converts (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) gray uint8 into a frame of the pixel format ``pixels``.

    YUV comes out as BT.709 of limited range, RGB and gray unchanged.
    """
    given = "gray" if picture.ndim == 2 else ("rgb24", "rgba")[picture.shape[2] - 3]
    frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=given)
    if given == pixels:
        return frame
    return reformatter.reformat(
        frame,
        format=pixels,
        interpolation=_EXACT,
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
    )


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """How a stored picture is turned and mirrored for display: (a, b, c, d) of x' = a x + c y, y' = b x + d y.

    Only the signs and which pair is zero count (quarter turns). All pictures of a stream share it: ask the first
    one only, for a frame that has been asked stays in memory until Python's next garbage collection.
    """
    side_data: Any = frame.side_data
    data = side_data.get(SideDataType.DISPLAYMATRIX)
    if data is None:
        return UPRIGHT
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    return a, b, c, d


def quarter_turns(matrix: tuple[int, int, int, int]) -> int:
    """Degrees clockwise, 0, 90, 180 or 270, that a display matrix turns the top of the stored picture by."""
    a, b, _, _ = matrix
    return round(float(np.degrees(np.arctan2(b, a))) / 90) % 4 * 90


def upright(picture: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Applies a display matrix to (H, W, C); turned pictures come back contiguous."""
    a, b, c, d = matrix
    if abs(b) > abs(a):
        picture, across, down = picture.transpose(1, 0, 2), c, b
    else:
        across, down = a, d
    return np.ascontiguousarray(picture[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])
