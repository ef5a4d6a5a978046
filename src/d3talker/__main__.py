"""``python -m d3talker``."""

from d3talker.cli import run

run()
