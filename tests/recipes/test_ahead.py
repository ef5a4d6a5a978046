import threading
import time

import pytest

from d3talker.recipes.ahead import ahead


def test_items_come_in_order():
    assert list(ahead(range(50), depth=3)) == list(range(50))
    assert list(ahead([])) == []


def test_work_runs_beside_the_consumer():
    def work():
        for number in range(8):
            time.sleep(0.02)
            yield number

    start = time.perf_counter()
    for _ in ahead(work()):
        time.sleep(0.02)
    assert time.perf_counter() - start < 8 * 0.04


def test_no_more_than_depth_wait():
    made = []

    def work():
        for number in range(100):
            made.append(number)
            yield number

    items = ahead(work(), depth=2)
    next(items)
    time.sleep(0.05)
    assert len(made) <= 4  # one given, two waiting, one in hand
    items.close()


def test_errors_of_the_work_are_raised_after_what_was_made():
    def work():
        yield 1
        raise ValueError("broken")

    items = ahead(work())
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    items = ahead(iter(range(10**9)))
    next(items)
    items.close()
    assert threading.active_count() == before
