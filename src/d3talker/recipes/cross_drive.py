"""Whether a person's lips fit the sound of somebody else, measured against that speaker's own lips."""

from __future__ import annotations

from typing import Any

import numpy as np

from d3talker.core.progress import Progress, Silent
from d3talker.metrics.motion import amplitude_ratio, correlation_with_lag
from d3talker.models.person import Person
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.evaluate_closures import closings, closure_numbers
from d3talker.recipes.evaluate_scores import lips_apart, mouth_wide
from d3talker.recipes.talk import TalkSettings, say
from d3talker.tracking.clip import Clip
from d3talker.tracking.landmarks import open_tracker


def drive(person: Person, speaker: Clip, progress: Progress | None = None) -> dict[str, Any]:
    """Lets ``person`` say what the speaker of a prepared clip with sound says, and compares their lips.

    The person is drawn with the head held still and its lips are tracked in the pictures; those of the speaker are the
    tracked ones of the clip. Frames in which no face is found are left out.

    Returns:
        Correlations of lip opening and width, as they stand and at the lag that fits best, amplitudes, and how often
        the lips meet on p, b and m.
    """
    progress = progress or Silent()
    sound, tracker, found = speaker.sound(), open_tracker(), []
    with progress.stage("drive", len(speaker)) as advance, quiet_threads(person.head.face.gaussians.device):
        frames = say(person, lambda: iter([sound]), TalkSettings(pose="still", blink="none"))
        for _, frame in zip(range(len(speaker)), frames, strict=False):
            faces = tracker.track(frame.picture)
            found.append(faces[0] if faces else np.full((478, 3), np.nan, np.float32))
            advance()
    tracker.close()
    points = np.stack(found)
    seen, count = np.isfinite(points[:, 0, 0]), len(points)
    numbers: dict[str, Any] = {"clip": speaker.meta["source"]["name"], "frames_tracked": int(seen.sum())}
    for name, said, truth in (
        ("opening", lips_apart(points), speaker.lip_opening),
        ("width", mouth_wide(points), speaker.lip_width),
    ):
        fit = correlation_with_lag(said[seen], truth[:count][seen])
        numbers[f"{name}_correlation"] = fit.zero
        numbers[f"{name}_lag_ms"] = 40 * fit.lag
        numbers[f"{name}_correlation_at_lag"] = fit.best
    speakers = lips_apart(speaker.landmarks[:count])
    numbers["opening_amplitude_ratio"] = amplitude_ratio(lips_apart(points[seen]), speakers[seen])
    return numbers | closure_numbers(closings(sound, count), lips_apart(points), speakers)
