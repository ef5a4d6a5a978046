"""Measurements: ``python -m benchmarks.<name>`` from the root of the repository prints Markdown."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its idle threads would spin and count as work
