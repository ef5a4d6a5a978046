"""Whether a person's lips fit the sound of somebody else, measured against that speaker's own lips."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from d3talker.core.progress import Progress, Silent
from d3talker.media.video import VideoWriter, read_frames
from d3talker.models.person import Person
from d3talker.ops.threads import quiet_threads
from d3talker.recipes.evaluate_closures import closings, closure_numbers
from d3talker.recipes.evaluate_judges import Judges, sync_numbers
from d3talker.recipes.evaluate_scores import NO_FACE, lip_numbers, lips_apart
from d3talker.recipes.talk import TalkSettings, say
from d3talker.signals.speech import FRAME_SAMPLES
from d3talker.tracking.clip import Clip
from d3talker.tracking.landmarks import open_tracker


def drive(
    person: Person,
    speaker: Clip,
    judges: Judges,
    *,
    heard: str = "phones",
    longest: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Lets ``person`` say what the speaker of a prepared clip with sound says, and compares their lips.

    The person is drawn with the head held still and its lips are tracked in the pictures; those of the speaker are the
    tracked ones of the clip. Frames in which no face is found are left out.

    Args:
        person: the trained person.
        speaker: the clip.
        judges: SyncNet scores the drawn video, and the speaker's own, where its weights are.
        heard: how p, b and m are found, see :func:`.evaluate_closures.closings`.
        longest: frames of the clip that are said; None for all.
        progress: hears of the frames.

    Returns:
        Correlations of lip opening and width, as they stand and at the lag that fits best, amplitudes, how often the
        lips meet on p, b and m, Sync-C and Sync-D where they are computed.
    """
    progress = progress or Silent()
    count, size = min(len(speaker), longest or len(speaker)), person.resolution
    device = person.head.face.gaussians.device
    sound, tracker, found = speaker.sound()[: count * FRAME_SAMPLES], open_tracker(), []
    with TemporaryDirectory() as scratch:
        video = Path(scratch) / "driven.mp4"
        with progress.stage("drive", count) as advance, quiet_threads(device), ExitStack() as stack:
            writer = stack.enter_context(VideoWriter(video, size, size, style="precise")) if judges.syncnet else None
            for frame in islice(say(person, lambda: iter([sound]), TalkSettings(pose="still", blink="none")), count):
                faces = tracker.track(frame.picture)
                found.append(faces[0] if faces else NO_FACE)
                if writer is not None:
                    writer.write(frame.picture)
                advance()
        tracker.close()
        points = {"predicted": np.stack(found), "truth": speaker.landmarks[: len(found)]}
        shown = {} if writer is None else {"predicted": read_frames(video), "truth": speaker.frames()}
        sync = sync_numbers(judges, shown, points, sound, device)
    apart = {kind: lips_apart(one) for kind, one in points.items()}
    return {
        "clip": speaker.meta["source"]["name"],
        **lip_numbers(points["predicted"], points["truth"], judges.reasons),
        **closure_numbers(closings(sound, len(found), heard), apart["predicted"], apart["truth"]),
        **{f"sync_{name}": value for name, value in sync.items()},
    }
