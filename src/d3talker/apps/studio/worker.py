"""One work on one person in a process of its own: ``python -m d3talker.apps.studio.worker FOLDER prepare|adapt``.

The page starts it and may end it at any time; checkpoints let the next one go on. A lock keeps two studios from working
on the same person.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from d3talker.apps.studio.order import Order, read_order
from d3talker.apps.studio.status import StatusWriter
from d3talker.core.errors import D3Error

LOCK, STATUS = "work/studio.lock", "work/studio-status.json"
"""Places in the person's folder."""
_PICTURE_EVERY = 10.0  # seconds
_SMALL = 128  # pixels of a preset for which a clip of 256 is plenty


def main(folder: Path, kind: str) -> int:
    """Does the work; 0 done, 2 a mistake that the user can mend."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that half-written files are removed
    try:
        with FileLock(folder / LOCK, timeout=2):
            writer = StatusWriter(folder / STATUS, kind)
            try:
                _work(folder, kind, read_order(folder), writer)
            except D3Error as error:
                writer.end(str(error).replace(str(folder), folder.name))
                raise
            writer.end()
    except Timeout:
        _tell(f"{folder.name} is being worked on by another studio; wanted one at a time. Wait, or stop it there.")
        return 2
    except D3Error as error:
        _tell(str(error).replace(str(folder), folder.name))
        return 2
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


def _work(folder: Path, kind: str, order: Order, writer: StatusWriter) -> None:
    from d3talker.config.method import METHODS
    from d3talker.config.prepare import PrepareSettings
    from d3talker.config.presets import PRESETS
    from d3talker.core.device import choose_device
    from d3talker.models.prior import default_prior
    from d3talker.recipes.adapt import adapt
    from d3talker.recipes.prepare import prepare

    device = choose_device(order.device)
    preset = PRESETS[order.preset if order.preset != "auto" else ("gpu" if device.type == "cuda" else "cpu")]
    source = folder / "work" / order.clip
    if kind == "prepare":
        size = 256 if preset.resolution <= _SMALL else PrepareSettings().size
        prepare(source, folder / "work" / "clip", PrepareSettings(size=size), writer)
        return
    method = METHODS[order.method]
    adapt(
        source,
        folder,
        method,
        preset,
        seconds=order.seconds,
        prior=default_prior(method),
        device=device,
        progress=writer,
        picture_every=_PICTURE_EVERY,
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GLOG_minloglevel", "2")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
