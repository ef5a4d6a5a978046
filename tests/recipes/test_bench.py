"""The bench: killed and resumed, failures listed, tables of known numbers."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from d3talker.config.bench import BenchSettings
from d3talker.config.presets import CPU, TINY
from d3talker.core.errors import D3Error
from d3talker.recipes.bench import _forget_what_is_stale, bench
from d3talker.recipes.bench.cell import Order, Speaker
from d3talker.recipes.bench.formats import write_latex, write_markdown
from d3talker.recipes.bench.matrix import build_matrix, speakers_of
from d3talker.recipes.bench.results import Result, _mean_said
from d3talker.recipes.bench.tables import Table, make_tables
from d3talker.tracking.clip import Clip, load_clip

NAME = "speaker-talkinggaussian-3s-seed{}"


@pytest.fixture(scope="module")
def finished(tiny_person: Path, prepared_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A bench of three seeds: one person is there already, one is trained and killed in between, one cannot be."""
    out = tmp_path_factory.mktemp("bench")
    clip = shutil.copytree(prepared_clip, out / "speaker")
    shutil.copytree(tiny_person, out / "cells" / NAME.format(0))
    spoiled = out / "cells" / NAME.format(2) / "work"
    spoiled.mkdir(parents=True)
    (spoiled / "plan.json").write_text("{}")
    options = ["--methods", "talkinggaussian", "--seconds", "3", "60", "--seeds", "0", "1", "2", "--preset", "tiny"]
    command = [sys.executable, "-m", "d3talker", "bench", str(clip), *options, "--out", str(out)]
    log = out / "cells" / NAME.format(1) / "log.txt"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as first:
        _until(lambda: log.exists() and "face" in log.read_text(), "the second head to be trained", first)
        worker = _workers(out)
        first.send_signal(signal.SIGKILL)
    assert len(worker) == 1
    _until(lambda: not _workers(out), "the worker to end with the bench that was killed")
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "100"})
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr, out


def _until(true, what: str, process: subprocess.Popen | None = None) -> None:
    for _ in range(900):
        if true():
            return
        if process is not None and process.poll() is not None:
            raise AssertionError(process.stdout.read().decode())
        time.sleep(0.2)
    raise AssertionError(f"waited in vain for {what}")


