"""The memory of this process, in megabytes."""

from __future__ import annotations

import resource
from pathlib import Path


def resident() -> float | None:
    """What it holds now; None where the system does not tell."""
    return _status("VmRSS")


def peak() -> float:
    """The most that it ever held. Where ``/proc`` tells, that: the kernel's ``ru_maxrss`` begins with the parent's."""
    told = _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3 if told is None else told


def _status(name: str) -> float | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:")), None)
