"""What a network cannot know of a person: how far the mouth opens, when it must be shut, and when the eyes blink."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import dacite
import numpy as np

from d3talker.faces.model import FaceModel
from d3talker.faces.points import LOWER_INNER_LIP, UPPER_INNER_LIP
from d3talker.phonetics.classes import BILABIALS, CLASS_INDEX
from d3talker.signals.blinks import blinks

_SILENCE = CLASS_INDEX["sil"]
_SILENT = 0.4  # share of silence that is enough; digital silence has 0.68 and more
_QUIET_FRAMES = 5  # of silence after which the mouth shuts: 200 ms
_CONTEXT = 8  # frames on either side that the shutting of a frame depends on
USUAL_PAUSE = 0.4
"""How firmly people shut the mouth in pauses: what is thought of a person with ..."""
_USUAL_FRAMES = 10  # ... as many frames of pauses in the clip
_HALF_KNOWN = 60  # frames of a clip whose mean and spread are believed by half
_KNOWN_FRAMES = 250  # of a clip at which the ridge of what else goes with ...
_COEFFICIENTS = 1.0, 1.5  # ... coefficients has this penalty, in their mean variance, and falls by this power ...
_INNER = 5.0, 3.0  # ... and that of the networks' last layers (docs/front-end.md)
SHUT = 0.0005
"""Metres between the lips of a mouth that is shut on purpose."""


class Said(NamedTuple):
    """What the networks say of a sound before any style, 25 rows a second."""

    coefficients: np.ndarray
    """(T, Ke)."""
    shares: np.ndarray
    """(T, 2, 29) of the phone classes."""
    inner: np.ndarray
    """(T, H) their last layers, which know more than the coefficients; H is 0 where they were not kept."""

    def part(self, rows: slice) -> Said:
        """Some of the rows."""
        return Said(*(told[rows] for told in self))

    @staticmethod
    def joined(pieces: Iterable[Said]) -> Said:
        """Pieces in one."""
        return Said(*(np.concatenate(told) for told in zip(*pieces, strict=True)))


@dataclass(frozen=True)
class MotionStyle:
    """A person's way of moving, put on what the networks say."""

    gain: float = 1.0
    """By which all but the blinks is stretched about ``usual``."""
    usual: np.ndarray | None = None
    """(Ke + H,) mean of what the networks say and of their last layers; 0 where the person is not known."""
    own: np.ndarray | None = None
    """(Ke,) mean of the person, which takes its place."""
    lowest: np.ndarray | None = None
    """(Ke,) that no coefficient falls below; none where the person is not known."""
    highest: np.ndarray | None = None
    """(Ke,) that no coefficient rises above."""
    mixing: np.ndarray | None = None
    """(Ke + H, Ke) what the person does besides for each of these numbers; none where it is not known."""
    closure: float = 1.0
    """How firmly the lips meet on p, b, m; 0 leaves them to the network."""
    pause: float = 1.0
    """How firmly the mouth shuts in pauses of 200 ms and more; some people leave it open."""
    blink_seed: int | None = 0
    """Of the blinks; none for open eyes."""

    def fingerprint(self) -> str:
        """Twelve digits that change with every number of the style."""
        digest = hashlib.sha256(repr((self.gain, self.closure, self.pause, self.blink_seed)).encode())
        for numbers in (self.usual, self.own, self.lowest, self.highest):
            digest.update(b"-" if numbers is None else np.asarray(numbers, np.float32).tobytes())
        if self.mixing is not None:
            digest.update(np.asarray(self.mixing, np.float32).tobytes())
        return digest.hexdigest()[:12]

    def as_json(self) -> dict[str, Any]:
        """What JSON can hold, for :meth:`from_json`; arrays are float32 in base64, for they are large."""
        return {name: _packed(v) if isinstance(v, np.ndarray) else v for name, v in vars(self).items()}

    @staticmethod
    def from_json(told: dict[str, Any]) -> MotionStyle:
        """The style that :meth:`as_json` told."""
        told = {name: _unpacked(v) if isinstance(v, dict) else v for name, v in told.items()}
        return dacite.from_dict(MotionStyle, told, dacite.Config(strict=True, check_types=False))

    def stretch(self, said: Said) -> np.ndarray:
        """Puts the person's mean, spread and mixing on what the networks say, (T, Ke)."""
        told = np.concatenate([said.coefficients, said.inner], axis=1, dtype=np.float64)
        count = said.coefficients.shape[1]
        usual = np.zeros(told.shape[1]) if self.usual is None else self.usual
        apart = told - usual
        stretched = (usual[:count] if self.own is None else self.own) + self.gain * apart[:, :count]
        return stretched if self.mixing is None else stretched + apart @ self.mixing