def _workers(out: Path) -> list[int]:
    """Processes that work on cells of this bench."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().decode().split("\0")
        except OSError:
            continue
        if "d3talker.recipes.bench" in words and str(out) in " ".join(words):
            found.append(int(place.parent.name))
    return found


def test_what_is_done_is_not_done_again(finished: tuple[str, Path]) -> None:
    said, out = finished
    assert "3 cells, 1 of them done" in said
    assert "going on at stage" in (out / "cells" / NAME.format(1) / "log.txt").read_text()
    before = (out / "cells" / NAME.format(1) / "numbers-all.json").stat().st_mtime
    assert before > (out / "cells" / NAME.format(0) / "numbers-all.json").stat().st_mtime


def test_a_log_holds_nothing_but_what_a_cell_says(finished: tuple[str, Path]) -> None:
    _, out = finished
    assert "RuntimeWarning" not in (out / "cells" / NAME.format(1) / "log.txt").read_text()


def test_what_failed_or_does_not_fit_is_listed(finished: tuple[str, Path]) -> None:
    said, out = finished
    told = json.loads((out / "results.json").read_text())
    assert list(told["failed"]) == [NAME.format(2)]
    assert "holds a run with another" in told["failed"][NAME.format(2)]
    assert told["left_out"] == ["speaker: it lasts 4.0 s, wanted 60 s to learn from and 1 s to be measured on."]
    for text in (said, (out / "tables.md").read_text(), (out / "report.html").read_text()):
        assert "holds a run with another" in text
        assert "it lasts 4.0 s" in text


def test_numbers_of_all_cells(finished: tuple[str, Path]) -> None:
    _, out = finished
    cells = json.loads((out / "results.json").read_text())["cells"]
    assert [(cell["seed"], cell["row"], cell["seconds"]) for cell in cells] == [
        (0, "talkinggaussian", 3.0),
        (1, "talkinggaussian", 3.0),
    ]
    assert cells[0]["numbers"]["head"]["psnr"] != cells[1]["numbers"]["head"]["psnr"]
    assert 100 < cells[1]["numbers"]["peak_memory_mb"] < 20_000
    rows = list(csv.DictReader((out / "results.csv").open()))
    assert [float(row["head.psnr"]) for row in rows] == [cell["numbers"]["head"]["psnr"] for cell in cells]
    mean = np.mean([cell["numbers"]["head"]["psnr"] for cell in cells])
    spread = np.std([cell["numbers"]["head"]["psnr"] for cell in cells], ddof=1)
    assert f"| {mean:.2f} ± {spread:.2f} |" in (out / "tables.md").read_text()


def test_the_page(finished: tuple[str, Path]) -> None:
    _, out = finished
    page = (out / "report.html").read_text()
    assert page.count("<video") == 2  # truth and head
    assert "Opening of the lips over the sound" in page
    assert "face stage" in page
    assert "Hardware: " in page


def test_only_one_bench_at_a_time(prepared_clip: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    with FileLock(tmp_path / ".lock"), pytest.raises(D3Error, match="another bench is at work"):
        bench([prepared_clip], tmp_path, BenchSettings(TINY))


def test_mistakes(prepared_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(D3Error, match="no method 'wav2lip'"):
        bench([prepared_clip], tmp_path, BenchSettings(TINY, methods=("wav2lip",)))
    with pytest.raises(D3Error, match="no ablation 'no-nose'"):
        bench([prepared_clip], tmp_path, BenchSettings(TINY, ablations=("no-nose",)))
    with pytest.raises(D3Error, match="two clips are called clip"):
        bench([prepared_clip, tmp_path / "clip.mp4"], tmp_path, BenchSettings(TINY))
    with pytest.raises(D3Error, match="--english french; wanted among clip"):
        bench([prepared_clip], tmp_path, BenchSettings(TINY, english=("french",)))
    with pytest.raises(D3Error, match=r"none cannot be used: .*none.mp4"):
        bench([tmp_path / "none.mp4"], tmp_path, BenchSettings(TINY))
    with pytest.raises(D3Error, match=r"it lasts 4.0 s, wanted 10 s"):
        bench([prepared_clip], tmp_path, BenchSettings(TINY))
    shutil.copytree(prepared_clip, tmp_path / "clips" / "other")
    (tmp_path / "other.mp4").write_text("another video")
    with pytest.raises(D3Error, match="was made from another video"):
        bench([tmp_path / "other.mp4"], tmp_path, BenchSettings(TINY))


def test_the_matrix(prepared_clip: Path, tmp_path: Path) -> None:
    clips: dict[str, Clip] = {name: load_clip(prepared_clip) for name in ("one", "two", "three")}
    settings = BenchSettings(CPU, ("instag", "d3talker"), (2.0, 3.0, 2.0), (0, 1, 1), ("no-refiner", "general"))
    matrix = build_matrix(clips, settings)
    assert len(matrix.cells) == 2 * 3 * 2 * 3  # seeds, clips, seconds, rows
    assert [cell.seed for cell in matrix.cells] == sorted(cell.seed for cell in matrix.cells)
    assert len({cell.name for cell in matrix.cells}) == len(matrix.cells)
    assert {cell.row.name: cell.views for cell in matrix.cells} == {
        "instag": ("all",),
        "d3talker": ("all", "general"),
        "d3talker-no-refiner": ("all",),
    }
    assert [speakers_of(name, list(clips), []) for name in clips] == [["two"], ["three"], ["one"]]
    assert [speakers_of(name, list(clips), ["two", "x"]) for name in clips] == [["two", "x"], ["x"], ["two", "x"]]
    assert speakers_of("one", ["one"], []) == []
    with pytest.raises(D3Error, match="has no prior of instag, d3talker"):
        build_matrix(clips, BenchSettings(CPU, priors=tmp_path))


def _result(clip: str, row: str, seconds: float, seed: int, psnr: float | None, lips: float = 0.5) -> Result:
    numbers = {
        "whole": {"psnr": psnr},
        "lips": {"opening_correlation": lips},
        "frozen_frame": {"whole": {"psnr": 20.0}},
        "still_mouth": {"whole": {"psnr": 25.0}},
        "not_computed": {"sync": "no weights", "lpips": "no weights"},
    }
    return Result(clip, row, seconds, seed, "all", Path("none"), numbers)


def _column(table: Table, name: str) -> dict[str, tuple[str, bool]]:
    place = next(i for i, title in enumerate(table.header) if title.split(" ↑")[0].split(" ↓")[0] == name)
    return {line[0].text: (line[place].text, line[place].best) for line in table.lines}


def test_means_over_clips_then_seeds() -> None:
    results = [
        _result(clip, row, 10, seed, better + extra + seed)
        for row, better in (("instag", 0.0), ("d3talker", 1.0))
        for clip, extra in (("a", 28.0), ("b", 30.0))
        for seed in (0, 1)
    ]
    table = make_tables(results, ["instag", "d3talker"])[0]
    assert table.title == "Table 1: methods at 10 s"
    assert table.notes[0] == "Mean over a, b; ± is the standard deviation over seeds 0, 1."
    psnr = _column(table, "PSNR")
    assert psnr["instag"] == ("29.50 ± 0.71", False)
    assert psnr["d3talker"] == ("30.50 ± 0.71", True)
    assert psnr["d3talker, still mouth"] == ("25.00 ± 0.00", False)
    assert psnr["frozen frame"] == ("20.00 ± 0.00", False)
    assert _column(table, "Sync-C")["d3talker"] == ("none [1]", False)
    assert "[1] not computed: no weights" in table.notes


def test_only_clips_that_all_rows_have_count() -> None:
    results = [_result("a", "instag", 10, 0, 28.0), _result("a", "d3talker", 10, 0, 29.0)]
    results += [_result("b", "d3talker", 10, 0, 99.0), _result("a", "instag", 10, 1, 99.0)]
    table = make_tables(results, ["instag", "d3talker"])[0]
    assert _column(table, "PSNR")["d3talker"] == ("29.00", True)
    assert _column(table, "PSNR")["instag"] == ("28.00", False)
    assert table.notes[0] == "Mean over a. Not done in every row and left out: b."
    every = make_tables(results, ["instag", "d3talker"])[-1]
    assert _column(every, "PSNR")["b 10 s d3talker"] == ("99.00", False)


def test_a_number_that_some_clips_lack() -> None:
    results = [_result("a", "instag", 10, 0, 28.0), _result("b", "instag", 10, 0, None)]
    assert _column(make_tables(results, ["instag"])[0], "PSNR")["instag"] == ("28.00 (1 of 2)", False)


def test_lengths_stand_across() -> None:
    results = [_result("a", "instag", seconds, 0, 20.0 + seconds) for seconds in (5.0, 10.0)]
    table = next(one for one in make_tables(results, ["instag"]) if one.title.startswith("Table 2"))
    assert table.header == ["measure", "instag 5 s", "instag 10 s"]
    assert [cell.text for cell in table.lines[0]] == ["PSNR ↑", "25.00", "30.00"]


def test_tables_as_text(tmp_path: Path) -> None:
    results = [_result("a_1", "instag", 10, 0, 28.0), _result("a_1", "d3talker", 10, 0, 29.0)]
    tables = make_tables(results, ["instag", "d3talker"])
    write_markdown(tmp_path / "t.md", ["About"], tables)
    write_latex(tmp_path / "t.tex", tables)
    lines = (tmp_path / "t.md").read_text().splitlines()
    assert lines[0] == "About"
    assert len({line.count("|") for line in lines[4:6]}) == 1
    assert any(line.startswith("| d3talker | **29.00** |") for line in lines)
    latex = (tmp_path / "t.tex").read_text()
    assert r"d3talker & \textbf{29.00} &" in latex
    assert r"a\_1" in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == len(tables)


def test_a_bench_that_has_just_begun() -> None:
    """Whatever is done, tables can be made of it."""
    one = _result("a", "d3talker", 10, 0, 28.0)
    spoken = {"b": said(0.4, 0.5)}
    one = replace(one, numbers={**one.numbers, "said": spoken, "driven": _mean_said([spoken["b"]])})
    tables = make_tables([one], ["talkinggaussian", "d3talker"])
    assert [table.title.split(":")[0] for table in tables] == ["Table 1", "Table 1, more", "Table 3", "Every clip"]
    assert all(len(line) == len(table.header) for table in tables for line in table.lines)
    ablation = replace(one, row="d3talker-position")
    elsewhere = replace(one, row="talkinggaussian", clip="b")
    for results in (
        [ablation],
        [ablation, replace(one, seconds=5.0)],
        [one, elsewhere],
        [one, replace(elsewhere, seed=1)],
    ):
        for table in make_tables(results, ["talkinggaussian", "d3talker"]):
            assert all(len(line) == len(table.header) for line in table.lines)


def said(lips: float, shut: float | None) -> dict:
    """What a head that says a speaker's words is measured to do."""
    return {"clip": "x.mp4", "opening_correlation": lips, "shut_on_bilabials": shut, "not_computed": {}}


