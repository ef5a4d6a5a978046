"""Which frames and whose face: the longest unbroken run, the larger of two people."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np

from d3talker.core.errors import D3Error
from d3talker.tracking.landmarks import face_box

log = logging.getLogger(__name__)


@dataclass
class FaceRun:
    """One face followed without a break."""

    first: int
    """Number of its first frame."""
    landmarks: list[np.ndarray] = field(default_factory=list)
    """(478, 3) float32 in source pixels, one a frame; gaps that were bridged hold interpolated points."""
    bridged: int = 0
    """Frames among them without a face of their own."""
    missed: int = 0
    """Frames since the face was last seen, while it is followed."""

    @property
    def frames(self) -> int:
        """Length of the run."""
        return len(self.landmarks)

    @property
    def end(self) -> int:
        """Number of the frame after its last."""
        return self.first + self.frames

    def width(self) -> float:
        """The median width of the face in pixels."""
        widths = [right - left for left, _, right, _ in map(face_box, self.landmarks[:: max(1, self.frames // 50)])]
        return float(np.median(widths))


class FaceFollower:
    """Links the faces of successive frames to runs by where they are."""

    def __init__(self, longest_gap: int = 2) -> None:
        self.runs: list[FaceRun] = []
        self.seen = 0
        """Frames so far."""
        self._open: list[FaceRun] = []
        self._longest_gap = longest_gap

    def add(self, faces: list[np.ndarray]) -> None:
        """Takes the faces (478, 3) of the next frame, in any order."""
        waiting = sorted(faces, key=lambda face: -np.ptp(face[:, 0]))
        still_open = []
        for run in self._open:
            nearest = min(waiting, key=lambda face: _distance(face, run.landmarks[-1]), default=None)
            if nearest is not None and _distance(nearest, run.landmarks[-1]) < 0.5:
                waiting = [face for face in waiting if face is not nearest]
                self._continue(run, nearest)
            else:
                run.missed += 1
            if run.missed <= self._longest_gap:
                still_open.append(run)
        started = [FaceRun(self.seen, [face]) for face in waiting]
        self.runs += started
        self._open = still_open + started
        self.seen += 1

    def _continue(self, run: FaceRun, face: np.ndarray) -> None:
        last = run.landmarks[-1]
        for step in range(1, run.missed + 1):
            run.landmarks.append(last + (face - last) * np.float32(step / (run.missed + 1)))
        run.bridged += run.missed
        run.missed = 0
        run.landmarks.append(face)


def _distance(face: np.ndarray, other: np.ndarray) -> float:
    """How far two faces are apart, in face widths; unlike sizes count as distance too."""
    width, other_width = np.ptp(face[:, 0]), np.ptp(other[:, 0])
    apart = np.linalg.norm(face[:, :2].mean(axis=0) - other[:, :2].mean(axis=0)) / max(width, other_width, 1.0)
    return float(apart + abs(np.log(max(width, 1.0) / max(other_width, 1.0))))


def choose_run(follower: FaceFollower, fps: float, minimum_seconds: float, name: str) -> tuple[FaceRun, list[str]]:
    """Chooses the longest run of the larger face.

    Of runs that share half of the shorter one's time, the one with the wider face wins; then the longest.

    Args:
        follower: has seen the whole video.
        fps: its frames a second.
        minimum_seconds: what a run must last.
        name: of the video, for messages.

    Returns:
        The run, and warnings: frames left out, other faces, bridged gaps.

    Raises:
        D3Error: no face at all, a video that is too short, or no run that is long enough.
    """
    seconds = follower.seen / fps
    if seconds < minimum_seconds - 0.5 / fps:
        raise D3Error(
            f"{name} lasts {seconds:.1f} s",
            f"at least {minimum_seconds:g} s",
            "Record a longer clip; 10 s and more is good.",
        )
    if not follower.runs:
        raise D3Error(
            f"{name} shows no face",
            "one person who looks towards the camera",
            "Check the video, its rotation and its light.",
        )
    needed = int(round(minimum_seconds * fps))
    long_enough = [run for run in follower.runs if run.frames >= needed]
    if not long_enough:
        longest = max(follower.runs, key=lambda run: run.frames)
        raise D3Error(
            f"{name} shows a face for {longest.frames / fps:.1f} s at most (from {longest.first / fps:.1f} s)",
            f"at least {minimum_seconds:g} s without a break",
            "Record a clip in which the face stays in the picture.",
        )
    widths = {id(run): run.width() for run in long_enough}
    in_front = [
        run
        for run in long_enough
        if not any(_overlap(run, other) >= 0.5 and widths[id(other)] > widths[id(run)] for other in long_enough)
    ]
    chosen = max(in_front, key=lambda run: run.frames)
    return chosen, _warnings(chosen, follower, fps)


def _overlap(run: FaceRun, other: FaceRun) -> float:
    """The frames that two runs share, as a part of the shorter one; 0 for a run and itself."""
    if run is other:
        return 0.0
    return max(0, min(run.end, other.end) - max(run.first, other.first)) / min(run.frames, other.frames)


def _warnings(chosen: FaceRun, follower: FaceFollower, fps: float) -> list[str]:
    warnings = []
    half_second = round(fps / 2)
    others = [run for run in follower.runs if run.frames >= half_second and _overlap(chosen, run) > 0]
    if others:
        warnings.append(f"more than one face: took the larger one ({chosen.width():.0f} pixels wide)")
    if chosen.frames < follower.seen:
        warnings.append(
            f"the face is not in every frame: used {chosen.first / fps:.2f} s to {chosen.end / fps:.2f} s "
            f"of {follower.seen / fps:.2f} s"
        )
    if chosen.bridged:
        warnings.append(f"{chosen.bridged} frames without a face were bridged by interpolation")
    return warnings
