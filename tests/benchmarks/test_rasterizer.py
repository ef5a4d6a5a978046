import json
import subprocess
import sys
from pathlib import Path


def test_the_cpu_backend_beats_torch_by_the_floor(tmp_path: Path) -> None:
    root, told = Path(__file__).parents[2], tmp_path / "told.json"
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.rasterizer", "--quick", "--json", str(told)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(told.read_text())["facts"]["torch : cpu, 3,000, 128"] >= 25
    assert "| 3,000, 128 |" in run.stdout
