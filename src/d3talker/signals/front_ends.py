"""The speech front ends by name: what makes each, and whether it can work on this machine."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import NamedTuple

from d3talker.assets.weights import AVE, AVE_CONVERTED, DEEPSPEECH, weights_folder, weights_state
from d3talker.core.errors import D3Error
from d3talker.signals.logmel import LogMel
from d3talker.signals.pretrained_models import PRETRAINED
from d3talker.signals.speech import SpeechFeatures
from d3talker.signals.stored import StoredFeatures

STORED = "stored:"
"""What stands before the path of a ``.npy`` file in the name of a front end."""


class _Entry(NamedTuple):
    make: Callable[[], SpeechFeatures]
    state: Callable[[], str]


def front_end(name: str) -> SpeechFeatures:
    """The front end of a name of :data:`FRONT_ENDS`, or of ``stored:`` and the path of a ``.npy`` file.

    Raises:
        D3Error: no such name, or what the front end needs is missing.
    """
    if name.startswith(STORED):
        return StoredFeatures(Path(name.removeprefix(STORED)))
    return _entry(name).make()


def state(name: str) -> str:
    """``ready``, or what to do so that the front end of :data:`FRONT_ENDS` can work on this machine.

    Raises:
        D3Error: no such name.
    """
    return _entry(name).state()


def _entry(name: str) -> _Entry:
    if name in _ENTRIES:
        return _ENTRIES[name]
    near = get_close_matches(name, _ENTRIES, n=1)
    raise D3Error(
        f"no speech features are called {name!r}",
        f"{', '.join(_ENTRIES)}, or {STORED}FILE.npy",
        f"Did you mean {near[0]}?" if near else "See `d3talker doctor` for what works here.",
    )


def _deepspeech() -> SpeechFeatures:
    from d3talker.signals.deepspeech import DeepSpeech

    return DeepSpeech()


def _ave() -> SpeechFeatures:
    from d3talker.signals.ave import AudioVisualEncoder

    return AudioVisualEncoder()


def _pretrained(name: str) -> SpeechFeatures:
    from d3talker.signals.pretrained_speech import PretrainedSpeech

    return PretrainedSpeech(name)


def _always() -> str:
    return "ready"


def _ave_state() -> str:
    return "ready" if (weights_folder() / AVE_CONVERTED).exists() else weights_state(AVE)


def _pretrained_state(name: str) -> str:
    model = PRETRAINED[name]
    if importlib.util.find_spec("transformers") is None:
        return "pip install 'd3talker[speech]'"
    from huggingface_hub import try_to_load_from_cache

    if isinstance(try_to_load_from_cache(model.repository, model.weights, revision=model.revision), str):
        return "ready"
    return f"not on this disk; its first use fetches {model.repository} ({model.size}, {model.licence})"


def _phone29() -> SpeechFeatures:
    from d3talker.signals.phone29 import Phone29

    return Phone29()


_ENTRIES: dict[str, _Entry] = {
    "phone29": _Entry(_phone29, _always),
    "logmel": _Entry(LogMel, _always),
    **{name: _Entry(partial(_pretrained, name), partial(_pretrained_state, name)) for name in PRETRAINED},
    "deepspeech": _Entry(_deepspeech, partial(weights_state, DEEPSPEECH)),
    "ave": _Entry(_ave, _ave_state),
}
DEFAULT = "phone29"
"""The front end that hears any voice and comes with the package."""
FRONT_ENDS = tuple(_ENTRIES)
"""The names of the front ends that hear any sound."""
