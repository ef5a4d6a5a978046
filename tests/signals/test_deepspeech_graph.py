"""The reader of frozen graphs: true layouts, and everything a damaged or foreign file can do."""

from pathlib import Path

import numpy as np
import pytest
from frozen_graph import DOUBLE, constant, graph, message, node, number, random_constants, tensor, varint, write_graph

from d3talker.core.errors import D3Error
from d3talker.signals.deepspeech.graph import read_constants
from d3talker.signals.deepspeech.network import parameter_shapes

SHAPES = {"h1": (5, 3), "b1": (3,), "bidirectional_rnn/fw/basic_lstm_cell/kernel": (4, 8)}


def read(tmp_path: Path, content: bytes, shapes: dict[str, tuple[int, ...]] | None = None) -> dict[str, np.ndarray]:
    path = tmp_path / "graph.pb"
    path.write_bytes(content)
    return read_constants(path, SHAPES if shapes is None else shapes)


def test_constants_come_back_bit_for_bit(tmp_path: Path) -> None:
    constants = random_constants(parameter_shapes(4))
    found = read_constants(write_graph(tmp_path / "graph.pb", constants), parameter_shapes(4))
    assert list(found) == list(constants)
    for name, values in constants.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], values)


def test_numbers_may_be_listed_instead_of_packed_as_bytes(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(
        read(tmp_path, constant("a", tensor(values, listed=True)), {"a": (2, 3)})["a"], values
    )
    one_by_one = b"".join(varint(5 << 3 | 5) + np.float32(v).tobytes() for v in (1.0, 2.0))
    shape = message(2, message(2, number(1, 2)) + message(2, number(1, 2)))
    found = read(tmp_path, constant("a", number(1, 1) + shape + one_by_one), {"a": (2, 2)})["a"]
    np.testing.assert_array_equal(found, [[1, 2], [2, 2]])  # TensorFlow lets the last one stand for the rest


def test_only_constants_of_the_wanted_name_count(tmp_path: Path) -> None:
    constants = random_constants(SHAPES)
    other = node("h1", "Identity", ("value", message(8, tensor(np.zeros((5, 3))))))
    np.testing.assert_array_equal(read(tmp_path, other + graph(constants))["h1"], constants["h1"])


def test_the_first_constant_that_differs_is_named(tmp_path: Path) -> None:
    constants = random_constants(SHAPES)
    wrong = {**constants, "b1": np.zeros(4, np.float32), "h1": np.zeros((3, 5), np.float32)}
    with pytest.raises(D3Error, match=r"h1 is float32 \(3, 5\).*\(5, 3\)"):
        read(tmp_path, graph(wrong))
    del wrong["h1"]
    with pytest.raises(D3Error, match="h1 is no constant of that name"):
        read(tmp_path, graph(wrong))
    double = graph({k: v for k, v in constants.items() if k != "h1"}) + constant("h1", tensor(constants["h1"], DOUBLE))
    with pytest.raises(D3Error, match="h1 is of TensorFlow's type 2"):
        read(tmp_path, double)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"this is no graph at all, it is a sentence", "no whole frozen graph"),
        (varint(1 << 3 | 2) + varint(1 << 60) + b"short", "truncated"),
        (varint(1 << 3 | 2) + b"\xff" * 11, "more than 10 bytes"),
        (varint(1 << 3 | 3) * 5000, "wire type 3"),  # groups: what nests without end in other readers
        (constant("h1", tensor(np.zeros((5, 3)))) * 2, "two nodes are named h1"),
        (constant("h1", tensor(np.zeros((5, 3)))[:-4]), "truncated"),
        (constant("h1", number(1, 1) + number(2, 7)), "number where a message"),
    ],
)
def test_other_content_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(D3Error, match=words):
        read(tmp_path, content, {"h1": (5, 3)})


def test_a_graph_cut_anywhere_is_told(tmp_path: Path) -> None:
    whole = graph(random_constants(SHAPES))
    for length in range(0, len(whole) - 2, 7):  # the last two bytes are the version, which nobody needs
        with pytest.raises(D3Error):
            read(tmp_path, whole[:length])


def test_noise_is_told_and_nothing_else_happens(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    whole = np.frombuffer(graph(random_constants(SHAPES)), np.uint8)
    for _ in range(200):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 6)] = rng.integers(0, 256, 6)
        try:
            found = read(tmp_path, damaged.tobytes())
        except D3Error:
            continue
        assert {name: values.shape for name, values in found.items()} == SHAPES  # only numbers were hit


def test_a_small_file_cannot_ask_for_much_memory(tmp_path: Path) -> None:
    shape = message(2, message(2, number(1, 1 << 40)))
    with pytest.raises(D3Error, match="h1 is float32"):
        read(tmp_path, constant("h1", number(1, 1) + shape + message(5, b"\0\0\0\0")), {"h1": (5, 3)})


def test_a_missing_graph_is_told(tmp_path: Path) -> None:
    with pytest.raises(D3Error, match=r"none\.pb cannot be read"):
        read_constants(tmp_path / "none.pb", SHAPES)
