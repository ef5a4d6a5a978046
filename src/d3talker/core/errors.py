"""The one error that a user meets: what was seen, what was wanted, what to do."""

from __future__ import annotations


class D3Error(Exception):
    """A mistake that the user can mend, told in one line and never as a traceback.

    The command line prints the line and exits with code 2.

    Args:
        seen: what was found, with its value ("talk.txt holds no video").
        wanted: what would have been right ("a file with a picture track").
        fix: what to do next ("Check the path, or export the clip as mp4.").
    """

    def __init__(self, seen: str, wanted: str, fix: str) -> None:
        self.seen, self.wanted, self.fix = seen, wanted, fix
        super().__init__(f"{seen}; wanted {wanted}. {fix}")
