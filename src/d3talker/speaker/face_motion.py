"""From phone times to a moving face: coarticulated lips and jaw, blinks, brows, gaze and the sway of the head.

Coarticulation by dominance functions after Cohen and Massaro, "Modeling coarticulation in synthetic visual speech"
(1993): every phone pulls each control towards its target with a weight that falls off exponentially around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from d3talker.phonetics.classes import Phone
from d3talker.speaker.face_pose import Controls
from d3talker.speaker.visemes import VISEMES

FALL_BEFORE, FALL_AFTER = 25.0, 21.0  # 1 / s: speech anticipates a little faster than it lets go
BLINK_SECONDS = 0.24
STEP = 0.005  # s: the grid on which lips move before they are read at the frames


@dataclass(frozen=True)
class Motion:
    """A clip's motion, one row a frame.

    Attributes:
        controls: (T) of the face.
        turn: (T, 3) pitch, yaw, roll of the head in radians.
        shift: (T, 3) of the head's turning point in metres, room axes (x right, y up, z to the viewer).
        breath: (T,) rise of the shoulders in metres.
    """

    controls: list[Controls]
    turn: np.ndarray
    shift: np.ndarray
    breath: np.ndarray


def frame_times(frames: int, fps: float) -> np.ndarray:
    """The moment that each picture shows: the middle of its time."""
    return (np.arange(frames) + 0.5) / fps


def articulate(phones: list[Phone], times: np.ndarray) -> np.ndarray:
    """Lip controls at the given times.

    Args:
        phones: classes with times in seconds, silence outside; "" is a sound of no class, which pulls nothing.
        times: (T,) seconds.

    Returns:
        (T, 6): jaw (rad), gap, spread, protrusion (m), tuck, tongue.
    """
    end = max([times[-1], *(stop for _, _, stop in phones)]) + 0.5
    grid = np.arange(-0.3, end, STEP)
    padded = [
        ("sil", -0.5, phones[0][1] if phones else end),
        *phones,
        ("sil", phones[-1][2] if phones else end, end + 0.5),
    ]
    weighted, total = np.zeros((len(grid), 6)), np.full(len(grid), 1e-9)
    closed = np.zeros(len(grid))
    for name, start, stop in padded:
        if not name or stop <= start:
            continue
        viseme = VISEMES[name]
        reach = np.where(grid < start, (start - grid) * FALL_BEFORE, np.maximum(grid - stop, 0) * FALL_AFTER)
        dominance = viseme.hold * np.exp(-reach)
        target = np.array(
            [viseme.jaw, viseme.gap * 1e-3, viseme.spread * 1e-3, viseme.protrusion * 1e-3, viseme.tuck, viseme.tongue]
        )
        weighted += dominance[:, None] * target
        total += dominance
        if viseme.closure:
            # Shut for the middle of the phone and at least one and a half frames, opening within 50 ms around it.
            middle, plateau = (start + stop) / 2, max(0.30 * (stop - start), 0.030)
            fade = np.clip((np.abs(grid - middle) - plateau) / 0.050, 0, 1)
            closed = np.maximum(closed, 0.5 + 0.5 * np.cos(np.pi * fade))
    values = gaussian_filter1d(weighted / total[:, None], 0.014 / STEP, axis=0)
    values[:, 1] *= 1 - closed
    # Lips in contact until there is a visible gap: a hair's breadth would flicker.
    values[:, 1] = np.maximum(values[:, 1] - 0.0003, 0)
    return np.column_stack([np.interp(times, grid, column) for column in values.T])


def blinks(seconds: float, times: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Lid closure (T,) in [0, 1]: fast down, slower up, every two to five seconds."""
    closure = np.zeros(len(times))
    moment = generator.uniform(0.8, 2.0)
    while moment < seconds - 0.2:
        phase = (times - moment) / BLINK_SECONDS
        down, up = np.clip(phase / 0.30, 0, 1), np.clip((phase - 0.48) / 0.52, 0, 1)
        bump = np.sin(0.5 * np.pi * down) ** 2 * np.cos(0.5 * np.pi * up) ** 2
        closure = np.maximum(closure, np.where((phase >= 0) & (phase <= 1), bump, 0))
        moment += generator.uniform(2.0, 4.6)
    return closure


def drift(times: np.ndarray, generator: np.random.Generator, period: float, size: float) -> np.ndarray:
    """A smooth random curve (T,), deviation about ``size``, wandering over about ``period`` seconds."""
    value = np.zeros(len(times))
    for octave in range(3):
        rate = (1 + 0.9 * octave) / period * generator.uniform(0.85, 1.15)
        value += np.sin(2 * np.pi * (rate * times + generator.uniform())) / (1 + 0.8 * octave)
    return size * value / 1.0


def speech_energy(samples: np.ndarray, rate: int, times: np.ndarray) -> np.ndarray:
    """Loudness at the given times, (T,), about 0..1, smoothed over a tenth of a second."""
    power = gaussian_filter1d(samples.astype(np.float64) ** 2, 0.05 * rate)
    loud = np.sqrt(np.maximum(np.interp(times * rate, np.arange(len(power)), power, right=0.0), 0))
    return np.clip(loud / (np.percentile(loud, 95) + 1e-6), 0, 1.3)


def make_motion(phones: list[Phone], loudness: np.ndarray, frames: int, fps: float, seed: int) -> Motion:
    """The whole motion of a clip; the same arguments give the same motion."""
    generator = np.random.default_rng([seed, 31])
    times = frame_times(frames, fps)
    lips = articulate(phones, times)
    closure = blinks(frames / fps, times, generator)
    stress = gaussian_filter1d(loudness, 3.0)
    brow = np.clip(drift(times, generator, 5.0, 0.18) + 0.55 * (stress - stress.mean()), -0.6, 1.0)
    smile = np.clip(0.26 + drift(times, generator, 7.0, 0.10), 0, 0.6)
    gaze = np.column_stack([drift(times, generator, 3.4, 0.035), drift(times, generator, 4.1, 0.020)])
    held = gaze[(np.arange(frames) // max(1, round(0.6 * fps))) * max(1, round(0.6 * fps))]  # eyes jump, then rest
    turn = np.radians(np.column_stack([
        drift(times, generator, 3.6, 1.5) + 2.2 * gaussian_filter1d(stress - stress.mean(), 2.0),
        drift(times, generator, 4.6, 3.6),
        drift(times, generator, 5.4, 1.5),
    ]))  # fmt: skip
    shift = np.column_stack(
        [drift(times, generator, 6.0, 0.004), drift(times, generator, 4.0, 0.0015), drift(times, generator, 5.0, 0.005)]
    )
    controls = [
        Controls(
            jaw=float(jaw), lip_gap=float(gap), lip_spread=float(spread), protrusion=float(forward), tuck=float(tuck),
            tongue=float(tongue), smile=float(smile[t]), blink=float(closure[t]), brow=float(brow[t]),
            gaze=(float(held[t, 0]), float(held[t, 1])),
        )
        for t, (jaw, gap, spread, forward, tuck, tongue) in enumerate(lips)
    ]  # fmt: skip
    return Motion(controls, turn, shift, drift(times, generator, 3.9, 0.0012))
