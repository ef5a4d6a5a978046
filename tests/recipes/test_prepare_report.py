import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from d3talker.media.audio import write_wav
from d3talker.recipes.prepare_report import Sample, sample_numbers, write_prepare_report
from d3talker.tracking.clip import Clip
from d3talker.tracking.quality import Quality

FRAMES, SIZE = 50, 64


@pytest.fixture
def clip(tmp_path):
    time = np.arange(FRAMES) / 25
    landmarks = np.full((FRAMES, 478, 3), 200.0)  # outside the picture, but for one
    landmarks[:, 0, :2] = (20.5, 40.5)
    poses = np.tile(np.diag([1.0, -1.0, -1.0, 1.0]), (FRAMES, 1, 1))
    write_wav(tmp_path / "audio.wav", 0.3 * np.sin(2000 * np.arange(32000) / 16000).astype(np.float32))
    return Clip(
        landmarks=landmarks,
        world_to_cam=poses,
        face_shape=np.zeros((478, 3)),
        face_points=np.zeros((FRAMES, 478, 3)),
        expression=np.zeros((FRAMES, 6)),
        blink=np.zeros(FRAMES),
        lip_opening=0.005 * (1 + np.sin(9 * time)),
        lip_width=np.full(FRAMES, 0.05),
        jitter=np.full(FRAMES, 0.2),
        path=tmp_path,
        meta={"source": {"name": "me & <you>.mp4"}, "fps": 25.0, "size": SIZE, "warnings": ["the sound is 80 ms late"]},
    )


def sample(frame):
    labels = np.zeros((SIZE, SIZE), dtype=np.uint8)
    labels[32:] = 3
    return Sample(frame, np.full((SIZE, SIZE, 3), 100, dtype=np.uint8), labels, np.full((SIZE, SIZE, 3), 7, np.uint8))


def embedded_pictures(page):
    for found in re.findall(r"data:image/png;base64,([^\"]+)", page):
        yield np.asarray(Image.open(io.BytesIO(base64.b64decode(found))))


def test_report_shows_everything_and_needs_no_other_file(clip, tmp_path):
    samples = [sample(frame) for frame in sample_numbers(FRAMES)]
    quality = Quality({"jitter_px": 0.25, "blinks": 0.0}, ["No blink was seen."])
    write_prepare_report(tmp_path / "report.html", clip, samples, quality, np.full((SIZE, SIZE, 3), 9, dtype=np.uint8))
    page = (tmp_path / "report.html").read_text()
    assert "me &amp; &lt;you&gt;.mp4" in page
    assert page.index("No blink was seen.") < page.index("80 ms late") < page.index("<table>")
    assert "jitter</td>" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    pictures = list(embedded_pictures(page))
    assert len(pictures) == 12 + 1 + 12
    assert (pictures[12] == 9).all()
    assert (pictures[13] == 7).all()
    overlay = pictures[0].astype(int)
    assert (overlay[40, 20] == 255).all()  # the landmark inside the picture
    assert overlay[10, 10].tolist() == [50, 50, 50]  # background is darkened
    assert overlay[50, 50, 0] > 130 > 100 > overlay[50, 50, 1]  # the face is tinted red
    assert page.count("data:image/svg+xml") == 6


def test_good_clip_is_praised(clip, tmp_path):
    clip.meta["warnings"] = []
    write_prepare_report(tmp_path / "report.html", clip, [sample(0)], Quality({}, []))
    assert "Nothing to record again" in (tmp_path / "report.html").read_text()


def test_clip_without_sound_is_reported_too(clip, tmp_path):
    (tmp_path / "audio.wav").unlink()
    write_prepare_report(tmp_path / "report.html", clip, [sample(3)], Quality({}, []))
    assert (tmp_path / "report.html").read_text().count("data:image/svg+xml") == 6


def test_sample_numbers_span_the_clip():
    assert sample_numbers(500)[0] == 0
    assert sample_numbers(500)[-1] == 499
    assert len(sample_numbers(500)) == 12
    assert sample_numbers(3) == [0, 1, 2]
