import json
import subprocess
import sys
from pathlib import Path


def test_the_harness_writes_both_files(tmp_path: Path) -> None:
    told = ["--quick", "--only", "refiner", "--out", str(tmp_path)]
    command = [sys.executable, "-m", "benchmarks", *told]
    root = Path(__file__).parents[2]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads((tmp_path / "bench.json").read_text())
    assert found["ceilings"]["float32"]["one"] > 1e9
    assert [one["name"] for one in found["parts"]["refiner"]["measured"]]
    assert all(kernel["distance"] > 0.0 for kernel in found["parts"]["refiner"]["kernels"])
    page = (tmp_path / "bench.md").read_text()
    assert page.strip() in run.stdout
    assert "## Roofline" in page
