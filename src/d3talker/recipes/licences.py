"""Every file of weights that the package ships or can use: its terms, size and hash, and whether it is here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec

from d3talker.assets.weights import ALEXNET, AVE, DEEPSPEECH, LPIPS_HEADS, SYNCNET, weights_folder
from d3talker.signals.front_ends import state
from d3talker.signals.pretrained_models import PRETRAINED

_RESEARCH = "research only: the people it was taught on gave no licence (docs/methods.md)"
_SHIPPED = {
    "faces/mp468.safetensors": ("face basis mp468", _RESEARCH),
    "faces/mesh468.safetensors": ("face mesh, of MediaPipe", "Apache-2.0"),
    "speech_features/phone29.safetensors": ("speech features phone29", _RESEARCH),
    "motion/audio2motion.safetensors": ("facial motion from sound", _RESEARCH),
    "priors/d3talker.safetensors": ("prior d3talker", _RESEARCH),
    "priors/instag.safetensors": ("prior instag", _RESEARCH),
}
_LOOKED_FOR = {
    "LPIPS: AlexNet": ALEXNET,
    "LPIPS: heads": LPIPS_HEADS,
    "Sync-C, Sync-D": SYNCNET,
    "speech features deepspeech": DEEPSPEECH,
    "speech features ave": AVE,
}
_GIVEN_BY_PATH = {
    "facial motion of Real3D-Portrait": (
        "model_ckpt_steps_400000.ckpt",
        "MIT; taught on footage of VoxCeleb2",
        "0.14 to 0.19 GB",
    ),
    "face basis bfm": (
        "BFM_model_front.mat",
        "Basel face model 2009: research, by registration, not to be passed on",
        "127 MB",
    ),
    "face basis ict": ("FaceXModel (154 OBJ files)", "MIT", "0.5 GB"),
}


@dataclass(frozen=True)
class Terms:
    """One file of weights."""

    use: str
    file: str
    licence: str
    size: str
    hash: str
    """First digits of its SHA-256, or what else pins it; empty where nothing does."""
    state: str


def weight_terms() -> list[Terms]:
    """All of them: those in the package, those looked for on disk, fetched when first used, or given by path."""
    return [*_shipped(), *_looked_for(), *_fetched(), *_fetched_by_others(), *_given_by_path()]


def _shipped() -> Iterator[Terms]:
    for place, (use, licence) in _SHIPPED.items():
        content = files("d3talker.assets").joinpath(place).read_bytes()
        size, digest = f"{len(content) / 1e6:.1f} MB", hashlib.sha256(content).hexdigest()[:16]
        yield Terms(use, place.split("/")[1], licence, size, digest, "in the package")


def _looked_for() -> Iterator[Terms]:
    for use, weights in _LOOKED_FOR.items():
        pinned = weights.sha256[:16] or (f"SHA-1 {weights.sha1[:16]}" if weights.sha1 else "")
        here = "on this disk" if (weights_folder() / weights.file).exists() else "not on this disk"
        yield Terms(use, weights.file, weights.licence, weights.size, pinned, here)


def _fetched() -> Iterator[Terms]:
    for name, model in PRETRAINED.items():
        here = "on this disk" if state(name) == "ready" else "fetched when first used"
        file = f"{model.repository}, {model.weights}"
        pinned = f"revision {model.revision[:12]}"
        yield Terms(f"speech features {name}", file, model.licence, model.size, pinned, here)


def _fetched_by_others() -> Iterator[Terms]:
    here = "its package is not installed" if find_spec("face_alignment") is None else "fetched when first used"
    file = "2DFAN4 and S3FD, by the package face_alignment"
    yield Terms("LMD on FAN's points", file, "BSD-3-Clause", "0.2 GB", "", here)


def _given_by_path() -> Iterator[Terms]:
    for use, (file, licence, size) in _GIVEN_BY_PATH.items():
        yield Terms(use, file, licence, size, "", "given by path")
