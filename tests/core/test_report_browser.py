"""A report in a real browser: what is drawn, and videos that play in step."""

import shutil

import numpy as np
import pytest

from d3talker.core.report import Report
from d3talker.media.video import VideoWriter

playwright = pytest.importorskip("playwright.sync_api")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

FPS, FRAMES, SIDE = 25, 50, 96
HALF_A_FRAME = 0.5 / FPS
PLAYING = "figure => figure.classList.contains('playing')"
TIMES = "figure => [...figure.querySelectorAll('video')].map(video => video.currentTime)"
SHOWN = """async figure => {
  const videos = [...figure.querySelectorAll("video")];
  while (videos.some(video => video.seeking)) await new Promise(requestAnimationFrame);
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  return videos.map(video => {
    context.drawImage(video, 0, 0, 1, 1);
    return context.getImageData(0, 0, 1, 1).data[0];
  });
}"""


def brightness(frame):
    return 20 + 4 * frame


def write_video(path, sound=False):
    with VideoWriter(path, SIDE, SIDE, FPS, sound_rate=16_000 if sound else None) as video:
        if sound:
            video.write_sound(0.1 * np.sin(np.arange(32_000) * 0.17).astype(np.float32))
        for frame in range(FRAMES):
            video.write(np.full((SIDE, SIDE, 3), brightness(frame), np.uint8))


def write_report(folder):
    for number in range(3):
        write_video(folder / f"{number}.mp4", sound=number == 0)
    report = Report("Three talking heads")
    report.table([["ours", 31.4], ["theirs", 29.2]], ["recipe", "psnr"])
    report.plot({"loss": ([0, 1, 2], [3, 2, 1])}, "loss")
    report.side_by_side([(name, folder / f"{k}.mp4") for k, name in enumerate(["real", "ours", "theirs"])], "all three")
    report.side_by_side([("ours", folder / "1.mp4"), ("theirs", folder / "2.mp4")], "without sound")
    report.write(folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """The page and what went wrong in it so far."""
    address = write_report(tmp_path_factory.mktemp("report")).as_uri()
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = started.chromium.launch(executable_path=BROWSER, args=arguments)
        page, wrong = browser.new_page(), []
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if request.url.startswith("http") else None)
        page.goto(address)
        ready = "() => [...document.querySelectorAll('video')].every(video => video.readyState >= 2)"
        page.wait_for_function(ready, timeout=10_000)
        yield page, wrong
        browser.close()


@pytest.fixture
def players(opened):
    """Both figures, paused at the start; nothing may go wrong in the page meanwhile."""
    page, wrong = opened
    figures = page.locator("figure.player").all()
    for figure in figures:
        if figure.evaluate(PLAYING):
            click(figure, "toggle")
        scrub(figure, 0)
    yield figures
    assert wrong == []


def click(figure, part):
    figure.locator(f"[data-part={part}]").click()


def scrub(figure, time):
    set_value = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }"
    figure.locator("[data-part=scrubber]").evaluate(set_value, time)
    figure.locator("[data-part=scrubber]").dispatch_event("change")


def wait(figure, condition):
    """Waits until the condition in JavaScript, on ``times`` of the figure's videos, holds."""
    figure.page.wait_for_function(
        f"figure => {{ const times = ({TIMES})(figure); return {condition}; }}",
        arg=figure.element_handle(),
        timeout=8_000,
    )


def assert_all_at(figure, time, count=3):
    assert figure.evaluate(TIMES) == pytest.approx([time] * count, abs=0.002)


def test_everything_is_drawn(opened, players):
    page, _ = opened
    assert len(players) == 2
    assert page.evaluate("[...document.querySelectorAll('video')].map(video => video.videoWidth)") == [SIDE] * 5
    assert all(width > 0 for width in page.evaluate("[...document.images].map(image => image.naturalWidth)"))
    assert page.locator("td.number").all_inner_texts() == ["31.4", "29.2"]
    assert players[0].locator("[data-part=readout]").inner_text() == "0.00 / 2.00 s"


