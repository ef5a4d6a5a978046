"""The studio as a visitor meets it: a clip goes in, a video of the head comes out and plays."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.apps.studio_server import Studio, studio

from d3talker.media.audio import write_wav
from d3talker.models.consent import read_consent
from d3talker.speaker import make_speaker_video
from d3talker.speaker.speech import built_in_speech

pytest.importorskip("gradio")
playwright = pytest.importorskip("playwright.sync_api")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
    pytest.mark.xdist_group("studio"),
    pytest.mark.timeout(300),
]
LONG = 120_000  # ms
SHOWN = """async video => {
  const context = new OffscreenCanvas(32, 32).getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, 32, 32);
  const pixels = context.getImageData(0, 0, 32, 32).data;
  let hash = 0;
  for (const value of pixels) hash = (31 * hash + value) | 0;
  return [video.currentTime, hash, Math.max(...pixels.filter((_, i) => i % 4 < 3))];
}"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with studio(tmp_path_factory.mktemp("studio") / "workspace") as running:
        yield running


def test_from_a_clip_to_a_playing_video(opened: Studio, tmp_path: Path) -> None:
    clip, sound = tmp_path / "someone's clip.mp4", tmp_path / "speech.wav"
    make_speaker_video(clip, seed=0, seconds=3.5, size=256)
    speech = built_in_speech("driving")
    write_wav(sound, speech.samples[: 2 * speech.rate], speech.rate)
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = started.chromium.launch(executable_path=BROWSER, args=arguments)
        page = browser.new_page(viewport={"width": 1320, "height": 1000})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(opened.address)

        page.locator("#clip input[type=file]").set_input_files(clip)
        page.locator("#name input, #name textarea").fill("../escape")
        page.locator("#who input, #who textarea").fill("A Test")
        page.locator("#clip video").wait_for()
        page.locator("#check").click()
        page.get_by_text("is no name for a person").first.wait_for()
        page.locator("#name input, #name textarea").fill("speaker")
        page.locator("#check").click()
        page.get_by_text("nobody has agreed yet").first.wait_for()
        page.locator("#agrees input").check()
        page.locator("#advanced").get_by_role("button").first.click()
        page.get_by_role("radio", name="tiny", exact=True).check()
        page.locator("#check").click()

        page.locator("#train").wait_for(timeout=LONG)  # the clip's report comes before any training
        report = page.frame_locator("#report iframe")
        report.get_by_text("Landmarks and masks").wait_for()
        assert "Quality" in page.locator("#report").inner_text()
        consent = read_consent(opened.workspace / "speaker")
        assert consent is not None
        assert consent.who == "A Test"

        page.locator("#train").click()
        page.locator("#steps progress").wait_for(timeout=LONG)
        page.close()  # a visitor who leaves: the work goes on
        page = browser.new_page(viewport={"width": 1320, "height": 1000})
        page.on("request", lambda request: asked.append(request.url))
        page.goto(opened.address)
        page.locator("#sample img").wait_for(timeout=LONG)  # sample frames while it trains
        page.get_by_text("Ready to talk").wait_for(timeout=LONG)

        page.get_by_role("tab", name="2 · Talk").click()
        page.wait_for_function("document.querySelector('#person input').value == 'speaker'")
        page.locator("#talk-sound input[type=file]").set_input_files(sound)
        page.locator("#talk-sound").get_by_text("speech.wav").or_(page.locator("#talk-sound canvas")).first.wait_for()
        page.locator("#talk").click()
        video = page.locator("#video video")
        video.wait_for(timeout=LONG)
        assert video.evaluate("v => v.play().then(() => v.duration)") == pytest.approx(2.0, abs=0.1)
        seen = []
        for _ in range(12):
            seen.append(video.evaluate(SHOWN))
            time.sleep(0.12)
        times, pictures, brightest = zip(*seen, strict=True)
        assert max(times) - min(times) > 0.5  # it plays
        assert len(set(pictures)) >= 4  # and its frames are not all alike
        assert max(brightest) > 50
        assert video.evaluate("v => v.webkitAudioDecodedByteCount") > 0
        browser.close()
    foreign = [url for url in asked if not url.startswith((opened.root, "data:", "blob:"))]
    assert not foreign  # nothing leaves the machine
