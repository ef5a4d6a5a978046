"""The doctor: what works on this machine, what does not and why, and how to get it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One part of the installation."""

    part: str
    state: Literal["ready", "missing", "broken", "info"]
    advice: str


_EXTRAS = {
    "speech": ("transformers", "speech models such as HuBERT"),
    "gpu": ("gsplat", "the CUDA rasterizer"),
    "app": ("gradio", "the studio in the browser"),
    "live": ("aiortc", "the live stream"),
    "sign": ("c2pa", "signed videos"),
    "export": ("plyfile", "Gaussians as .ply"),
    "fleet": ("ray", "many persons on many machines"),
}
_LICENCES = {
    "torch": "BSD-3-Clause",
    "numba": "BSD-2-Clause",
    "mediapipe": "Apache-2.0, its face models too",
    "av": "BSD-3-Clause; its FFmpeg libraries LGPL-2.1+, x264 in them GPL-2.0+",
    "scipy": "BSD-3-Clause",
    "soundfile": "BSD-3-Clause; libsndfile LGPL-2.1",
    "soxr": "LGPL-2.1",
}


def examine() -> list[Finding]:
    """Looks at everything the package can use and tells what it found."""
    parts = (_machine, _rasterizers, _tracker, _encoders, _hearing, _priors, _weights, _voices, _extras, _licences)
    return [finding for part in parts for finding in part()]


def _machine() -> Iterator[Finding]:
    import torch

    yield Finding("python", "info", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    if torch.cuda.is_available():
        yield Finding("device", "ready", f"cuda: {torch.cuda.get_device_name()}; presets gpu and paper make sense")
    else:
        yield Finding("device", "ready", f"cpu, torch {torch.__version__}; CUDA is not available, preset cpu is chosen")


def _rasterizers() -> Iterator[Finding]:
    from d3talker.ops.rasterize import available_backends

    for name, state in available_backends().items():
        ready = state == "ready"
        yield Finding(f"rasterizer {name}", "ready" if ready else "missing", "" if ready else state)


def _tracker() -> Iterator[Finding]:
    version = _version("mediapipe")
    if version is None:
        yield Finding("face tracker", "missing", "pip install mediapipe==0.10.21")
    elif version.startswith("0.10"):
        yield Finding("face tracker", "ready", f"mediapipe {version}, face models in the wheel")
    else:
        yield Finding("face tracker", "ready", f"mediapipe {version}; needs a face_landmarker.task file")


def _encoders() -> Iterator[Finding]:
    import av

    for name, use in (
        ("libx264", "mp4"),
        ("aac", "sound"),
        ("libvpx-vp9", "transparent webm"),
        ("prores_ks", "transparent mov"),
        ("libx264rgb", "prepared clips"),
        ("ffv1", "masks of prepared clips"),
    ):
        try:
            av.Codec(name, "w")
            yield Finding(f"encoder {name}", "ready", use)
        except ValueError:
            yield Finding(f"encoder {name}", "missing", f"{use} cannot be written; pip install --force-reinstall av")


def _hearing() -> Iterator[Finding]:
    from d3talker.signals.front_ends import FRONT_ENDS, state

    for name in FRONT_ENDS:
        told = state(name)
        ready = told == "ready"
        yield Finding(f"speech features {name}", "ready" if ready else "missing", "" if ready else told)


def _priors() -> Iterator[Finding]:
    from d3talker.config.method import D3TALKER, INSTAG
    from d3talker.models.prior import SHIPPED, default_prior, load_prior

    for method in (D3TALKER, INSTAG):
        if default_prior(method) == SHIPPED:
            prior = load_prior(SHIPPED, method)
            yield Finding(f"prior {method.name}", "ready", f"in the package, of {len(prior.meta['people'])} clips")
        else:
            yield Finding(f"prior {method.name}", "missing", f"d3talker pretrain --method {method.name} makes one")


def _weights() -> Iterator[Finding]:
    from d3talker.assets.weights import ALEXNET, LPIPS_HEADS, SYNCNET, weights_state

    for use, weights in (("LPIPS", ALEXNET), ("LPIPS", LPIPS_HEADS), ("Sync-C, Sync-D", SYNCNET)):
        told = weights_state(weights)
        yield Finding(use, "ready" if told == "ready" else "missing", weights.file if told == "ready" else told)


def _voices() -> Iterator[Finding]:
    from d3talker.phonetics.synthesis import ENGINES

    for name, engine in ENGINES.items():
        advice = engine.missing()
        if advice is None:
            count = len(engine.voices())
            told = f"{count} voice{'s' * (count > 1)}, for texts: --voice {name}:{engine.voices()[0]}"
            yield Finding(f"speech synthesis {name}", "ready", told)
        else:
            yield Finding(f"speech synthesis {name}", "missing", f"only texts need one synthesiser: {advice}")


def _extras() -> Iterator[Finding]:
    for extra, (module, use) in _EXTRAS.items():
        if importlib.util.find_spec(module):
            yield Finding(f"extra {extra}", "ready", use)
        else:
            yield Finding(f"extra {extra}", "missing", f"{use}: pip install 'd3talker[{extra}]'")


def _licences() -> Iterator[Finding]:
    for name, licence in {"d3talker": "Apache-2.0", **_LICENCES}.items():
        yield Finding(f"licence {name}", "info", f"{licence} (version {_version(name) or 'not installed'})")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