def test_play_and_pause_keep_all_in_step(players):
    figure = players[0]
    click(figure, "toggle")
    assert figure.locator("[data-part=toggle]").get_attribute("aria-label") == "Pause"
    wait(figure, "times.every(time => time > 0.4)")
    click(figure, "toggle")
    times = figure.evaluate(TIMES)
    assert max(times) - min(times) < HALF_A_FRAME
    assert len(set(np.round(np.array(figure.evaluate(SHOWN)) / 4))) == 1
    assert not figure.evaluate(PLAYING)


def test_a_video_that_lags_catches_up(players):
    figure = players[0]
    figure.locator("[data-part=speed]").select_option("0.5")
    click(figure, "toggle")
    figure.evaluate("figure => { figure.querySelectorAll('video')[1].currentTime += 0.15; }")
    wait(figure, "Math.abs(times[1] - times[0]) > 0.08")
    wait(figure, f"Math.abs(times[1] - times[0]) < {HALF_A_FRAME} && ({PLAYING})(figure)")
    figure.locator("[data-part=speed]").select_option("1")


def test_the_scrubber_and_the_frame_buttons_move_all(players):
    figure = players[0]
    scrub(figure, 1.0)
    assert_all_at(figure, 1.0)
    assert figure.evaluate(SHOWN) == pytest.approx([brightness(25)] * 3, abs=1.9)
    click(figure, "forward")
    assert_all_at(figure, 1.04)
    assert figure.evaluate(SHOWN) == pytest.approx([brightness(26)] * 3, abs=1.9)
    assert figure.locator("[data-part=readout]").inner_text() == "1.04 / 2.00 s"
    click(figure, "back")
    click(figure, "back")
    assert_all_at(figure, 0.96)
    assert_all_at(players[1], 0.0, 2)


def test_scrubbing_while_playing_goes_on_playing(players):
    figure = players[0]
    click(figure, "toggle")
    scrub(figure, 1.0)
    wait(figure, f"times.every(time => time > 1.1) && ({PLAYING})(figure)")


def test_playing_one_figure_pauses_the_other(players):
    first, second = players
    click(first, "toggle")
    wait(first, "times.every(time => time > 0.1)")
    second.locator("video").first.click()
    wait(second, "times.every(time => time > 0.1)")
    assert not first.evaluate(PLAYING)
    assert first.evaluate("figure => [...figure.querySelectorAll('video')].every(video => video.paused)")
    assert second.evaluate(PLAYING)


def test_the_end_shows_play_again_and_play_starts_over(players):
    figure = players[0]
    scrub(figure, 1.8)
    click(figure, "toggle")
    wait(figure, f"!({PLAYING})(figure)")
    assert figure.locator("[data-part=toggle]").get_attribute("aria-label") == "Play"
    assert figure.locator("[data-part=readout]").inner_text() == "2.00 / 2.00 s"
    assert figure.evaluate(SHOWN) == pytest.approx([brightness(FRAMES - 1)] * 3, abs=1.9)
    click(figure, "toggle")
    wait(figure, f"times.every(time => time > 0.1 && time < 1.5) && ({PLAYING})(figure)")


def test_keys(players):
    figure = players[0]
    figure.focus()
    for _ in range(3):
        figure.press("ArrowRight")
    figure.press("ArrowLeft")
    assert_all_at(figure, 0.08)
    figure.press(" ")
    wait(figure, "times.every(time => time > 0.2)")
    figure.press(" ")
    assert not figure.evaluate(PLAYING)


def test_only_the_first_video_is_heard(players):
    muted = "figure => [...figure.querySelectorAll('video')].map(video => video.muted)"
    for figure in players:  # the videos of the second have no sound, which must do no harm
        count = figure.locator("video").count()
        assert figure.evaluate(muted) == [True] * count
        click(figure, "sound")
        assert figure.evaluate(muted) == [False] + [True] * (count - 1)
        assert figure.locator("[data-part=sound]").get_attribute("aria-pressed") == "true"
        click(figure, "toggle")
        wait(figure, "times.every(time => time > 0.1)")
        click(figure, "sound")
        assert figure.evaluate(muted) == [True] * count