def _packed(array: np.ndarray) -> dict[str, Any]:
    return {"shape": list(array.shape), "float32": base64.b64encode(array.astype("<f4").tobytes()).decode()}


def _unpacked(told: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(told["float32"]), "<f4").reshape(told["shape"])


def style_of(tracked: np.ndarray, said: Said, mouth: Mouth, seed: int | None = 0) -> MotionStyle:
    """The style of a person from a clip: how far it opens the mouth, how it moves besides, how it pauses, its range.

    Args:
        tracked: (T, Ke) coefficients of the person in a clip of a few seconds at least.
        said: what the networks say for the sound of that clip.
        mouth: of the face model.
        seed: of the blinks.

    Returns:
        The person's mean and, from the lip gap, its spread, believed the more the longer the clip; what else goes with
        each coefficient and each number of the last layers, by ridge regression; how far the mouth shuts in the pauses
        of the clip; and nearly the range of every coefficient (GeneFace++ clamps to 3 and 97 percent).
    """
    known = len(tracked) / (len(tracked) + _HALF_KNOWN)
    ratio = mouth.gap(tracked).std() / max(float(mouth.gap(said.coefficients).std()), 1e-4)
    usual, inner, own = (told.mean(axis=0, dtype=np.float64) for told in (said.coefficients, said.inner, tracked))
    usual[list(mouth.blinks)] = own[list(mouth.blinks)] = 0.0
    lowest, highest = np.percentile(tracked, [0.5, 99.5], axis=0).astype(np.float32)
    style = MotionStyle(
        float(np.clip(ratio, 0.4, 2.5)) ** known,
        np.concatenate([usual, inner]),
        usual + known * (own - usual),
        lowest,
        highest,
        blink_seed=seed,
    )
    style = replace(style, mixing=_mixing(said, tracked - style.stretch(said), mouth))
    quiet = closing(said.shares)[1] > 0.99
    seen, shut = int(quiet.sum()), 0.0
    if seen:
        left, said_left = (float(np.median(mouth.gap(c[quiet]) - mouth.rest)) for c in (tracked, style.stretch(said)))
        shut = float(np.clip(1.0 - left / max(said_left, SHUT), 0.0, 1.0))
    return replace(style, pause=(seen * shut + _USUAL_FRAMES * USUAL_PAUSE) / (seen + _USUAL_FRAMES))


def _mixing(said: Said, left: np.ndarray, mouth: Mouth) -> np.ndarray:
    """The linear map (Ke + H, Ke) from what the networks say, about its mean, to what a style leaves unsaid (T, Ke)."""
    left = left - left.mean(axis=0)
    left[:, list(mouth.blinks)] = 0.0
    parts, penalties = [], []
    for told, (weight, power) in ((said.coefficients, _COEFFICIENTS), (said.inner, _INNER)):
        apart = told - told.mean(axis=0, dtype=np.float64)
        penalty = weight * (_KNOWN_FRAMES / len(left)) ** power * (apart**2).sum() / max(1, apart.shape[1])
        parts.append(apart)
        penalties.append(np.full(apart.shape[1], max(penalty, 1e-9)))
    apart = np.concatenate(parts, axis=1)
    gram = apart.T @ apart + np.diag(np.concatenate(penalties))
    return np.linalg.solve(gram, apart.T @ left).astype(np.float32)


