"""Files that are whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from d3talker.core.errors import D3Error

_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.stem}.partial-{os.getpid()}{path.suffix}")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turns what the operating system says about a place into the user's one line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise D3Error(
                f"the disk is full while writing {path}", "free space", "Free some, then run it again."
            ) from None
        if error.errno in _UNWRITABLE:
            reason = os.strerror(error.errno).lower()
            raise D3Error(f"cannot write {path} ({reason})", "a writable place", "Choose another --out.") from None
        raise


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path``, with the same suffix; renames it on success, removes it on failure.

    Raises:
        D3Error: the place cannot be written or the disk is full.
    """
    partial = _partial(path)
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Gives a temporary folder beside ``path``; on success it takes the place of ``path``, on failure it is removed.

    Raises:
        D3Error: the place cannot be written or the disk is full.
    """
    partial = _partial(path)
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
            if path.exists():
                replaced = path.with_name(f".{path.name}.partial-{os.getpid()}-old")
                os.replace(path, replaced)
                os.replace(partial, path)
                shutil.rmtree(replaced)
            else:
                os.replace(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def writable_folder(path: Path) -> Path:
    """Makes the folder if needed and proves that it can be written, before any long work starts.

    Raises:
        D3Error: it cannot.
    """
    with _told(path):
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".probe.partial-{os.getpid()}"
        try:
            probe.touch()
        finally:
            probe.unlink(missing_ok=True)
    return path


def write_json(path: Path, content: Any) -> None:
    """Writes ``content`` as readable JSON, atomically."""
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path, fix: str) -> Any:
    """Reads JSON.

    Raises:
        D3Error: the file is missing or damaged; ``fix`` says what to do.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise D3Error(f"{path} is missing", "this file", fix) from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise D3Error(f"{path} is damaged", "readable JSON", fix) from None


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes named arrays as safetensors, atomically."""
    from safetensors.numpy import save_file

    with atomic_file(path) as partial, safetensors_written(partial):
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, partial)


@contextmanager
def safetensors_written(path: Path) -> Iterator[None]:
    """Lets others read the file, and turns the library's own error on a full disk into the operating system's."""
    from safetensors import SafetensorError

    try:
        yield
        path.chmod(0o644)  # the library makes files for the owner alone
    except SafetensorError as error:
        raise OSError(errno.ENOSPC, str(error)) from None


def read_arrays(path: Path, fix: str) -> dict[str, np.ndarray]:
    """Reads named arrays from safetensors.

    Raises:
        D3Error: the file is missing, truncated or not safetensors; ``fix`` says what to do.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except FileNotFoundError:
        raise D3Error(f"{path} is missing", "this file", fix) from None
    except (SafetensorError, OSError, ValueError):
        raise D3Error(f"{path} is truncated or damaged", "a whole safetensors file", fix) from None


@contextmanager
def array_file(path: Path, shape: tuple[int, ...], kind: str = "u1") -> Iterator[BinaryIO]:
    """A file that numpy can map, for bytes of ``shape``, to be filled piece by piece: a full disk is then an error."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": f"|{kind}", "fortran_order": False, "shape": shape})
        yield file


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal text, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
