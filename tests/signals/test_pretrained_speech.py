"""HuBERT, wav2vec2 and XLSR through transformers, with random weights."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from d3talker.core.errors import D3Error
from d3talker.signals.pretrained_models import PRETRAINED, find_pretrained
from d3talker.signals.pretrained_speech import DROPPED, LONGEST, OVERLAP, PretrainedSpeech
from d3talker.signals.speech import frame_count, speech_windows

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
SMALL = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "conv_dim": [16] * 7,
    "num_conv_pos_embedding_groups": 4,
}
LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
GROUP = {"feat_extract_norm": "group", "do_stable_layer_norm": False, "conv_bias": False}


def speech_like(seconds: float) -> np.ndarray:
    rng, t = np.random.default_rng(0), np.arange(round(seconds * 16000)) / 16000
    voice = np.sin(2 * np.pi * 140 * t + np.sin(5 * t)) * (1 + np.sin(2 * np.pi * 3.3 * t))
    return (0.15 * voice + 0.02 * rng.normal(size=t.size) + 0.01).astype(np.float32)


def saved(folder: Path, kind: str, **settings: object) -> Path:
    """A model of the class ``kind`` with random weights, as its publishers store one."""
    config = (transformers.HubertConfig if kind.startswith("Hubert") else transformers.Wav2Vec2Config)(**settings)
    torch.manual_seed(0)
    getattr(transformers, kind)(config).save_pretrained(folder)
    return folder


def in_one_pass(folder: Path, kind: str, samples: np.ndarray) -> np.ndarray:
    """What the library itself makes of the whole sound, with its own preparation."""
    prepare = transformers.Wav2Vec2FeatureExtractor(do_normalize=True)
    network = getattr(transformers, kind).from_pretrained(folder).eval()
    with torch.no_grad():
        found = network(prepare(samples, sampling_rate=16000, return_tensors="pt").input_values)
    return (found.logits if kind.endswith("CTC") else found.last_hidden_state)[0].numpy()


def all_rows(features: PretrainedSpeech, samples: np.ndarray, cuts: int = 1) -> np.ndarray:
    return np.concatenate(list(features.rows(lambda: iter(np.array_split(samples, cuts)))))


@pytest.mark.parametrize(
    ("name", "channels"), [("hubert", 1024), ("wav2vec2", 768), ("wav2vec2-letters", 32), ("xlsr", 44)]
)
def test_channels_are_known_before_anything_is_loaded(name: str, channels: int) -> None:
    features = PretrainedSpeech(name)
    assert (features.name, features.channels) == (name, channels)
    assert features.fingerprint().startswith(f"{name}-{PRETRAINED[name].revision[:12]}-")
    assert len({PretrainedSpeech(other).fingerprint() for other in PRETRAINED}) == len(PRETRAINED)


def test_choosing_a_model_imports_no_heavy_library() -> None:
    code = (
        "import sys; from d3talker.signals.pretrained_speech import PretrainedSpeech;"
        "assert PretrainedSpeech('xlsr').channels == 44; assert 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hubert_at_its_true_width_gives_499_rows_for_ten_seconds(tmp_path: Path) -> None:
    large = {"hidden_size": 1024, "num_attention_heads": 16, "intermediate_size": 1024, "num_hidden_layers": 1}
    folder = saved(tmp_path / "hubert", "HubertModel", **large, **LAYER)
    features = PretrainedSpeech(folder)
    assert features.channels == 1024
    rows = all_rows(features, speech_like(10))
    assert rows.shape == (500, 1024)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[499], rows[498])  # the model gave 499
    assert np.abs(rows[498] - rows[497]).max() > 1e-4
    second = speech_like(1)
    whole = in_one_pass(folder, "HubertModel", second)
    assert whole.shape == (49, 1024)
    np.testing.assert_allclose(all_rows(features, second)[:49], whole, atol=1e-4)


def test_windows_of_the_letters_of_xlsr(tmp_path: Path) -> None:
    folder = saved(tmp_path / "xlsr", "Wav2Vec2ForCTC", vocab_size=44, num_hidden_layers=1, **SMALL, **LAYER)
    features = PretrainedSpeech(folder, output="logits")
    samples = speech_like(4)
    assert features.channels == 44
    assert speech_windows(features, samples).shape == (100, 16, 44)
    np.testing.assert_allclose(
        all_rows(features, samples)[:199], in_one_pass(folder, "Wav2Vec2ForCTC", samples), atol=1e-4
    )


@pytest.mark.parametrize("norm", [LAYER, GROUP], ids=["layer", "group"])
def test_without_attention_windows_are_the_whole_to_the_bit_of_rounding(tmp_path: Path, norm: dict) -> None:
    """What is left is local, or normalised over the whole sound: rows must stand where one pass puts them."""
    folder = saved(tmp_path / "model", "Wav2Vec2Model", num_hidden_layers=0, **SMALL, **norm)
    samples = speech_like(47.3)
    whole = in_one_pass(folder, "Wav2Vec2Model", samples)
    assert len(whole) > 2 * LONGEST
    rows = all_rows(PretrainedSpeech(folder), samples, cuts=7)
    assert len(rows) == 2 * frame_count(len(samples))
    np.testing.assert_allclose(rows[: len(whole)], whole, atol=2e-5)


def test_with_attention_windows_are_close_to_the_whole_and_have_no_seams(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "HubertModel", num_hidden_layers=2, **SMALL, **LAYER)
    samples = speech_like(36)
    whole = in_one_pass(folder, "HubertModel", samples)
    rows = all_rows(PretrainedSpeech(folder), samples)[: len(whole)]
    spread = whole.std(axis=0).mean()
    assert np.sqrt(((rows - whole) ** 2).mean()) < 0.1 * spread
    error = rows - whole
    jumps = np.abs(np.diff(error, axis=0)).max(axis=1)  # a seam would stand out of the error
    seam = slice(LONGEST - OVERLAP, LONGEST)
    assert jumps[seam].max() < 0.05 * spread
    assert OVERLAP > 2 * DROPPED


def test_memory_is_bounded_and_rows_come_early(tmp_path: Path) -> None:
    features = PretrainedSpeech(saved(tmp_path / "model", "HubertModel", num_hidden_layers=0, **SMALL, **LAYER))
    taken: list[int] = []

    def sound() -> Iterator[np.ndarray]:
        taken.append(0)
        for piece in np.array_split(speech_like(60), 60):
            taken[-1] += len(piece)
            yield piece

    lengths = [len(next(rows := features.rows(sound)))]
    assert taken[0] == 60 * 16000
    assert taken[1] <= 37 * 16000
    lengths += [len(block) for block in rows]
    assert max(lengths) <= LONGEST
    assert sum(lengths) == 3000


@pytest.mark.parametrize("samples", [1, 399, 400, 3200, 7040])
def test_short_sounds_fill_their_frames(tmp_path: Path, samples: int) -> None:
    features = PretrainedSpeech(saved(tmp_path / "model", "HubertModel", num_hidden_layers=1, **SMALL, **GROUP))
    rows = all_rows(features, speech_like(1)[:samples])
    assert rows.shape == (2 * frame_count(samples), 32)
    assert np.isfinite(rows).all()


def test_the_fingerprint_follows_the_weights(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "Wav2Vec2ForCTC", num_hidden_layers=1, **SMALL, **GROUP)
    before = PretrainedSpeech(folder).fingerprint()
    assert before == PretrainedSpeech(folder).fingerprint()
    assert before != PretrainedSpeech(folder, output="logits").fingerprint()
    network = transformers.Wav2Vec2ForCTC.from_pretrained(folder)
    with torch.no_grad():
        network.lm_head.bias += 1
    network.save_pretrained(folder)
    assert before != PretrainedSpeech(folder).fingerprint()


def test_a_name_that_is_no_model_is_refused() -> None:
    with pytest.raises(D3Error, match="hubert, wav2vec2, wav2vec2-letters, xlsr, or a folder"):
        PretrainedSpeech("hubbert")


def test_a_model_with_other_rows_is_refused(tmp_path: Path) -> None:
    settings = SMALL | {"conv_stride": [5, 2, 2, 2, 2, 2, 1]}
    folder = saved(tmp_path / "model", "HubertModel", num_hidden_layers=0, **settings, **LAYER)
    with pytest.raises(D3Error, match="sees 400 samples every 160; wanted 400 every 320"):
        PretrainedSpeech(folder)


def test_weights_as_their_publishers_stored_them_are_read(tmp_path: Path) -> None:
    """In 2021: a .bin file with the head for letters, and the old names of the weight norm."""
    folder = saved(tmp_path / "model", "HubertForCTC", num_hidden_layers=1, **SMALL, **LAYER)
    samples = speech_like(2)
    expected = all_rows(PretrainedSpeech(folder), samples)
    old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    weights = transformers.HubertForCTC.from_pretrained(folder).state_dict()
    for new, former in old.items():
        weights = {key.replace(new, former): value for key, value in weights.items()}
    assert sum(key.endswith(("weight_g", "weight_v")) for key in weights) == 2
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    np.testing.assert_allclose(all_rows(PretrainedSpeech(folder), samples), expected, atol=1e-6)


def test_weights_that_do_not_fill_the_network_are_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", "Wav2Vec2Model", num_hidden_layers=1, **SMALL, **LAYER)
    with pytest.raises(D3Error, match=r"lack lm_head\.bias"):
        all_rows(PretrainedSpeech(folder, output="logits"), speech_like(1))
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(D3Error, match="cannot be read"):
        all_rows(PretrainedSpeech(folder), speech_like(1))
    (folder / "model.safetensors").unlink()
    with pytest.raises(D3Error, match="holds no weights"):
        all_rows(PretrainedSpeech(folder), speech_like(1))


def test_a_model_that_cannot_be_fetched_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    read: list[str] = []

    def sound() -> Iterator[np.ndarray]:
        read.append("read")
        yield speech_like(1)

    with pytest.raises(D3Error) as error:
        next(PretrainedSpeech("hubert").rows(sound))
    line = str(error.value)
    for part in ("facebook/hubert-large-ls960-ft", "ece5fabbf034", "1.26 GB", "Apache-2.0", "HF_HUB_OFFLINE"):
        assert part in line
    assert "\n" not in line
    assert not read  # told before the sound is read


def test_a_missing_library_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else found(name))
    with pytest.raises(D3Error, match=r"pip install 'd3talker\[speech\]'") as error:
        find_pretrained(PRETRAINED["xlsr"])
    assert "cpierse/wav2vec2-large-xlsr-53-esperanto" in str(error.value)
