"""Tables of OpenFace's FeatureExtraction: intensities of action units, frame by frame."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from d3talker.core.errors import D3Error

_WANTED = "OpenFace's au.csv"
_FIX = "Run OpenFace's FeatureExtraction on the same video at 25 frames a second."
_LARGEST = 200_000_000  # bytes; an hour is 60 MB


def read_units(path: Path, names: Sequence[str], frames: int | None = None) -> np.ndarray:
    """Columns of a table.

    Args:
        path: the file; its column names may have leading spaces.
        names: of the columns, such as ``AU25_r`` (intensity, 0 to 5).
        frames: rows that it must have, one a frame of the video; None takes any number.

    Returns:
        (T, len(names)).

    Raises:
        D3Error: no such file, missing columns, values that are no numbers, or another number of rows.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise D3Error(f"{path} is larger than {_LARGEST // 1_000_000} MB", _WANTED, _FIX)
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{(key or "").strip(): value for key, value in row.items()} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise D3Error(f"{path} is missing or not text", _WANTED, _FIX) from None
    missing = [name for name in names if not rows or name not in rows[0]]
    if missing:
        raise D3Error(f"{path} has no column {missing[0]}", _WANTED, _FIX)
    if frames is not None and len(rows) != frames:
        raise D3Error(f"{path} has {len(rows)} rows", f"{frames}, one for every frame", _FIX)
    try:
        units = np.array([[float(row[name]) for name in names] for row in rows])
    except (TypeError, ValueError):
        raise D3Error(f"{path} holds values that are no numbers", _WANTED, _FIX) from None
    if not np.isfinite(units).all():
        raise D3Error(f"{path} holds values that are no numbers", _WANTED, _FIX)
    return units
