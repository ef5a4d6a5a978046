"""Real3D-Portrait's audio-to-motion network at its true shapes, with random weights."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from d3talker.core.errors import D3Error
from d3talker.faces.model import FaceModel
from d3talker.signals.pitch import stream_pitch
from d3talker.signals.pretrained_speech import PretrainedSpeech
from d3talker.signals.real3d.checkpoint import load_checkpoint
from d3talker.signals.real3d.motion import Real3dMotion, pitch_codes
from d3talker.signals.real3d.network import REACH, PitchContourVae
from d3talker.signals.real3d.wavenet import NormedConv1d, fold_weight_norm
from d3talker.signals.speech import SoundSource, frame_count

NAME = "model_ckpt_steps_400000.ckpt"

BASEL = FaceModel(
    "bfm",
    torch.zeros(3, 3),
    torch.zeros(80, 3, 3),
    torch.zeros(64, 3, 3),
    torch.zeros(1, 3).int(),
    torch.zeros(468).long(),
)


class LoudnessRows:
    """1024 channels that follow the sound locally: what HuBERT is here for, in no time."""

    name, channels = "loudness", 1024

    def fingerprint(self) -> str:
        return "loudness-v1"

    def rows(self, sound: SoundSource) -> Iterator[np.ndarray]:
        samples = np.concatenate(list(sound()))
        size = 2 * frame_count(len(samples))
        power = np.resize(np.abs(samples[: 320 * size]), (size, 320)).mean(axis=1)
        mixing = np.random.default_rng(0).normal(size=1024)
        for start in range(0, size, 333):
            yield np.sin(20 * power[start : start + 333, None] * mixing).astype(np.float32)


def random_network(mouth_amp: bool = True, eye_amp: bool = False) -> PitchContourVae:
    """All weights random, also those that start at 0, as training leaves them."""
    torch.manual_seed(0)
    network = PitchContourVae(mouth_amp, eye_amp)
    for key, tensor in network.state_dict().items():
        if ".post." in key or key.endswith("running_mean"):
            tensor.normal_(0.0, 0.1)
        elif "weight_g" in key or key.endswith("running_var"):
            tensor.mul_(0.5 + torch.rand_like(tensor))
    return network.eval()


def nested(network: PitchContourVae) -> dict:
    """As the trainer stores it: other children, optimizer states and scores beside the model."""
    return {
        "epoch": 7,
        "global_step": 400_000,
        "checkpoint_callback_best": np.float64(0.5),
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 5e-4}]}],
        "state_dict": {"model": network.state_dict(), "syncnet": {"fc.weight": torch.zeros(2)}},
    }


def flat(network: PitchContourVae) -> dict:
    weights = {f"model.{key}": value for key, value in network.state_dict().items() if "num_batches" not in key}
    return {"state_dict": {**weights, "syncnet.fc.weight": torch.zeros(2)}}


def stored(folder: Path, content: object, name: str = NAME) -> Path:
    folder.mkdir(exist_ok=True)
    torch.save(content, folder / name, _use_new_zipfile_serialization=False)
    return folder


def speech_like(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * 16000)) / 16000
    return (0.2 * np.sin(2 * np.pi * 170 * t + 3 * np.sin(4 * t)) * (np.sin(2.1 * np.pi * t) > -0.3)).astype(np.float32)


def motion_of(source: Real3dMotion, samples: np.ndarray, cuts: int = 1) -> np.ndarray:
    return np.concatenate(list(source.coefficients(lambda: iter(np.array_split(samples, cuts)))))


def inputs(rows: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(1, rows, 1024, generator=generator)
    codes = torch.randint(1, 256, (1, rows), generator=generator)
    return features, codes, torch.randn(1, rows // 8, 16, generator=generator), torch.tensor([0.45])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored(tmp_path_factory.mktemp("real3d") / "audio2motion_vae", nested(random_network()))


@pytest.mark.parametrize(("eye_amp", "parameters"), [(False, 11_864_064), (True, 11_880_576)])
def test_parameters_are_as_many_as_published(eye_amp: bool, parameters: int) -> None:
    network = PitchContourVae(mouth_amp=True, eye_amp=eye_amp)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.parametrize(
    ("part", "parameters"),
    [
        ("mel_encoder", 442_624),
        ("cond_proj", 65_664),
        ("vae.g_pre_net", 131_200),
        ("vae.encoder", 6_913_824),
        ("vae.prior_flow", 786_208),
        ("vae.decoder", 3_387_200),
    ],
)
def test_parts_are_as_large_as_published(part: str, parameters: int) -> None:
    assert sum(parameter.numel() for parameter in PitchContourVae().get_submodule(part).parameters()) == parameters


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("mouth_amp_embed", (128,)),
        ("pitch_embed.weight", (300, 128)),
        ("mel_encoder.1.running_var", (128,)),
        ("mel_encoder.3.weight", (128, 128, 3)),
        ("cond_proj.weight", (128, 512)),
        ("vae.g_pre_net.0.weight", (128, 128, 8)),
        ("vae.encoder.wn.in_layers.7.weight_v", (512, 256, 5)),
        ("vae.encoder.wn.res_skip_layers.7.weight_v", (256, 256, 1)),
        ("vae.encoder.wn.cond_layer.weight_g", (4096, 1, 1)),
        ("vae.prior_flow.flows.6.enc.res_skip_layers.3.weight_v", (64, 64, 1)),
        ("vae.prior_flow.flows.0.post.weight", (8, 64, 1)),
        ("vae.decoder.pre_net.0.weight", (16, 256, 4)),
        ("vae.decoder.wn.cond_layer.weight_v", (2048, 128, 1)),
        ("vae.decoder.out_proj.bias", (64,)),
    ],
)
def test_keys_are_those_of_the_checkpoint(key: str, shape: tuple[int, ...]) -> None:
    state = PitchContourVae().state_dict()
    assert tuple(state[key].shape) == shape
    assert "eye_amp_embed" not in state
    assert not any(key.startswith("vae.prior_flow.flows.1.") for key in state)


def test_200_rows_make_100_frames_over_25_latents() -> None:
    network = random_network()
    features, codes, noise, amplitude = inputs(200)
    with torch.no_grad():
        motion = network(features, codes, noise, amplitude)
        condition = network.condition(features, codes, amplitude)
        mean, log_spread = network.posterior(motion, condition)
    assert noise.shape == (1, 25, 16)
    assert motion.shape == (1, 100, 64)
    assert condition.shape == (1, 128, 100)
    assert mean.shape == log_spread.shape == (1, 25, 16)


def test_every_input_moves_the_face() -> None:
    network = random_network()
    features, codes, noise, amplitude = inputs(80)
    with torch.no_grad():
        base = network(features, codes, noise, amplitude)
        for other in (
            network(features + 0.1, codes, noise, amplitude),
            network(features, codes % 255 + 1, noise, amplitude),
            network(features, codes, noise + 0.1, amplitude),
            network(features, codes, noise, 2 * amplitude),
        ):
            assert (other - base).abs().mean() > 1e-3
        odd = features.clone()
        odd[:, 1::2] += 1.0  # rows between two frames are not looked at
        torch.testing.assert_close(network(odd, codes, noise, amplitude), base)


def test_the_flow_is_undone_by_its_inverse() -> None:
    flow = random_network().vae.prior_flow.double()
    latent, condition = torch.randn(2, 16, 9).double(), torch.randn(2, 128, 9).double()
    with torch.no_grad():
        normal = flow(latent, condition)
        assert (normal - latent).abs().mean() > 0.1
        torch.testing.assert_close(flow(normal, condition, inverse=True), latent)


def test_nothing_beyond_its_reach_moves_a_frame() -> None:
    network = random_network().double()
    features, codes, noise, amplitude = (x.double() if x.is_floating_point() else x for x in inputs(480))
    with torch.no_grad():
        base = network(features, codes, noise, amplitude)
        features[:, :40], codes[:, :40], noise[:, :5] = 5.0, 1, 3.0
        moved = (network(features, codes, noise, amplitude) - base).abs().amax(dim=(0, 2))
    assert moved[: (40 + REACH) // 2].max() > 1e-3
    assert moved[(40 + REACH) // 2 :].max() < 1e-12


def test_a_folded_weight_norm_computes_the_same() -> None:
    torch.manual_seed(0)
    holder = torch.nn.Sequential(NormedConv1d(3, 5, 5))
    with torch.no_grad():
        holder[0].weight_g.mul_(3.0)
        x = torch.randn(2, 3, 11)
        before = holder(x)
        direction = holder[0].weight_v / holder[0].weight_v.flatten(1).norm(dim=1)[:, None, None]
        torch.testing.assert_close(holder[0].weight, holder[0].weight_g * direction)
        fold_weight_norm(holder)
        torch.testing.assert_close(holder(x), before)
    assert isinstance(holder[0], torch.nn.Conv1d)


@pytest.mark.parametrize("layout", [nested, flat])
def test_a_checkpoint_comes_back_whole(tmp_path: Path, layout: Callable[[PitchContourVae], dict]) -> None:
    network = random_network(eye_amp=True)
    loaded = load_checkpoint(stored(tmp_path / "model", layout(network))).network
    assert loaded.eye_amp_embed is not None
    assert not any(isinstance(module, NormedConv1d) for module in loaded.modules())
    features, codes, noise, amplitude = inputs(40)
    with torch.no_grad():
        torch.testing.assert_close(
            loaded(features, codes, noise, amplitude, amplitude), network(features, codes, noise, amplitude, amplitude)
        )


def test_the_latest_checkpoint_of_a_folder_is_taken(tmp_path: Path) -> None:
    stored(tmp_path, {"state_dict": {"model": {}}}, "model_ckpt_steps_90000.ckpt")
    assert load_checkpoint(stored(tmp_path, nested(random_network()))).network is not None


def break_shape(state: dict) -> str:
    state["vae.decoder.out_proj.weight"] = torch.zeros(144, 256, 1)
    return r"vae\.decoder\.out_proj\.weight is \(144, 256, 1\); wanted \(64, 256, 1\)"


def break_missing(state: dict) -> str:
    del state["pitch_encoder.0.weight"], state["vae.decoder.out_proj.bias"]
    return r"pitch_encoder\.0\.weight is not there; wanted \(128, 128, 3\)"


def break_more(state: dict) -> str:
    state["style.weight"] = torch.zeros(3)
    return r"style\.weight is \(3,\); wanted no tensor of that name"


@pytest.mark.parametrize("damage", [break_shape, break_missing, break_more])
def test_another_architecture_is_refused_by_its_first_key(tmp_path: Path, damage: Callable[[dict], str]) -> None:
    content = nested(random_network())
    content["state_dict"]["model"] = dict(content["state_dict"]["model"])
    message = damage(content["state_dict"]["model"])
    with pytest.raises(D3Error, match=message):
        load_checkpoint(stored(tmp_path, content))


class Payload:
    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("payload-ran"),))


def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(D3Error, match=r"holds no model_ckpt_steps_\*\.ckpt"):
        load_checkpoint(tmp_path)
    for content in (Payload(), [1, 2], {"state_dict": {}}):
        with pytest.raises(D3Error, match="cannot be read as weights|holds no weights") as error:
            load_checkpoint(stored(tmp_path, content))
        assert "\n" not in str(error.value)
    assert not (tmp_path / "payload-ran").exists()
    (tmp_path / NAME).write_bytes(b"\x80\x02 damaged")
    with pytest.raises(D3Error, match="cannot be read as weights"):
        load_checkpoint(tmp_path)


def test_pitch_codes_are_those_of_the_mel_scale() -> None:
    hertz = np.array([0.0, 30.0, 50.0, 100.0, 440.0, 1100.0, 2000.0])
    # 1127 ln(1 + f / 700): 77.75 at 50 Hz, 150.49 at 100, 549.64 at 440, 1064.41 at 1100
    expected = [1, 1, 1, round(1 + 254 * 72.74 / 986.66), round(1 + 254 * 471.89 / 986.66), 255, 255]
    assert pitch_codes(hertz).tolist() == expected
    assert pitch_codes(hertz).dtype == np.int64


def test_one_frame_of_motion_for_every_frame_of_sound(folder: Path) -> None:
    source = Real3dMotion(folder, BASEL, LoudnessRows())
    for samples in (3200, 16_000, 40_003):
        motion = motion_of(source, speech_like(3)[:samples])
        assert motion.shape == (frame_count(samples), 64)
        assert motion.dtype == np.float32
        assert np.isfinite(motion).all()


@pytest.mark.parametrize("temperature", [0.0, 0.2])
def test_a_long_sound_in_windows_is_one_pass_over_the_whole(folder: Path, temperature: float) -> None:
    samples = speech_like(44.1)
    sound = lambda: iter(np.array_split(samples, 9))  # noqa: E731
    source = Real3dMotion(folder, BASEL, LoudnessRows(), temperature=temperature, seed=5)
    pieces = list(source.coefficients(sound))
    assert [len(piece) for piece in pieces] == [500, 500, 103]
    rows = np.concatenate(list(LoudnessRows().rows(sound)))
    hertz = np.concatenate(list(stream_pitch(sound, 0.02, 80.0, 750.0, 0.6, whole_windows=True)))
    latents = -(-len(rows) // 8)
    draws = np.array([np.random.default_rng((5, latent)).standard_normal(16) for latent in range(latents)])
    with torch.inference_mode():
        one_pass = load_checkpoint(folder).network(
            torch.from_numpy(np.pad(rows, ((0, 8 * latents - len(rows)), (0, 0))))[None],
            torch.from_numpy(pitch_codes(np.pad(np.pad(hertz, (0, len(rows) - len(hertz)), "edge"), (0, 2))))[None],
            torch.from_numpy((temperature * draws).astype(np.float32))[None],
            torch.tensor([0.45]),
        )[0]
    assert len(rows) == 8 * latents - 2
    assert one_pass.std() > 0.01
    np.testing.assert_allclose(np.concatenate(pieces), one_pass[:1103], atol=1e-5)


def test_temperature_zero_is_deterministic_and_a_seed_fixes_the_rest(folder: Path) -> None:
    samples = speech_like(2)
    motions = [
        motion_of(Real3dMotion(folder, BASEL, LoudnessRows(), temperature=t, seed=s), samples)
        for t, s in ((0, 0), (0, 1), (0.2, 0), (0.2, 0), (0.2, 1))
    ]
    np.testing.assert_array_equal(motions[0], motions[1])
    np.testing.assert_array_equal(motions[2], motions[3])
    assert np.abs(motions[2] - motions[0]).mean() > 1e-3
    assert np.abs(motions[2] - motions[4]).mean() > 1e-3


def test_the_fingerprint_names_what_changes_the_motion(folder: Path) -> None:
    settings = [{}, {"mouth_amp": 0.4}, {"temperature": 0.2}, {"temperature": 0.2, "seed": 3}, {"eye_amp": 0.5}]
    prints = [Real3dMotion(folder, BASEL, LoudnessRows(), **options).fingerprint() for options in settings]
    assert len(set(prints)) == len(settings)
    assert all("loudness-v1" in print_ and BASEL.fingerprint() in print_ for print_ in prints)


def test_features_of_another_model_are_refused(folder: Path) -> None:
    with pytest.raises(D3Error, match="wav2vec2 has 768 channels; wanted HuBERT-large's 1024"):
        Real3dMotion(folder, BASEL, PretrainedSpeech("wav2vec2"))


def test_with_hubert_of_the_true_width(folder: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.HubertConfig(
        hidden_size=1024,
        num_attention_heads=16,
        intermediate_size=64,
        num_hidden_layers=1,
        conv_dim=[32] * 7,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        num_conv_pos_embedding_groups=1024,
    )
    torch.manual_seed(0)
    transformers.HubertModel(config).save_pretrained(tmp_path / "hubert")
    source = Real3dMotion(folder, BASEL, PretrainedSpeech(tmp_path / "hubert"))
    motion = motion_of(source, speech_like(10))
    assert motion.shape == (250, 64)
    assert source.fingerprint().startswith("real3d-")
    assert (source.name, source.face_model, source.channels) == ("real3d", BASEL, 64)
