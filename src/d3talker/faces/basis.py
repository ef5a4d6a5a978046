"""Learning a face basis from tracked people: neutral faces, two blinks and principal components of the rest."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from d3talker.faces import points as named
from d3talker.faces.alignment import small_similarities
from d3talker.faces.fit import displacements, person_neutral
from d3talker.faces.model import LANDMARKS
from d3talker.faces.mp468 import face_triangles, point_weights

_RIGHT_EYE = (named.RIGHT_EYE, named.RIGHT_UPPER_LID, named.RIGHT_LOWER_LID)
_LEFT_EYE = (named.LEFT_EYE, named.LEFT_UPPER_LID, named.LEFT_LOWER_LID)
_EYE_RINGS = 2  # rings of triangles around an eye that move with its lids
_MOST_IDENTITIES = 16


@dataclass(frozen=True)
class Recording:
    """What a tracked clip tells about a face."""

    points: np.ndarray
    """(T, 468 or more, 3) metres, head frame."""
    lip_opening: np.ndarray
    """(T,) metres, 0 when closed."""
    blink: np.ndarray
    """(T,), larger when the eyes are more closed."""


@dataclass(frozen=True)
class Person:
    """One person's neutral face and every frame's distance from it."""

    neutral: np.ndarray
    """(468, 3) float64 metres, head frame, in the common size."""
    moved: np.ndarray
    """(T, 468, 3) float64 metres."""

    @functools.cached_property
    def covariance(self) -> np.ndarray:
        """(1404, 1404): the mean over the frames of the products of the weighted displacements."""
        weighted = (self.moved * point_weights()).reshape(len(self.moved), -1)
        return weighted.T @ weighted / len(weighted)


@dataclass(frozen=True)
class FaceBasis:
    """The numbers of a face model on MediaPipe's mesh."""

    mean: np.ndarray
    """(468, 3) metres."""
    identity: np.ndarray
    """(Ki, 468, 3) metres for one standard deviation."""
    expression: np.ndarray
    """(2 + Ke, 468, 3) metres: the right and the left lid closed, then components in standard deviations."""


def observe(clips: Sequence[Recording]) -> Person:
    """Neutral face and displacements of one person from one or more clips; each clip is held to its own neutral."""
    neutrals = [person_neutral(clip.points, clip.lip_opening, clip.blink).astype(np.float64) for clip in clips]
    moved = [displacements(clip.points, neutral) for clip, neutral in zip(clips, neutrals, strict=True)]
    return Person(np.mean(neutrals, axis=0), np.concatenate(moved))


def learn_basis(people: Sequence[Person], components: int) -> FaceBasis:
    """The basis of some people, all of equal say however long their clips are, and each seen in a mirror as well.

    Mirroring makes every shape symmetric or antisymmetric: the habits of one side of one speaker are no direction.

    Args:
        people: at least three.
        components: expression components beside the two blinks.
    """
    mean, identity = learn_identity([person.neutral for person in people])
    right = np.mean([_learn_blink(person, *_RIGHT_EYE) for person in people], axis=0)
    left = np.mean([_learn_blink(person, *_LEFT_EYE) for person in people], axis=0)
    right = _touching(mean, (right + mirrored(left)) / 2)
    blinks = np.stack([right, mirrored(right)])
    shapes = _without_head_motion(_components(people, blinks, components), mean)
    lip_motion = np.square(shapes[:, named.LIPS]).sum(axis=(1, 2))
    shapes = shapes[np.argsort(-lip_motion, kind="stable")]
    return FaceBasis(mean, identity, np.concatenate([blinks, _signed(shapes)]))


def mirrored(faces: np.ndarray) -> np.ndarray:
    """Faces or displacements (..., 468, 3) as they are in a mirror."""
    return faces[..., named.MIRROR[:LANDMARKS], :] * np.array([-1.0, 1.0, 1.0])


