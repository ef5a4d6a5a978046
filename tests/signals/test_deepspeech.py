"""DeepSpeech: cepstra, the network against plain numpy, chunks without seams, the windows of the literature."""

from pathlib import Path

import numpy as np
import pytest
import torch
from frozen_graph import random_constants, write_graph

from d3talker.core.errors import D3Error
from d3talker.signals.deepspeech import DeepSpeech, letter_windows
from d3talker.signals.deepspeech.mfcc import NetworkInputs, cepstra
from d3talker.signals.deepspeech.network import Network, load_network, parameter_shapes
from d3talker.signals.speech import frame_count, stream_windows

WIDTH = 8


def sweep() -> np.ndarray:
    """Half a second: a rising tone and a square wave."""
    t = np.arange(8000) / 16000
    tone = 0.4 * np.sin(2 * np.pi * (150 + 900 * t) * t)
    return (tone + 0.1 * np.sign(np.sin(2 * np.pi * 97 * t))).astype(np.float32)


def noise(samples: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    loud = 0.1 + np.abs(np.sin(np.arange(samples) / 3000))
    return (0.1 * loud * rng.normal(size=samples)).astype(np.float32)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    path = tmp_path_factory.mktemp("graph") / "graph.pb"
    return load_network(write_graph(path, random_constants(parameter_shapes(WIDTH))), WIDTH)


def test_cepstra_are_those_of_python_speech_features() -> None:
    rows = cepstra(lambda: iter([sweep()]))  # numbers of mfcc(int16, 16000, numcep=26)[::2], version 0.6
    assert rows.shape == (25, 26)
    golden = {
        0: [19.025, -2.2991, 9.6653, 8.7834, -16.226, 0.8752],
        11: [20.685, 1.8068, 4.1591, -12.9673, -9.6221, 0.0563],
        24: [21.5342, 1.8404, -11.7065, -27.0338, 13.0343, 1.8807],
    }
    for row, numbers in golden.items():
        np.testing.assert_allclose(rows[row, [0, 1, 2, 3, 12, 25]], numbers, atol=2e-3)


@pytest.mark.parametrize(("samples", "rows"), [(64_000, 200), (160_000, 500), (400, 1), (401, 1), (721, 2), (1, 1)])
def test_cepstra_do_not_depend_on_the_pieces(samples: int, rows: int) -> None:
    sound = noise(samples)
    whole = cepstra(lambda: iter([sound]))
    assert whole.shape == (rows, 26)
    cuts = sorted({0, samples // 7, samples // 3, samples - 1, samples})
    pieces = [sound[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    np.testing.assert_array_equal(cepstra(lambda: iter(pieces)), whole)


def test_silence_has_finite_cepstra() -> None:
    rows = cepstra(lambda: iter([np.zeros(16000, np.float32)]))
    assert np.isfinite(rows).all()
    assert np.isfinite(NetworkInputs(rows)[0:50]).all()


def test_inputs_have_one_mean_and_one_deviation_over_everything() -> None:
    rows = cepstra(lambda: iter([noise(32000)]))
    inputs = NetworkInputs(rows)
    seen = inputs[0 : len(inputs)].astype(np.float64)
    assert seen.shape == (100, 494)
    assert abs(seen.mean()) < 1e-6
    assert seen.std() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(seen[40:50], inputs[40:50])
    around = seen.reshape(100, 19, 26)  # row 9 of the 19 is the row itself, before it the one before
    np.testing.assert_array_equal(around[30, 9], around[31, 8])
    assert len(np.unique(around[0, :9])) == 1  # zeros before the sound, normalised like the rest


def test_the_published_network_has_its_number_of_parameters() -> None:
    with torch.device("meta"):
        network = Network()
    assert sum(p.numel() for p in network.parameters()) == 122_732_573
    assert network.get_parameter("fw_kernel").shape == (4096 + 2048, 8192)


def test_the_network_is_that_of_plain_numpy(network: Network) -> None:
    constants = {k: v.astype(np.float64) for k, v in random_constants(parameter_shapes(WIDTH)).items()}
    inputs = 2.0 * np.random.default_rng(1).normal(size=(40, 494)).astype(np.float32)
    found = np.concatenate(list(network.stream(inputs)))
    np.testing.assert_allclose(found, plain_network(constants, inputs), atol=1e-5)
    assert found.std() > 0.05


def plain_network(c: dict[str, np.ndarray], x: np.ndarray) -> np.ndarray:
    """One row after the other, as Mozilla's graph has it; gates i, j, f, o."""

    def sigmoid(v: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-v))

    def lstm(direction: str, rows: np.ndarray) -> np.ndarray:
        kernel, bias = (c[f"bidirectional_rnn/{direction}/basic_lstm_cell/{part}"] for part in ("kernel", "bias"))
        output, memory, out = np.zeros(WIDTH), np.zeros(WIDTH), []
        for row in rows:
            i, j, f, o = np.split(np.concatenate([row, output]) @ kernel + bias, 4)
            memory = memory * sigmoid(f + 1) + sigmoid(i) * np.tanh(j)
            output = np.tanh(memory) * sigmoid(o)
            out.append(output)
        return np.array(out)

    for layer in "123":
        x = np.minimum(np.maximum(x @ c[f"h{layer}"] + c[f"b{layer}"], 0), 20)
    x = np.concatenate([lstm("fw", x), lstm("bw", x[::-1])[::-1]], axis=1)
    x = np.minimum(np.maximum(x @ c["h5"] + c["b5"], 0), 20)
    return x @ c["h6"] + c["b6"]


@pytest.mark.parametrize("chunk", [1, 7, 30, 59])
def test_chunks_leave_no_seam(network: Network, chunk: int) -> None:
    inputs = np.random.default_rng(2).normal(size=(60, 494)).astype(np.float32)
    whole = np.concatenate(list(network.stream(inputs, 10_000)))
    pieces = list(network.stream(inputs, chunk))
    assert max(len(piece) for piece in pieces) == chunk
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-5)


@pytest.mark.parametrize(("seconds", "frames", "rows"), [(10, 250, 499), (4, 100, 199)])
def test_windows_are_those_of_the_literature(network: Network, seconds: int, frames: int, rows: int) -> None:
    sound = noise(16000 * seconds)
    windows = np.concatenate(list(letter_windows(network, lambda: iter([sound]))))
    assert windows.shape == (frames, 16, 29)
    assert not windows[0, :8].any()
    logits = np.concatenate(list(network.stream(NetworkInputs(cepstra(lambda: iter([sound]))))))
    np.testing.assert_array_equal(windows[20], logits[32:48])  # window k holds the rows 2k - 8 .. 2k + 7
    np.testing.assert_array_equal(windows[-1, : rows - (2 * frames - 10)], logits[2 * frames - 10 : rows])
    assert not windows[-1, rows - (2 * frames - 10) :].any()


@pytest.mark.parametrize("samples", [1, 300, 3200, 12_345, 32_320])
def test_one_window_a_frame(network: Network, samples: int) -> None:
    windows = np.concatenate(list(letter_windows(network, lambda: iter([noise(samples)]))))
    assert windows.shape == (frame_count(samples), 16, 29)
    assert np.isfinite(windows).all()


def test_missing_weights_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    with pytest.raises(D3Error) as told:
        DeepSpeech()
    for words in (str(tmp_path), "deepspeech-0_1_0-b90017e8.pb", "468 MiB", "MPL-2.0", "https://"):
        assert words in str(told.value), words


def test_another_file_of_that_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    write_graph(tmp_path / "deepspeech-0_1_0-b90017e8.pb", random_constants(parameter_shapes(WIDTH)))
    with pytest.raises(D3Error, match=r"SHA-1 .*b90017e816572ddc"):
        DeepSpeech()


def test_a_network_of_another_width_is_told(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "graph.pb", random_constants(parameter_shapes(WIDTH)))
    with pytest.raises(D3Error, match=r"h1 is float32 \(494, 8\); wanted float32 \(494, 2048\)"):
        load_network(path)


def test_windows_pass_through_the_common_road(network: Network) -> None:
    class Front:
        name, channels = "letters", 29

        def fingerprint(self) -> str:
            return "letters"

        def windows(self, sound):
            return letter_windows(network, sound)

    pieces = list(stream_windows(Front(), lambda: iter([noise(32_000)]), piece=7))
    assert [len(p) for p in pieces] == [7] * 7 + [1]
