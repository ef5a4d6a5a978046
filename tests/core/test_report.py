import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from d3talker.core.report import LARGEST_VIDEO, Report

VOID = {"meta", "img", "br", "input"}


class Page(HTMLParser):
    """Collects tags and text; fails on tags that are not closed in order."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def written(report, tmp_path):
    report.write(tmp_path / "deep" / "report.html")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report.html"]
    return (tmp_path / "deep" / "report.html").read_text(encoding="utf-8")


def inside(source, kind):
    head, content = source.split(",", 1)
    assert head == f"data:{kind};base64"
    return base64.b64decode(content)


def test_all_text_is_escaped(tmp_path):
    nasty = "<script>alert(\"x\")</script> & 'y' é"
    report = Report(nasty)
    report.section(nasty)
    report.text(nasty)
    report.warning(nasty)
    report.table([[nasty, 1]], [nasty, "n"])
    report.picture(np.zeros((2, 2, 3), np.uint8), nasty)
    report.pictures([np.zeros((2, 2, 3), np.uint8)], [nasty])
    report.plot({nasty: ([0, 1], [0, 1])}, nasty)
    content = written(report, tmp_path)
    page = Page(content)
    assert page.all("script") == []
    assert page.text.count(nasty) == 10  # title, heading, section, text, warning, two cells, three captions
    assert [picture["alt"] for picture in page.all("img")] == [nasty] * 3


def test_the_page_stands_alone(tmp_path):
    report = Report("r")
    report.plot({"a": ([0, 1, 2], [1, 0, 2])})
    report.picture(np.zeros((2, 2), np.uint8))
    page = Page(written(report, tmp_path))
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "a"}
    assert all(picture["src"].startswith("data:") for picture in page.all("img"))
    assert all("href" not in attributes for _, attributes in page.tags)


@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7, 4), (5, 7)])
def test_pictures_are_kept_without_loss(tmp_path, shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    report = Report("r")
    report.picture(picture, "one")
    page = Page(written(report, tmp_path))
    content = inside(page.all("img")[0]["src"], "image/png")
    assert (np.asarray(Image.open(io.BytesIO(content))) == picture).all()


def test_contact_sheet(tmp_path):
    report = Report("r")
    report.pictures([np.full((4, 4, 3), k, np.uint8) for k in range(7)], [f"frame {k}" for k in range(7)], columns=3)
    page = Page(written(report, tmp_path))
    assert [picture["alt"] for picture in page.all("img")] == [f"frame {k}" for k in range(7)]
    sheet = next(a for a in page.all("div") if a["class"] == "sheet")
    assert "repeat(3, " in sheet["style"]
    with pytest.raises(ValueError, match="2 pictures with 1 captions"):
        report.pictures([np.zeros((4, 4), np.uint8)] * 2, ["a"])


def test_table(tmp_path):
    report = Report("r")
    report.table(
        [["psnr", 31.41592653, 12, True], ["none", float("nan"), np.int64(3), np.False_]], ["a", "b", "c", "d"]
    )
    page = Page(written(report, tmp_path).split("</h1>")[1].split("</body>")[0])
    assert page.text.split() == ["abcd", "psnr31.4212yes", "nonenan3no"]
    assert sum(cell.get("class") == "number" for cell in page.all("td")) == 4
    with pytest.raises(ValueError, match="4 cells"):
        report.table([[1, 2]], ["a", "b", "c", "d"])


def test_plots_are_drawn_and_repeatable(tmp_path):
    def sources(y):
        report = Report("r")
        report.plot({"line": ([0, 1, 2], y)}, "c", "time (s)", "px")
        report.plot(lambda axes: axes.bar([0, 1], y[:2]))
        return [picture["src"] for picture in Page(written(report, tmp_path)).all("img")]

    first = sources([1, 5, 2])
    assert first == sources([1, 5, 2])
    assert all(a != b for a, b in zip(first, sources([5, 1, 2]), strict=True))
    assert b"<svg" in inside(first[0], "image/svg+xml")


def test_video_is_put_inside_up_to_a_limit(tmp_path):
    small, large = tmp_path / "a.mp4", tmp_path / "b.mp4"
    small.write_bytes(bytes(range(256)))
    with large.open("wb") as file:
        file.truncate(LARGEST_VIDEO + 1)
    report = Report("r")
    report.video(small, "talk")
    report.video(large, "long talk")
    page = Page(written(report, tmp_path))
    assert [inside(video["src"], "video/mp4") for video in page.all("video")] == [bytes(range(256))]
    assert "long talk: b.mp4 (20 MB) is too large" in page.text


def small_video(folder, name="a.mp4", content=b"abc"):
    (folder / name).write_bytes(content)
    return folder / name


def test_videos_side_by_side_are_put_inside(tmp_path):
    report = Report("r")
    contents = {"a.mp4": b"first", "b.webm": b"second", "c.mp4": b"third"}
    report.side_by_side([(name, small_video(tmp_path, name, c)) for name, c in contents.items()], "all", fps=30)
    page = Page(written(report, tmp_path))
    videos = page.all("video")
    kinds = ["video/mp4", "video/webm", "video/mp4"]
    assert [inside(v["src"], kind) for v, kind in zip(videos, kinds, strict=True)] == list(contents.values())
    assert all("muted" in v and "playsinline" in v and "controls" not in v and v["preload"] == "auto" for v in videos)
    assert page.all("figure")[0]["data-fps"] == "30"
    assert all(control["aria-label"] for tag in ("button", "input", "select") for control in page.all(tag))
    assert len(page.all("button")) == 4


def test_the_script_of_the_player_is_there_once_and_only_where_used(tmp_path):
    report = Report("r")
    report.video(small_video(tmp_path))
    content = written(report, tmp_path)
    assert Page(content).all("script") == []
    assert "player" not in content
    report.side_by_side([("a", small_video(tmp_path))])
    report.side_by_side([("a", small_video(tmp_path)), ("b", small_video(tmp_path, "b.mp4"))])
    content = written(report, tmp_path)
    page = Page(content)
    assert page.all("script") == [{}]
    assert sum("player" in figure.get("class", "") for figure in page.all("figure")) == 2
    assert content.index("</script>") > content.rindex("</figure>")
    assert not {"link", "iframe", "a"} & {tag for tag, _ in page.tags}
    assert "http" not in content


def test_names_and_captions_side_by_side_are_escaped(tmp_path):
    nasty = "<script>alert(\"x\")</script> & 'y' é"
    report = Report("r")
    report.side_by_side([(nasty, small_video(tmp_path))], nasty)
    report.side_by_side([(nasty, small_video(tmp_path))])
    page = Page(written(report, tmp_path))
    assert len(page.all("script")) == 1
    assert page.text.count(nasty) == 3  # two names and one caption
    assert [video["aria-label"] for video in page.all("video")] == [nasty] * 2
    assert [figure["aria-label"] for figure in page.all("figure")] == [nasty, f"Videos side by side: {nasty}"]


def test_too_large_a_video_side_by_side_is_told(tmp_path):
    large = tmp_path / "large.mp4"
    with large.open("wb") as file:
        file.truncate(LARGEST_VIDEO + 1)
    report = Report("r")
    report.side_by_side([("only", large)])
    assert Page(written(report, tmp_path)).all("script") == []
    report.side_by_side([("ours", large), ("theirs", small_video(tmp_path))])
    page = Page(written(report, tmp_path))
    assert [video["aria-label"] for video in page.all("video")] == ["theirs"]
    assert "only: large.mp4 (20 MB) is too large" in page.text
    assert "ours: large.mp4 (20 MB) is too large" in page.text


def test_side_by_side_refuses_nothing_to_show(tmp_path):
    with pytest.raises(ValueError, match="0 videos"):
        Report("r").side_by_side([])
    with pytest.raises(ValueError, match="at 0 fps"):
        Report("r").side_by_side([("a", small_video(tmp_path))], fps=0)