def _components(people: Sequence[Person], blinks: np.ndarray, count: int) -> np.ndarray:
    """Weighted principal components (count, 468, 3) of what the blinks leave, one standard deviation each."""
    weights = point_weights()
    lids = (blinks * weights).reshape(2, -1)
    lids /= np.linalg.norm(lids, axis=1, keepdims=True)  # the two share no point, so they are orthogonal
    others = np.eye(weights.size) - lids.T @ lids
    covariance = others @ np.mean([person.covariance for person in people], axis=0) @ others
    swapped = mirrored(np.arange(1.0, weights.size + 1).reshape(LANDMARKS, 3)).ravel()
    order, sign = np.abs(swapped).astype(np.int64) - 1, np.sign(swapped)
    covariance = (covariance + covariance[np.ix_(order, order)] * sign[:, None] * sign) / 2
    variance, axes = scipy.linalg.eigh(covariance, subset_by_index=[len(covariance) - count, len(covariance) - 1])
    return (axes * np.sqrt(variance)).T[::-1].reshape(count, LANDMARKS, 3) / weights


def learn_identity(neutrals: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean face (468, 3) and what tells people apart (Ki, 468, 3), one standard deviation each.

    Ki is two less than there are people, at most 16.
    """
    faces = np.concatenate([neutrals, mirrored(np.stack(neutrals))])
    mean = faces.mean(axis=0)
    count = min(_MOST_IDENTITIES, len(neutrals) - 2)
    _, spread, axes = np.linalg.svd((faces - mean).reshape(len(faces), -1), full_matrices=False)
    shapes = axes[:count] * (spread[:count] / np.sqrt(len(faces) - 1))[:, None]
    return mean, _signed(shapes.reshape(count, LANDMARKS, 3))


def _without_head_motion(shapes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Shapes (K, 468, 3) less the shift, turn and growth that their stable points show on the mean face.

    Every person's displacements are free of it on that person's own face, so there is little to take off.
    """
    motions = small_similarities(mean)
    stable = motions[:, named.RIGID].reshape(len(motions), -1)
    seen = np.linalg.lstsq(stable.T, shapes[:, named.RIGID].reshape(len(shapes), -1).T, rcond=None)[0]
    return shapes - np.tensordot(seen.T, motions, axes=1)


def _learn_blink(person: Person, ring: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Cross products (468, 3) of a person's lid gap with the points around the eye: how these go with a blink."""
    open_gap = _gap(person.neutral, upper, lower)
    closure = 1.0 - _gap(person.neutral + person.moved, upper, lower) / open_gap
    blink = np.zeros((LANDMARKS, 3))
    near = _around(ring)
    near[named.RIGID] = False  # faces are aligned by these: a blink must not look like a nod
    blink[near] = np.einsum("t,tvc->vc", closure, person.moved[:, near]) / len(closure)
    return blink


def _touching(mean: np.ndarray, blink: np.ndarray) -> np.ndarray:
    """A blink of the right eye as long as it takes to close the lids of the mean face."""
    _, upper, lower = _RIGHT_EYE
    return blink * (_gap(mean, upper, lower) / -_gap(blink, upper, lower))


def _gap(face: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Height (...,) between the middle of the upper and of the lower lid of faces (..., 468, 3)."""
    return face[..., upper, 1].mean(axis=-1) - face[..., lower, 1].mean(axis=-1)


def _around(ring: np.ndarray) -> np.ndarray:
    """The points of a ring and of the rings of triangles outside it."""
    inside = np.isin(np.arange(LANDMARKS), ring)
    triangles = face_triangles()
    for _ in range(_EYE_RINGS):
        inside[triangles[inside[triangles].any(axis=1)]] = True
    return inside


def _signed(shapes: np.ndarray) -> np.ndarray:
    """Shapes with a sign that does not hang on the solver.

    The mouth opens; where it hardly does, the first coordinate at least half as large as the largest is positive.
    """
    flat = shapes.reshape(len(shapes), -1)
    parting = _gap(shapes, named.UPPER_INNER_LIP, named.LOWER_INNER_LIP)
    size = np.abs(flat)
    clear = (size >= 0.5 * size.max(axis=1, keepdims=True)).argmax(axis=1)
    by_size = flat[np.arange(len(flat)), clear]
    sign = np.sign(np.where(np.abs(parting) > 1e-5, parting, by_size))
    return shapes * sign[:, None, None]