@dataclass(frozen=True)
class Mouth:
    """How the coefficients of a face model open the mouth; the gap is linear in them."""

    rest: float
    """Metres between the inner lips of the neutral face."""
    slope: np.ndarray
    """(Ke,) metres that the gap grows by with each coefficient."""
    blinks: tuple[int, ...]
    """Coefficients of the lids."""

    @staticmethod
    def of(model: FaceModel) -> Mouth:
        """Reads it off a face model that knows MediaPipe's lip points."""
        landmarks, mean, expression = (value.numpy() for value in (model.landmarks, model.mean, model.expression))
        upper, lower = landmarks[UPPER_INNER_LIP], landmarks[LOWER_INNER_LIP]
        slope = (expression[:, upper, 1] - expression[:, lower, 1]).mean(axis=1).astype(np.float64)
        rest = float((mean[upper, 1] - mean[lower, 1]).mean())
        slope[list(model.blinks)] = 0.0
        return Mouth(rest, slope, model.blinks)

    def gap(self, coefficients: np.ndarray) -> np.ndarray:
        """Metres between the inner lips (T,)."""
        return self.rest + coefficients @ self.slope

    def touching(self, coefficients: np.ndarray) -> np.ndarray:
        """Lips that would pass through each other touch instead."""
        lack = np.maximum(-self.gap(coefficients), 0.0)
        return coefficients + lack[:, None] * self.slope / (self.slope @ self.slope)

    def shut(self, coefficients: np.ndarray, strength: np.ndarray) -> np.ndarray:
        """Closes the mouth by ``strength`` (T,) in [0, 1] with the smallest change of the coefficients.

        Coefficients are in standard deviations, so the smallest change is the likeliest.
        """
        surplus = np.maximum(self.gap(coefficients) - self.rest - SHUT, 0.0) * strength
        return coefficients - surplus[:, None] * self.slope / (self.slope @ self.slope)


def stream_styled(pieces: Iterable[Said], style: MotionStyle, mouth: Mouth) -> Iterator[np.ndarray]:
    """Puts a style on a stream.

    Args:
        pieces: what the networks say.
        style: the style.
        mouth: of the face model.

    Yields:
        (n, Ke) float32, later by :data:`_CONTEXT` frames and as many in all.
    """
    lids = None if style.blink_seed is None else blinks(style.blink_seed)
    held: Said | None = None
    given = 0
    for piece in pieces:
        held = piece if held is None else Said.joined([held, piece])
        ready = len(held.coefficients) - _CONTEXT
        if ready > given:
            yield _styled(held, slice(given, ready), style, mouth, lids)
            dropped = max(0, ready - _CONTEXT)
            held, given = held.part(slice(dropped, None)), ready - dropped
    if held is not None and len(held.coefficients) > given:
        yield _styled(held, slice(given, None), style, mouth, lids)


def _styled(held: Said, part: slice, style: MotionStyle, mouth: Mouth, lids: Iterator[float] | None) -> np.ndarray:
    """One part of the frames at hand; those around it are the context."""
    styled = style.stretch(held.part(part))
    if style.lowest is not None and style.highest is not None:
        styled = np.clip(styled, style.lowest, style.highest)
    bilabial, quiet = closing(held.shares)
    styled = mouth.shut(mouth.touching(styled), np.maximum(style.closure * bilabial, style.pause * quiet)[part])
    if lids is not None and mouth.blinks:
        styled[:, mouth.blinks] = np.array([next(lids) for _ in range(len(styled))])[:, None]
    return styled.astype(np.float32)


def closing(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How firmly the lips must meet in each frame, from the phone classes (T, 2, 29).

    Returns:
        (T,) in [0, 1] for bilabials, which shut their own frame and, half, the neighbours; and (T,) for silence of
        200 ms and more, which shuts all but its edges.
    """
    bilabial = np.clip((shares[:, :, list(BILABIALS)].sum(axis=2).max(axis=1) - 0.25) / 0.35, 0, 1)
    around = np.pad(bilabial, 1)
    bilabial = np.maximum(bilabial, 0.5 * np.maximum(around[:-2], around[2:]))
    return bilabial, _long_runs(shares[:, :, _SILENCE].min(axis=1) > _SILENT)


def _long_runs(quiet: np.ndarray) -> np.ndarray:
    """1 inside runs of ``_QUIET_FRAMES`` and more, rising over two frames from their edges; (T,)."""
    padded = np.concatenate([np.zeros(_QUIET_FRAMES, bool), quiet, np.zeros(_QUIET_FRAMES, bool)])
    whole = np.lib.stride_tricks.sliding_window_view(padded, _QUIET_FRAMES).all(axis=1)
    inside = np.lib.stride_tricks.sliding_window_view(whole, _QUIET_FRAMES).any(axis=1)[1 : len(quiet) + 1]
    firm = inside.astype(float)
    for _ in range(2):
        around = np.pad(firm, 1, mode="edge")
        firm = np.minimum(firm, (around[:-2] + around[1:-1] + around[2:]) / 3)
    return firm
