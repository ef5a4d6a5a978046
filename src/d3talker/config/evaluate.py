"""What an evaluation looks at beside pictures, and what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class EvaluateSettings:
    """Shared by the evaluation of a person and of two videos."""

    closures: str = "phones"
    """How p, b and m are found: ``phones``, by the built-in encoder; ``english``, by pocketsphinx; or a text file of
    what is said in English, aligned by pocketsphinx."""
    action_units: tuple[Path, Path] | None = None
    """OpenFace's tables of the prediction's and the truth's video, for AUE."""
    json: Path | None = None
    """Where to write the numbers."""
    frames: Path | None = None
    """Where to write the numbers of every frame (.csv)."""
