import re
import subprocess
import sys
from pathlib import Path


def test_the_cpu_backend_beats_torch_by_the_floor() -> None:
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.rasterizer", "--quick"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    row = re.search(r"^\| 3,000, 128 \|.*$", run.stdout, re.MULTILINE)
    assert row, run.stdout
    ratio = float(row.group().split("|")[4])
    assert ratio >= 25
