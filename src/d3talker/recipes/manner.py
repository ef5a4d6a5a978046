"""How the person of a clip moves: the style that predicted facial motion takes on."""

from __future__ import annotations

import numpy as np

from d3talker.faces.fit import fit_expression, person_neutral
from d3talker.signals.motion import AudioToMotion
from d3talker.signals.motion_style import MotionStyle, Mouth, style_of
from d3talker.tracking.clip import Clip


def manner(clip: Clip, count: int, said: tuple[np.ndarray, np.ndarray] | None = None) -> MotionStyle:
    """The style of the first ``count`` frames of a clip; the eyes stay open, for blinks are no part of the motion.

    ``said`` are the coefficients (T, Ke) that were predicted and the shares of the phone classes (T, 2, 29); by default
    the shipped networks are asked.
    """
    source = AudioToMotion()
    sound = clip.sound()
    if said is None:
        pieces = list(source.raw(lambda: iter([sound])))
        said = np.concatenate([piece[0] for piece in pieces]), np.concatenate([piece[1] for piece in pieces])
    neutral = person_neutral(clip.face_points, clip.lip_opening, clip.blink)
    tracked = fit_expression(source.face_model, clip.face_points[:count], neutral).numpy()
    coefficients, shares = (told[:count] for told in said)
    return style_of(tracked, coefficients, shares, Mouth.of(source.face_model), seed=None)
