"""Reads constants out of a frozen TensorFlow graph without TensorFlow.

A graph file is one protobuf message (GraphDef). Only five kinds of message matter here, so this reads protobuf's wire
format itself: https://protobuf.dev/programming-guides/encoding, and graph.proto, node_def.proto, attr_value.proto,
tensor.proto, tensor_shape.proto of TensorFlow. The file is mapped, never run, and nothing is made that is larger
than the caller expects.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from d3talker.core.errors import D3Error

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT = 1  # TensorFlow's DT_FLOAT
_LONGEST_TEXT = 1024  # bytes of a name that are looked at


class _Malformed(Exception):
    """The bytes are no protobuf message of the kind looked for."""


def read_constants(path: Path, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The float32 constants of a frozen graph.

    Args:
        path: the graph (``.pb``).
        shapes: the wanted constants by name of their node, with their shapes; all others are passed over.

    Returns:
        Read-only arrays by name, views of the mapped file where they stand there as bytes.

    Raises:
        D3Error: missing, no graph, truncated, or the first constant in the order of ``shapes`` that is absent or
            differs in type or shape.
    """
    try:
        file = np.memmap(path, np.uint8, mode="r").data
        tensors = _constant_tensors(file, shapes)
        for name in shapes:
            if name not in tensors:
                raise _differs(path, name, "no constant of that name", shapes[name])
        return {name: _array(path, name, tensors[name], shape) for name, shape in shapes.items()}
    except OSError:
        raise D3Error(f"{path} cannot be read", "a frozen TensorFlow graph", "Check the path.") from None
    except (_Malformed, ValueError) as error:  # numpy maps no empty file
        raise D3Error(
            f"{path} is no whole frozen graph ({error})", "a TensorFlow GraphDef (.pb)", "Get the file anew."
        ) from None


def _differs(path: Path, name: str, seen: str, shape: tuple[int, ...]) -> D3Error:
    return D3Error(
        f"{path} has another architecture: {name} is {seen}", f"float32 {shape}", "Give the published graph."
    )


def _constant_tensors(graph: memoryview, wanted: dict[str, tuple[int, ...]]) -> dict[str, memoryview]:
    """The TensorProto of every wanted node that is a Const."""
    found: dict[str, memoryview] = {}
    names = {name.encode() for name in wanted}
    for node in _messages(graph, 1):
        name, kind = b"", b""
        attributes = []
        for number, value in _fields(node):
            if number == 1:
                name = bytes(_message(value)[:_LONGEST_TEXT])
            elif number == 2:
                kind = bytes(_message(value)[:_LONGEST_TEXT])
            elif number == 5:
                attributes.append(_message(value))
        if name in names and kind == b"Const":
            if name.decode() in found:
                raise _Malformed(f"two nodes are named {name.decode()}")
            for attribute in attributes:
                entry = dict(_fields(attribute))
                if entry.get(1) == b"value":
                    for tensor in _messages(_message(entry.get(2, b"")), 8):
                        found[name.decode()] = tensor
    return found


def _array(path: Path, name: str, tensor: memoryview, shape: tuple[int, ...]) -> np.ndarray:
    kind, sizes = 0, []
    content: memoryview | None = None
    listed: list[memoryview | bytes] = []
    for number, value in _fields(tensor):
        if number == 1:
            kind = _number(value)
        elif number == 2:
            sizes = [_number(dict(_fields(size)).get(1, 0)) for size in _messages(_message(value), 2)]
        elif number == 4:
            content = _message(value)
        elif number == 5:
            listed.append(_message(value))
    if kind != _FLOAT:
        raise _differs(path, name, f"of TensorFlow's type {kind}", shape)
    if tuple(sizes) != shape:
        raise _differs(path, name, f"float32 {tuple(sizes[:8])}", shape)
    count = int(np.prod(shape))
    if content is not None and len(content):
        if len(content) != 4 * count:
            raise _Malformed(f"{name} has {len(content)} bytes instead of {4 * count}")
        return np.frombuffer(content, "<f4").reshape(shape)
    values = np.frombuffer(b"".join(listed), "<f4")
    if not 0 < len(values) <= count:
        raise _Malformed(f"{name} has {len(values)} values instead of {count}")
    return np.pad(values, (0, count - len(values)), mode="edge").reshape(shape)  # the last one stands for the rest


def _messages(message: memoryview, number: int) -> Iterator[memoryview]:
    for found, value in _fields(message):
        if found == number:
            yield _message(value)


def _message(value: int | memoryview | bytes) -> memoryview:
    if isinstance(value, int):
        raise _Malformed("a number where a message should stand")
    return memoryview(value)


def _number(value: int | memoryview | bytes) -> int:
    if not isinstance(value, int):
        raise _Malformed("a message where a number should stand")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of every field of one message; what is inside of it is not looked at."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(message, place)
            yield number, value
            continue
        if wire == _BYTES:
            size, place = _varint(message, place)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise _Malformed(f"wire type {wire} at byte {place}")
        if size > len(message) - place:
            raise _Malformed(f"truncated: {size} bytes announced, {len(message) - place} there")
        yield number, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise _Malformed("truncated inside a number")
        byte = message[place]
        value |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return value, place
    raise _Malformed("a number of more than 10 bytes")
