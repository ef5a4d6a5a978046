"""The command line: parses, shows progress, calls a recipe, turns errors into one line. No maths."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence

from d3talker.core.errors import D3Error

ABOUT = """From one short clip of a talking person to a 3D head that says anything, on any machine.

Two commands make a talking head of your own clip:

  d3talker adapt clip.mp4 --out me
  d3talker talk me speech.wav --out video.mp4

No clip at hand? `d3talker demo` has a built-in speaker. Something amiss? `d3talker doctor` tells."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code: 0 done, 2 a mistake that the user can mend, 130 stopped by Ctrl-C."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch: its idle threads must not spin
    os.environ.setdefault("GLOG_minloglevel", "2")  # mediapipe's own chatter
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    import tyro

    from d3talker.cli.commands import Command

    command = tyro.cli(Command, prog="d3talker", description=ABOUT, args=arguments)  # type: ignore[call-overload]
    try:
        command.run()
    except D3Error as error:
        print(f"d3talker: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("d3talker: stopped; the same command goes on from the last checkpoint.", file=sys.stderr)
        return 130
    return 0


def run() -> None:
    """The entry point of the installed command."""
    try:
        try:
            code = main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_left():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141  # 128 + SIGPIPE, as other programs end
    sys.exit(code)


def _reader_left() -> bool:
    """Whether it is our own output that nobody reads, as with `head`, and not some other pipe that broke."""
    try:
        print(flush=True)
    except BrokenPipeError:
        return True
    return False


def run_script(script: Callable[[], None]) -> None:
    """Runs the ``main`` of a script or a benchmark; the user's mistake becomes its one line and exit code 2."""
    try:
        script()
    except D3Error as error:
        print(error, file=sys.stderr)
        sys.exit(2)