def test_words_of_several_speakers() -> None:
    mean = _mean_said([said(0.4, None), said(0.8, 1.0)])
    assert mean["opening_correlation"] == pytest.approx(0.6)
    assert mean["shut_on_bilabials"] == 1.0
    results = []
    for row, more in (("instag", 0.0), ("d3talker", 0.1)):
        one = _result("a", row, 10, 0, 28.0)
        spoken = {"b": said(0.4 + more, 0.5), "c": said(0.6 + more, 0.5)}
        driven = _mean_said(list(spoken.values())) | {"shut_on_bilabials_in_truth": 0.75}
        results.append(replace(one, numbers={**one.numbers, "said": spoken, "driven": driven}))
    table = next(one for one in make_tables(results, ["instag", "d3talker"]) if one.title.startswith("Table 3"))
    assert _column(table, "lips r") == {
        "instag": ("0.500", False),
        "d3talker": ("0.600", True),
        "the truth": ("–", False),
    }
    assert _column(table, "a says c: lips r")["d3talker"] == ("0.700", True)
    assert _column(table, "shut on p b m")["the truth"] == ("0.750", False)


def test_one_more_view_keeps_what_is_measured(prepared_clip: Path, tmp_path: Path) -> None:
    cell = build_matrix({"clip": load_clip(prepared_clip)}, BenchSettings(TINY, ("d3talker",), (3.0,))).cells[0]
    speakers = (Speaker("b", "b", "phones"),)
    order = Order(cell, str(tmp_path), "clip", speakers, "tiny", 96, "phone29", "phones", 500, "cpu")

    def left(now: Order) -> set[str]:
        for name in ("numbers-all.json", "driven-b.json"):
            (tmp_path / name).write_text("{}")
        (tmp_path / "order.json").write_text(json.dumps(asdict(order)))
        _forget_what_is_stale(now, False)
        return {path.name.split("-")[0] for path in tmp_path.glob("*-*.json")}

    assert left(order) == {"numbers", "driven"}
    assert left(replace(order, cell=replace(cell, views=("all", "general")))) == {"numbers", "driven"}
    assert left(replace(order, driven_frames=250)) == {"numbers"}
    assert left(replace(order, closures="english")) == set()
