"""A prior: the shared fields and the encoders that pre-training learned from many people, with what they hear."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from d3talker.config.method import BranchSettings, MethodSettings, adapted
from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_file, read_arrays, read_json, sha256_of, write_json
from d3talker.models.head import Head
from d3talker.models.person import method_of, write_tensors

FORMAT_VERSION = 1
SHIPPED = "shipped"
"""The name of the prior that comes with the package."""
_FIX = "Give another --prior, or none; `d3talker pretrain` makes one."


@dataclass(frozen=True)
class Prior:
    """Tensors by their names in a head, and what they were learned with."""

    path: Path
    meta: dict[str, Any]
    tensors: dict[str, Tensor]

    @property
    def method(self) -> MethodSettings:
        """Of the heads that it was learned in."""
        return method_of(self.meta["method"])

    def fingerprint(self) -> str:
        """Twelve digits that change with every number."""
        return str(self.meta["sha256"])[:12]


def shared_tensors(head: Head) -> dict[str, Tensor]:
    """The parameters of the refiner, the shared fields and all encoders that stay, by their names in the head."""
    found: dict[str, Tensor] = {}
    if head.refiner is not None:
        found |= {f"refiner.{key}": tensor.detach() for key, tensor in head.refiner.state_dict().items()}
    for name, branch in (("face", head.face), ("mouth", head.mouth)):
        for number, driven in enumerate(branch.driven):
            parts: dict[str, nn.Module] = {"encoder": driven.encoder} if driven.field.settings.stays else {}
            parts |= {"field": driven.field} if driven.field.settings.shared else {}
            for part, module in parts.items():
                start = f"{name}.fields.{number}.{part}"
                found |= {f"{start}.{key}": tensor.detach() for key, tensor in module.state_dict().items()}
    return found


def save_prior(path: Path, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Writes the tensors in half precision and, beside them, ``meta`` as JSON."""
    with atomic_file(path) as partial:
        write_tensors(partial, {name: tensor.half() for name, tensor in tensors.items()}, {})
    content = {"format_version": FORMAT_VERSION, **meta, "sha256": sha256_of(path)}
    write_json(path.with_suffix(".json"), content)


def default_prior(method: MethodSettings) -> str:
    """``shipped`` where the package has a prior of the method, else ``none``."""
    return "none" if _shipped(method) is None else SHIPPED


def _shipped(method: MethodSettings) -> Path | None:
    return find_prior(method, Path(str(resources.files("d3talker.assets") / "priors")))


def find_prior(method: MethodSettings, folder: Path) -> Path | None:
    """The prior in ``folder`` that learned as ``method`` learns; what repaints the picture does not matter."""
    for path in sorted(folder.glob("*.safetensors")):
        if _lessons(method_of(read_json(path.with_suffix(".json"), _FIX)["method"])) == _lessons(method):
            return path
    return None


def _lessons(method: MethodSettings) -> tuple[Any, ...]:
    """What pre-training depends on."""

    def taught(branch: BranchSettings) -> tuple[Any, ...]:
        fields = branch.fields
        return replace(fields[0], share=1.0), [(field.signal, field.deforms) for field in fields], branch.align

    method = adapted(method)
    return taught(method.face), taught(method.mouth), method.contrast, method.similarity


def load_prior(name: str | Path, method: MethodSettings) -> Prior:
    """Reads a prior: a file, or the shipped one of ``method``.

    Raises:
        D3Error: there is none, or it has another format.
    """
    path = _shipped(method) if name == SHIPPED else Path(name)
    if path is None:
        raise D3Error(f"no prior of {method.name} is shipped", "a prior", _FIX)
    if not path.exists():
        raise D3Error(f"{path} is missing", "a prior", _FIX)
    meta = read_json(path.with_suffix(".json"), _FIX)
    if meta.get("format_version") != FORMAT_VERSION:
        raise D3Error(f"{path} has prior format {meta.get('format_version')}", f"format {FORMAT_VERSION}", _FIX)
    arrays = read_arrays(path, _FIX)
    return Prior(path, meta, {key: torch.from_numpy(array).float() for key, array in arrays.items()})


def teaches_refiner(prior: Prior | None, method: MethodSettings) -> bool:
    """Whether the prior has a refiner of just this shape; another one learns from the clip alone."""
    return prior is not None and method.refiner is not None and prior.method.refiner == method.refiner


def take_up(head: Head, prior: Prior, method: MethodSettings) -> None:
    """Gives a head of ``method`` what a prior has of it; a refiner only if it is of the same kind.

    Raises:
        D3Error: the prior was made for another method.
    """
    wanted, taught = shared_tensors(head), prior.tensors
    if not teaches_refiner(prior, method):
        wanted, taught = ({k: t for k, t in of.items() if not k.startswith("refiner.")} for of in (wanted, taught))
    names = {key for key, tensor in wanted.items() if key not in taught or tensor.shape != taught[key].shape}
    if not any(".field." in key for key in wanted):  # a second field may begin anew, the first may not
        names |= taught.keys() - wanted.keys()
    if names:
        raise D3Error(
            f"{prior.path.name} is a prior of {prior.meta['method']['name']} and differs in {min(names)}",
            "a prior of the same method",
            _FIX,
        )
    head.load_state_dict({key: taught[key] for key in wanted}, strict=False)


def require_same_ears(prior: Prior, ears: dict[str, Any]) -> None:
    """Refuses a prior that learned on other speech features or another motion source; ``ears`` are their fingerprints.

    Raises:
        D3Error: naming both.
    """
    for kind, now in ears.items():
        then = prior.meta["ears"].get(kind)
        if then != now:
            what = {"front_end": "the speech features", "motion": "the facial motion"}[kind]
            raise D3Error(f"{prior.path.name} learned on {what} {then}", now, "Choose those, or --prior none.")
