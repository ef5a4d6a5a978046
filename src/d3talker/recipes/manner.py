"""How the person of a clip moves: the style that predicted facial motion takes on."""

from __future__ import annotations

from d3talker.faces.fit import fit_expression, person_neutral
from d3talker.signals.motion import AudioToMotion
from d3talker.signals.motion_style import MotionStyle, Mouth, Said, style_of
from d3talker.tracking.clip import Clip


def manner(clip: Clip, count: int, said: Said | None = None) -> MotionStyle:
    """The style of the first ``count`` frames of a clip; the eyes stay open, for blinks are no part of the motion.

    ``said`` is what was predicted; by default the shipped networks are asked.
    """
    source = AudioToMotion()
    sound = clip.sound()
    if said is None:
        said = Said.joined(source.raw(lambda: iter([sound])))
    neutral = person_neutral(clip.face_points, clip.lip_opening, clip.blink)
    tracked = fit_expression(source.face_model, clip.face_points[:count], neutral).numpy()
    return style_of(tracked, said.part(slice(count)), Mouth.of(source.face_model), seed=None)
