"""Writes frozen TensorFlow graphs byte by byte, as protobuf has it: what the reader is tested on."""

from pathlib import Path

import numpy as np

FLOAT, DOUBLE, INT32 = 1, 2, 3


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def tensor(values: np.ndarray, kind: int = FLOAT, listed: bool = False) -> bytes:
    """A TensorProto, its numbers as bytes or as a list (``float_val``)."""
    shape = b"".join(message(2, number(1, size)) for size in values.shape)
    content = message(5 if listed else 4, values.astype("<f4").tobytes())
    return number(1, kind) + message(2, shape) + content


def node(name: str, kind: str, *attributes: tuple[str, bytes]) -> bytes:
    """A NodeDef, as it stands in a graph; each attribute is the content of an AttrValue."""
    entries = b"".join(message(5, message(1, key.encode()) + message(2, value)) for key, value in attributes)
    return message(1, message(1, name.encode()) + message(2, kind.encode()) + entries)


def constant(name: str, values: bytes) -> bytes:
    return node(name, "Const", ("dtype", number(6, FLOAT)), ("value", message(8, values)))


def reading(name: str) -> bytes:
    """The Identity node that a frozen graph has beside every constant."""
    return message(1, message(1, f"{name}/read".encode()) + message(2, b"Identity") + message(3, name.encode()))


def graph(constants: dict[str, np.ndarray]) -> bytes:
    """Constants among other nodes, and the versions field that ends a real graph."""
    body = b"".join(constant(name, tensor(values)) + reading(name) for name, values in constants.items())
    shape = node("Reshape/shape", "Const", ("value", message(8, number(1, INT32) + message(4, b"\0" * 8))))
    return node("input_node", "Placeholder") + shape + body + message(4, number(1, 24))


def write_graph(path: Path, constants: dict[str, np.ndarray]) -> Path:
    path.write_bytes(graph(constants))
    return path


def random_constants(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """As large as a network of that width has them: +- 1 / sqrt(inputs), biases up to 0.3."""
    rng = np.random.default_rng(seed)
    bounds = {name: 0.3 if len(shape) == 1 else 3.0 * shape[0] ** -0.5 for name, shape in shapes.items()}
    return {n: rng.uniform(-bounds[n], bounds[n], shape).astype(np.float32) for n, shape in shapes.items()}
