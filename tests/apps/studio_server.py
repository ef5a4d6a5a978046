"""A studio in a process of its own, on a free port, for tests."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

READY = re.compile(r"studio: (http://\S+)")


@dataclass
class Studio:
    address: str  # with the token where there is one
    workspace: Path
    process: subprocess.Popen
    port: int

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(workspace: Path, port: int, *options: str) -> list[str]:
    told = ["--workspace", str(workspace), "--port", str(port), "--device", "cpu"]
    return [sys.executable, "-m", "d3talker", "app", *told, *options]


@contextmanager
def studio(workspace: Path, *options: str, largest_file: int | None = None) -> Iterator[Studio]:
    """Gives a running studio; ``largest_file`` bytes is all that it may write into one file, as on a full disk."""

    def limit() -> None:
        if largest_file is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    port = free_port()
    process = subprocess.Popen(
        command(workspace, port, *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        preexec_fn=limit,
    )
    assert process.stdout is not None
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := READY.search(line):
                break
        else:
            raise AssertionError("".join(said))
        threading.Thread(target=said.extend, args=(process.stdout,), daemon=True).start()
        yield Studio(found[1], workspace, process, port)
        assert process.poll() is None, "".join(said)  # whatever happened, the server lives
    finally:
        process.terminate()
        process.wait(20)
