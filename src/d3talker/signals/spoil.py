"""What can happen to a voice between a mouth and a file: speed, microphone, room, noise, music, telephone.

Networks learn from spoiled copies of every recording, so that they hear any voice anywhere (spec 5).
"""

from __future__ import annotations

import numpy as np
from scipy.signal import fftconvolve

RATE = 16_000


def augment(
    samples: np.ndarray, phones: np.ndarray, rng: np.random.Generator, others: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """One spoiled copy of a recording.

    Args:
        samples: (S,) float32.
        phones: (P, 3) class or -1, start s, end s.
        rng: decides.
        others: recordings to babble in the background.

    Returns:
        Samples and phones, in step.
    """
    samples = samples * (0.5 / (np.abs(samples).max() + 1e-4))
    phones = phones.copy()
    if rng.random() < 0.75:  # faster and higher, or slower and lower
        factor = rng.uniform(0.84, 1.2)
        samples = np.interp(np.arange(0, len(samples) - 1, factor), np.arange(len(samples)), samples)
        phones[:, 1:] /= factor
    before, after = rng.uniform(0, 0.5, 2)
    samples = np.pad(samples, (int(before * RATE), int(after * RATE)))
    phones[:, 1:] += int(before * RATE) / RATE
    end = len(samples) / RATE
    edges = np.array([[0, 0, phones[0, 1]], [0, phones[-1, 2], end]], np.float32)
    phones = np.concatenate([edges[:1], phones, edges[1:]])
    if rng.random() < 0.8:
        samples = _colour(samples, rng)
    if rng.random() < 0.45:
        samples = fftconvolve(samples, _room(rng))[: len(samples)]
    level = np.sqrt(np.mean(samples**2)) + 1e-5
    if rng.random() < 0.75:
        noise, decibels = _noise(len(samples), rng, others)
        samples = samples + noise * (level / (np.std(noise) + 1e-6) * 10 ** (-decibels / 20))
    chance = rng.random()
    if chance < 0.08:  # 8 bits after the telephone's law
        scaled = np.clip(samples / (np.abs(samples).max() + 1e-4), -1, 1)
        steps = np.round(np.log1p(255 * np.abs(scaled)) / np.log(256) * 63) / 63
        samples = np.sign(scaled) * (256**steps - 1) / 255
    elif chance < 0.12:  # overdriven
        most = np.percentile(np.abs(samples), 99.5) + 1e-4
        samples = np.clip(samples, -most, most)
    loudness = 10 ** (rng.uniform(-40, -10) / 20) / (np.sqrt(np.mean(samples**2)) + 1e-5)
    samples = samples * min(loudness, 1.0 / (np.abs(samples).max() + 1e-5))
    samples = samples + rng.standard_normal(len(samples)) * 10 ** rng.uniform(-5, -3.7)
    return samples.astype(np.float32), phones


def _colour(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random equaliser; at times the band of a telephone, a dull or a thin microphone."""
    spectrum = np.fft.rfft(samples)
    hertz = np.arange(len(spectrum)) / len(samples) * RATE
    knots = np.concatenate([[0], np.sort(np.exp(rng.uniform(np.log(80), np.log(8000), 5))), [8000]])
    gain = np.interp(np.log(hertz + 30), np.log(knots + 30), 4 * rng.standard_normal(7))
    chance = rng.random()
    if chance < 0.12:
        gain -= 60 * np.clip(np.maximum((300 - hertz) / 150, (hertz - 3400) / 400), 0, 1)
    elif chance < 0.3:
        gain -= 60 * np.clip((hertz - rng.uniform(3500, 7500)) / 500, 0, 1)
    elif chance < 0.45:
        cut = rng.uniform(60, 250)
        gain -= 24 * np.clip((cut - hertz) / cut, 0, 1)
    return np.fft.irfft(spectrum * 10 ** (gain / 20), len(samples))


def _room(rng: np.random.Generator) -> np.ndarray:
    """Direct sound and a decaying tail of noise."""
    decay = rng.uniform(0.08, 0.7)
    time = np.arange(int(RATE * min(decay, 0.5))) / RATE
    tail = rng.standard_normal(len(time)) * np.exp(-6.9 * time / decay) * np.minimum(1, time / 0.004)
    tail /= np.sqrt((tail**2).sum()) + 1e-9
    tail[0] = 10 ** (rng.uniform(-2, 18) / 20)
    return tail / np.sqrt((tail**2).sum())


def _noise(count: int, rng: np.random.Generator, others: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Noise (count,) and how many decibels below the voice it shall be."""
    chance = rng.random()
    if chance < 0.6:
        spectrum = np.fft.rfft(rng.standard_normal(count))
        slope = np.maximum(np.arange(len(spectrum)), 1) ** (-rng.uniform(0, 2) / 2)
        return np.fft.irfft(spectrum * slope, count), rng.uniform(3, 35)
    noise = np.zeros(count)
    if chance < 0.85:
        for _ in range(rng.integers(2, 7)):
            other = others[rng.integers(len(others))]
            other = np.roll(np.resize(other, count), rng.integers(count))
            noise += other / (np.std(other) + 1e-4)
        return noise, rng.uniform(8, 35)
    time = np.arange(count) / RATE
    for _ in range(rng.integers(3, 7)):  # notes with overtones
        since = time - rng.uniform(0, max(time[-1] - 0.5, 0.1))
        fade = np.exp(-np.maximum(since, 0) * rng.uniform(0.5, 4)) * (since >= 0)
        hertz = 55 * 2 ** (rng.integers(0, 48) / 12)
        noise += sum(np.sin(2 * np.pi * hertz * k * time + 6 * rng.random()) / k for k in range(1, 5)) * fade
    return noise, rng.uniform(8, 35)
