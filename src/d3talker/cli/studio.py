"""The verb that opens the studio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from d3talker.cli.device import Device


@dataclass(frozen=True)
class App:
    """Open the studio: a page in the browser where persons are made, talk, and are compared.

    Example: d3talker app --workspace heads
    """

    workspace: Path = Path("d3talker-workspace")
    """Folder of the persons and of what they say; a folder in it that `adapt` wrote is a person too."""
    host: str = "127.0.0.1"
    """Address to listen on. Any but this machine's own (0.0.0.0: everybody's) asks visitors for a token."""
    port: int = 7860
    """Port of that address."""
    token: str = ""
    """What visitors must know; without it one is made and printed where it is needed."""
    largest_upload: int = 500
    """Megabytes of one upload."""
    longest_clip: float = 180.0
    """Seconds of a clip to make a person from."""
    longest_speech: float = 600.0
    """Seconds of what a person says."""
    device: Device = "auto"
    """Where to compute."""

    def run(self) -> None:
        """Does it."""
        from d3talker.apps.studio.limits import Limits
        from d3talker.apps.studio.server import StudioSettings, serve

        limits = Limits(self.largest_upload, self.longest_clip, self.longest_speech)
        settings = StudioSettings(self.workspace, self.host, self.port, self.token, limits, self.device)
        serve(settings, lambda line: print(line, flush=True))
