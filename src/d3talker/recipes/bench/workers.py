"""Runs the cells of a bench in processes: one that fails or is killed does not stop the others."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path

from d3talker.core.files import write_json
from d3talker.core.progress import Progress
from d3talker.recipes.bench.cell import Order

_LOOK_EVERY = 2.0  # seconds
_NOTE = 60  # letters beside the bar
_TAIL = 2000  # bytes of a log that hold its last line


@dataclass
class _Running:
    """The processes at work, so that all can be ended, and the cores that are free."""

    shares: queue.SimpleQueue[list[int]]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    stopped: bool = False


def run_orders(
    orders: list[Order], workers: int, progress: Progress, finished: Callable[[dict[str, str]], object]
) -> dict[str, str]:
    """Runs all orders, so many at once, each with its share of the cores.

    Args:
        orders: what to do, in this order.
        workers: processes at once.
        progress: hears of finished cells; beside the bar stands what is at work.
        finished: called after every cell with the failures so far.

    Returns:
        By the cell's name why it failed; empty where all is well.
    """
    failures: dict[str, str] = {}
    if not orders:
        return failures
    running = _Running(_shares(workers))
    with progress.stage("bench", len(orders)) as advance, ThreadPoolExecutor(workers) as pool:
        waiting: dict[Future[str | None], Order] = {pool.submit(_run, one, running): one for one in orders}
        try:
            while waiting:
                done, _ = wait(waiting, timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED)
                for future in done:
                    order = waiting.pop(future)
                    reason = future.result()
                    if reason is not None:
                        failures[order.cell.name] = reason
                        progress.say(f"{order.cell.name} failed: {reason}")
                    advance()
                    finished(failures)
                notes = [f"{name}: {_last_line(_log_of(folder))}" for name, folder in _at_work(running, orders)]
                advance(0, "; ".join(notes)[:_NOTE])
        finally:
            running.stopped = True
            for process in list(running.processes.values()):
                process.kill()
            for future in waiting:
                future.cancel()
    return failures


def _run(order: Order, running: _Running) -> str | None:
    """Runs one order to its end; why it failed, or None."""
    if running.stopped:
        return "stopped"
    folder, name = Path(order.folder), order.cell.name
    write_json(folder / "order.json", asdict(order))
    cores = running.shares.get()
    threads = {f"{kind}_NUM_THREADS": str(len(cores)) for kind in ("OMP", "NUMBA", "OPENBLAS", "MKL")}
    environment = {"OMP_WAIT_POLICY": "passive", "GLOG_minloglevel": "2", **os.environ, **threads}
    with _log_of(folder).open("wb") as log:
        command = [sys.executable, "-m", "d3talker.recipes.bench", str(folder / "order.json")]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment
        )
        running.processes[name] = process
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, cores)  # our own threads are as many as the cores that a process sees
        if running.stopped:  # while it was being started
            process.kill()
        code = process.wait()
    del running.processes[name]
    running.shares.put(cores)
    if code == 0:
        return None
    if code < 0:
        return f"its process was killed (signal {-code}; 9 is often a lack of memory)"
    return _last_line(_log_of(folder)) or f"its process ended with code {code}; see {_log_of(folder)}"


def _at_work(running: _Running, orders: list[Order]) -> list[tuple[str, Path]]:
    return [(one.cell.name, Path(one.folder)) for one in orders if one.cell.name in running.processes]


def _log_of(folder: Path) -> Path:
    return folder / "log.txt"


def _last_line(log: Path) -> str:
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL))
        lines = file.read().decode("utf-8", "replace").split("\n")
    told = [line.strip() for line in lines if line.strip()]
    return told[-1] if told else ""


def _shares(workers: int) -> queue.SimpleQueue[list[int]]:
    """The cores of each worker; some share one where there are more workers than cores."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))
    shares: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
    for worker in range(workers):
        shares.put(cores[worker::workers] or [cores[worker % len(cores)]])
    return shares
