"""AVE: the encoder's layout, its mel, one vector a frame, its files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import leaky_relu, linear

from d3talker.core.errors import D3Error
from d3talker.fields.audio import AudioNet
from d3talker.signals.ave import AudioVisualEncoder, Encoder, frame_vectors, load_encoder
from d3talker.signals.ave_mel import mel_patches, mel_steps
from d3talker.signals.speech import frame_count, speech_windows


def noise(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).normal(size=samples)).astype(np.float32)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder()
    for block in encoder:
        block.conv_block[1].momentum = 1.0
    with torch.no_grad():
        encoder(2.0 * torch.randn(64, 1, 80, 16))  # running means and variances that keep numbers alive
    return encoder.eval().requires_grad_(False)


def test_the_encoder_has_its_published_layout(encoder: Encoder) -> None:
    assert sum(p.numel() for p in encoder.parameters()) == 2_812_672
    state = encoder.state_dict()
    assert next(iter(state)) == "0.conv_block.0.weight"
    assert {n.split(".", 1)[1] for n in state} == {
        *(f"conv_block.0.{part}" for part in ("weight", "bias")),
        *(f"conv_block.1.{p}" for p in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
    }
    assert encoder(torch.zeros(3, 1, 80, 16)).shape == (3, 512, 1, 1)


def test_mel_steps_are_those_of_librosa() -> None:
    t = np.arange(8000) / 16000
    tone = 0.4 * np.sin(2 * np.pi * (150 + 900 * t) * t)
    sound = (tone + 0.1 * np.sign(np.sin(2 * np.pi * 97 * t))).astype(np.float32)
    steps = np.concatenate(list(mel_steps([sound])))  # numbers of librosa 0.11
    assert steps.shape == (41, 80)
    golden = {
        0: [0.2282, -0.3714, -1.7912, -1.1904, -0.6925, -0.7066],
        17: [0.202, -1.6069, -2.0363, -0.8774, -0.539, -0.4672],
        40: [-0.1309, -0.481, 0.076, -0.2595, -0.6979, -0.7326],
    }
    for step, numbers in golden.items():
        np.testing.assert_allclose(steps[step, [0, 7, 20, 41, 60, 79]], numbers, atol=2e-4)


def test_four_seconds_are_97_patches_at_their_places() -> None:
    sound = noise(64_000)
    steps = np.concatenate(list(mel_steps([sound])))
    patches = np.concatenate(list(mel_patches([sound])))
    assert (len(steps), len(patches)) == (321, 97)  # with two vectors repeated on either side: 101
    for frame, start in ((0, 0), (1, 3), (50, 160), (95, 304), (96, 305)):
        np.testing.assert_array_equal(patches[frame], steps[start : start + 16].T)


@pytest.mark.parametrize("samples", [1, 3200, 12_345, 48_320])
def test_patches_do_not_depend_on_the_pieces(samples: int) -> None:
    sound = noise(samples)
    cuts = sorted({0, samples // 7, samples // 3, samples - 1, samples})
    pieces = [sound[a:b] for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
    np.testing.assert_array_equal(np.concatenate(list(mel_patches(pieces))), np.concatenate(list(mel_patches([sound]))))


@pytest.mark.parametrize("samples", [1, 3200, 4000, 22_720])
def test_one_vector_a_frame(encoder: Encoder, samples: int) -> None:
    vectors = np.concatenate(list(frame_vectors(encoder, lambda: iter([noise(samples)]))))
    assert vectors.shape == (frame_count(samples), 1, 512)
    np.testing.assert_array_equal(vectors[:2], np.repeat(vectors[:1], len(vectors[:2]), axis=0))


def test_four_seconds_are_a_hundred_vectors(encoder: Encoder) -> None:
    """Of the 101 rows of the literature, two of them repeated on either side, the last has no frame."""
    sound = noise(64_000)
    vectors = np.concatenate(list(frame_vectors(encoder, lambda: iter([sound]))))
    patches = torch.from_numpy(np.concatenate(list(mel_patches([sound]))))
    wanted = encoder(patches[:, None]).reshape(97, 1, 512).numpy()
    assert vectors.shape == (100, 1, 512)
    np.testing.assert_allclose(vectors[2:99], wanted, atol=1e-5)
    np.testing.assert_array_equal(vectors[99], vectors[98])


def test_a_click_changes_the_frames_around_it(encoder: Encoder) -> None:
    quiet = noise(32_000)
    click = quiet.copy()
    click[16_000:16_160] += 0.5  # at 1.00 .. 1.01 s, where frame 25 begins
    before, after = (np.concatenate(list(frame_vectors(encoder, lambda s=s: iter([s])))) for s in (quiet, click))
    changed = np.flatnonzero(np.abs(before - after).max(axis=(1, 2)) > 1e-6)
    assert (changed.min(), changed.max()) == (22, 27)


def test_both_kinds_of_file_are_read(encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D3TALKER_WEIGHTS", str(tmp_path))
    with pytest.raises(D3Error, match=r"audio_visual_encoder\.pth.*11 MiB.*CC-BY-NC-4\.0"):
        AudioVisualEncoder()
    torch.save(encoder.state_dict(), tmp_path / "audio_visual_encoder.pth")
    published = AudioVisualEncoder()
    prefixed = {f"audio_encoder.{name}": values for name, values in encoder.state_dict().items()}
    (tmp_path / "audio_visual_encoder.pth").unlink()
    save_file(prefixed, tmp_path / "audio_visual_encoder.safetensors")
    converted = AudioVisualEncoder()
    assert published.fingerprint() == converted.fingerprint()
    windows = speech_windows(converted, noise(16_000))
    assert windows.shape == (25, 1, 512)
    assert windows.std(axis=0).max() > 0.1
    np.testing.assert_array_equal(windows, np.concatenate(list(frame_vectors(encoder, lambda: iter([noise(16_000)])))))


def test_the_first_tensor_that_differs_is_named(encoder: Encoder, tmp_path: Path) -> None:
    state = encoder.state_dict()
    path = tmp_path / "other.pth"
    torch.save({**state, "3.conv_block.0.weight": torch.zeros(64, 32, 5, 5)}, path)
    with pytest.raises(D3Error, match=r"3\.conv_block\.0\.weight is \(64, 32, 5, 5\); wanted \(64, 32, 3, 3\)"):
        load_encoder(path)
    torch.save({name: values for name, values in state.items() if not name.startswith("12.")}, path)
    with pytest.raises(D3Error, match=r"12\.conv_block\.0\.weight is not there"):
        load_encoder(path)
    torch.save({**state, "13.conv_block.0.weight": torch.zeros(1)}, path)
    with pytest.raises(D3Error, match=r"13\.conv_block\.0\.weight is \(1,\)"):
        load_encoder(path)


class _Bomb:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("ran"),))


def test_damaged_and_hostile_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("weights.pth")
    for content in (b"", b"no weights", b"PK\x03\x04broken"):
        path.write_bytes(content)
        with pytest.raises(D3Error, match="holds no weights"):
            load_encoder(path)
    for thing in ({"0.conv_block.0.weight": _Bomb()}, [torch.zeros(1)], {"epoch": 3}):
        torch.save(thing, path)
        with pytest.raises(D3Error, match="holds no weights"):
            load_encoder(path)
    assert not Path("ran").exists()


def test_a_window_of_one_row_goes_through_layers_as_in_synctalk() -> None:
    vectors = torch.from_numpy(np.random.default_rng(0).normal(size=(25, 512)).astype(np.float32))
    net = AudioNet(512, torch.Generator().manual_seed(0))
    x = vectors
    for convolution in net.convolutions:  # of one row, a convolution sees its middle weights only
        x = leaky_relu(linear(x, convolution.weight[:, :, 1], convolution.bias), 0.02)
    wanted = net.outer(leaky_relu(net.inner(x), 0.02))
    torch.testing.assert_close(net(vectors[:, None]), wanted, atol=1e-5, rtol=1e-5)
