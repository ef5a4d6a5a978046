"""Whether a person's lips fit the sound of somebody else, measured against that speaker's own lips."""

from __future__ import annotations

import numpy as np

from d3talker.core.progress import Progress, Silent
from d3talker.metrics.motion import LaggedCorrelation, correlation_with_lag
from d3talker.models.person import Person
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.talk import TalkSettings, say
from d3talker.tracking.clip import Clip
from d3talker.tracking.landmarks import open_tracker

_EYES = (33, 263)
_LIPS = (13, 14)


def drive(person: Person, speaker: Clip, progress: Progress | None = None) -> LaggedCorrelation:
    """Lets ``person`` say what the speaker of a prepared clip says, and compares the lip openings.

    The person is drawn with the head held still and its lips are tracked in the pictures; those of the speaker are the
    tracked ones of the clip. Frames in which no face is found are left out.
    """
    progress = progress or Silent()
    sound, tracker, openings = speaker.sound(), open_tracker(), []
    device = person.head.face.gaussians.device
    with progress.stage("drive", len(speaker)) as advance, quiet_threads(device):
        frames = say(person, lambda: iter([sound]), TalkSettings(pose="still", blink="none"))
        for _, frame in zip(range(len(speaker)), frames, strict=False):
            faces = tracker.track(frame.picture)
            openings.append(_opening(faces[0]) if faces else np.nan)
            advance()
    said, truth = np.array(openings), speaker.lip_opening[: len(openings)]
    seen = np.isfinite(said)
    return correlation_with_lag(said[seen], truth[seen])


def _opening(points: np.ndarray) -> float:
    lips, eyes = (np.linalg.norm(points[a, :2] - points[b, :2]) for a, b in (_LIPS, _EYES))
    return float(lips / eyes)
