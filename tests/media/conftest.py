from fractions import Fraction

import av
import numpy as np
import pytest


@pytest.fixture
def encode():
    """Writes pictures at any times with PyAV alone, so that reading is not tested against our own writer."""

    def write(
        path, frames, times, codec="ffv1", pixels="bgr0", options=None, rate=25, tags=None, stretch=None, sound=None
    ):
        # times: seconds of every picture; tags: attributes of the codec context; sound: (pieces, times, rate, codec)
        with av.open(str(path), "w") as container:
            first = frames[0]
            stream = container.add_stream(codec, rate=rate, options=options or {})
            height, width = (first.height, first.width) if isinstance(first, av.VideoFrame) else first.shape[:2]
            stream.width, stream.height, stream.pix_fmt = width, height, pixels
            stream.codec_context.time_base = Fraction(1, 1000)
            if stretch:
                stream.codec_context.sample_aspect_ratio = stretch
            for name, value in (tags or {}).items():
                setattr(stream.codec_context, name, value)
            track = None
            if sound:
                pieces, sound_times, sound_rate, sound_codec = sound
                track = container.add_stream(sound_codec, rate=sound_rate, layout="mono")
            for picture, time in zip(frames, times, strict=True):
                frame = picture
                if not isinstance(picture, av.VideoFrame):
                    frame = av.VideoFrame.from_ndarray(picture, format="rgb24" if picture.ndim == 3 else "gray")
                    frame = frame.reformat(format=pixels)
                frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
            if track is not None:
                for piece, time in zip(pieces, sound_times, strict=True):
                    frame = av.AudioFrame.from_ndarray((piece * 32767).astype(np.int16)[None], "s16", "mono")
                    frame.sample_rate = sound_rate
                    frame.pts, frame.time_base = round(time * sound_rate), Fraction(1, sound_rate)
                    container.mux(track.encode(frame))
                container.mux(track.encode(None))
        return path

    return write


@pytest.fixture
def gray_steps():
    """Pictures that say their number: all pixels of picture k are 5 k + 10."""

    def make(count, width=32, height=32):
        return [np.full((height, width, 3), 5 * k + 10, np.uint8) for k in range(count)]

    return make
