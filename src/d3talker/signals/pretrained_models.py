"""The published speech models by name: where they come from, how wide their rows are, and how they are loaded."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.core.files import read_json

if TYPE_CHECKING:
    from torch import nn

Output = Literal["hidden", "logits"]
"""The last hidden layer, or the logits over the letters that the model writes."""
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
WINDOW_SAMPLES, STEP_SAMPLES = 400, 320
"""What one row of all these models sees of the sound, and the step to the next: 25 ms every 20 ms."""


@dataclass(frozen=True)
class PretrainedModel:
    """One published model; ``revision`` pins its files."""

    name: str
    repository: str
    revision: str
    weights: str
    size: str
    licence: str
    output: Output
    channels: int

    def __str__(self) -> str:
        return f"{self.repository} at revision {self.revision[:12]} ({self.size}, {self.licence})"


PRETRAINED = {
    model.name: model
    for model in (
        PretrainedModel(
            "hubert",
            "facebook/hubert-large-ls960-ft",
            "ece5fabbf034c1073acae96d5401b25be96709d8",
            "pytorch_model.bin",
            "1.26 GB",
            "Apache-2.0",
            "hidden",
            1024,
        ),
        PretrainedModel(
            "wav2vec2",
            "facebook/wav2vec2-base-960h",
            "22aad52d435eb6dbaf354bdad9b0da84ce7d6156",
            "model.safetensors",
            "378 MB",
            "Apache-2.0",
            "hidden",
            768,
        ),
        PretrainedModel(
            "wav2vec2-letters",
            "facebook/wav2vec2-base-960h",
            "22aad52d435eb6dbaf354bdad9b0da84ce7d6156",
            "model.safetensors",
            "378 MB",
            "Apache-2.0",
            "logits",
            32,
        ),
        PretrainedModel(
            "xlsr",
            "cpierse/wav2vec2-large-xlsr-53-esperanto",
            "5ae6c3174dddd1261dd2816eeb6f060655042026",
            "model.safetensors",
            "1.26 GB",
            "Apache-2.0",
            "logits",
            44,
        ),
    )
}
"""The models by the name of the front end (spec 2, sections 4.2 and 4.3)."""


def find_pretrained(model: PretrainedModel) -> Path:
    """The folder of a published model; what is not on disk is fetched from huggingface.co.

    Raises:
        D3Error: transformers is missing, or the model is not on disk and cannot be fetched.
    """
    if importlib.util.find_spec("transformers") is None:
        raise _library_missing(f"transformers and {model}")
    from huggingface_hub import hf_hub_download

    try:
        with _quiet("huggingface_hub"):
            hf_hub_download(model.repository, model.weights, revision=model.revision)
            return Path(hf_hub_download(model.repository, "config.json", revision=model.revision)).parent
    except OSError as error:
        raise D3Error(
            f"the speech model {model.name} is not on this disk and cannot be fetched ({type(error).__name__})",
            str(model),
            "Run it once with a connection to huggingface.co and without HF_HUB_OFFLINE; later HF_HUB_OFFLINE=1 works. "
            f"Or give the path of a folder with its config.json and {model.weights}.",
        ) from None


def local_settings(folder: Path) -> dict[str, Any]:
    """The settings (config.json) of a model in a folder.

    Raises:
        D3Error: no such folder or file, or a model whose rows are not 25 ms of 16 kHz sound every 20 ms.
    """
    fix = "Give a folder that holds config.json and model.safetensors, as save_pretrained writes them."
    settings = read_json(folder / "config.json", fix)
    kernels, strides = settings.get("conv_kernel", []), settings.get("conv_stride", [])
    steps = np.cumprod([1, *strides])
    window = 1 + sum(int(step) * (kernel - 1) for step, kernel in zip(steps, kernels, strict=False))
    if (window, int(steps[-1])) != (WINDOW_SAMPLES, STEP_SAMPLES):
        raise D3Error(
            f"the model in {folder} sees {window} samples every {steps[-1]}",
            f"{WINDOW_SAMPLES} every {STEP_SAMPLES}, as HuBERT and wav2vec2 do",
            "Choose one of those.",
        )
    return settings


def local_weights(folder: Path) -> Path:
    """The file of weights in a folder.

    Raises:
        D3Error: there is none.
    """
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise D3Error(f"{folder} holds no weights", " or ".join(_WEIGHTS), "Copy the whole model there.")


def load_network(folder: Path, output: Output) -> nn.Module:
    """The network in a folder, in float32 and ready to run; its file is read without running any code in it.

    Raises:
        D3Error: transformers is missing, or the weights do not fill the network.
    """
    if importlib.util.find_spec("transformers") is None:
        raise _library_missing(f"transformers for the model in {folder}")
    import transformers

    local_weights(folder)
    kind = transformers.AutoModel if output == "hidden" else transformers.AutoModelForCTC
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        with _quiet("transformers"):
            network, report = kind.from_pretrained(folder, dtype="float32", output_loading_info=True)
    except Exception as error:  # the library and the readers below it raise anything on damaged files
        raise D3Error(
            f"the model in {folder} cannot be read ({(str(error) or type(error).__name__).splitlines()[0]})",
            "a HuBERT or wav2vec2 model",
            "Copy or fetch it anew.",
        ) from None
    finally:
        if bars:
            transformers.utils.logging.enable_progress_bar()
    missing = sorted(key for key in report["missing_keys"] if not key.endswith("masked_spec_embed"))
    if missing:
        raise D3Error(
            f"the weights in {folder} lack {missing[0]}",
            "the weights of the whole network" if output == "hidden" else "a model with a head for letters",
            "Copy or fetch the model anew, or choose another one.",
        )
    return network.eval().requires_grad_(False)


def _library_missing(wanted: str) -> D3Error:
    return D3Error("the library transformers is not installed", wanted, "pip install 'd3talker[speech]'")


@contextmanager
def _quiet(library: str) -> Iterator[None]:
    """Keeps the library's warnings (retries, weights that are not used) from the user's screen."""
    logger = logging.getLogger(library)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
