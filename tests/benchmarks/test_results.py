import json

import pytest
from benchmarks.results import Kernel, Measured, Report, Work, against, number


@pytest.mark.parametrize(
    ("one", "met"),
    [
        (Measured("a", 24.0, "frames/s", target=25.0, better="more"), False),
        (Measured("a", 25.0, "frames/s", target=25.0, better="more"), True),
        (Measured("a", 46.0, "CPU-ms", target=45.0), False),
        (Measured("a", 46.0, "CPU-ms"), None),
        (Measured("a", 46.0, "CPU-ms", "b: 40", ratio=1.15, target=1.2), True),  # of the ratio, where there is one
    ],
)
def test_a_target_is_held_by_the_ratio_or_by_the_value(one: Measured, met: bool | None) -> None:
    assert one.met is met


def test_a_time_against_a_reference_is_so_many_times_less() -> None:
    one = against("grid", 5.0, "torch gather", 40.0, 5.0)
    assert one.ratio == 8.0
    assert one.met is True
    assert one.reference == "torch gather: 40"


def test_markdown_says_what_was_missed() -> None:
    report = Report([Measured("step", 54.6, "CPU-ms", target=45.0, note="wall 34")], notes=["More."])
    lines = report.markdown().splitlines()
    assert lines[0] == "| what | measured | named reference | ratio | target | met |"
    assert lines[2] == "| step (wall 34) | 54.6 CPU-ms |  |  | at most 45 | **no** |"
    assert lines[-1] == "More."
    assert all(line.count("|") == 7 for line in lines[:3])


def test_a_report_comes_back_from_json() -> None:
    measured = [Measured("a", 1.0, "s", target=2.0, note="b"), against("c", 1.0, "d", 2.0)]
    report = Report(measured, [Kernel("e", 1.5, Work(1.0, 2.0, 3.0))], ["f"], {"g": 4.0})
    told = json.loads(json.dumps(report.plain()))
    assert [one["met"] for one in told["measured"]] == [True, None]
    assert Report.read(told) == report


def test_numbers_have_three_digits() -> None:
    assert [number(value) for value in (0.0, 0.01234, 5.678, 54.6, 1234.5)] == ["0", "0.0123", "5.68", "54.6", "1,234"]
