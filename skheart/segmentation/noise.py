"""Simulated sounds without a heartbeat: noise to add, and recordings to reject."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Draw = Callable[[np.random.Generator, int, float], np.ndarray]


def draw_noise(
    random: np.random.Generator, n_times: int, sample_rate: float
) -> np.ndarray:
    """Simulate noise of a randomly chosen kind: (n_times,), float32, RMS 1."""
    kind = KINDS[random.choice(len(KINDS), p=SHARES)]
    waveform = kind(random, n_times, sample_rate)
    if random.random() < 0.3:  # two things at once
        other = KINDS[random.choice(len(KINDS), p=SHARES)]
        waveform = _unit(waveform) + 10 ** random.uniform(-1, 0.5) * _unit(
            other(random, n_times, sample_rate)
        )
    # No room is completely quiet.
    floor = 10 ** random.uniform(-3, -1) * random.normal(size=n_times)
    return _unit(_unit(waveform) + floor).astype(np.float32)


def steady(random: np.random.Generator, n_times: int, sample_rate: float) -> np.ndarray:
    """Draw stationary noise with a smooth random spectrum."""
    frequency = np.fft.rfftfreq(n_times, 1 / sample_rate)
    knots = np.geomspace(10, sample_rate / 2, 7)
    slope = random.uniform(-4, 1)  # dB an octave, about white to brown
    gains = slope * np.log2(knots / 100) + random.normal(0, 5, len(knots))
    level = np.interp(np.log(np.maximum(frequency, 1)), np.log(knots), gains)
    spectrum = 10 ** (level / 20) * np.exp(2j * np.pi * random.random(len(frequency)))
    return np.fft.irfft(spectrum, n_times)


def swelling(
    random: np.random.Generator, n_times: int, sample_rate: float
) -> np.ndarray:
    """Draw noise that swells as breath does, or as syllables and rubbing do."""
    rate = np.exp(random.uniform(np.log(0.15), np.log(8)))  # Hz
    phase = np.cumsum(rate * np.exp(0.4 * _slow(random, n_times, sample_rate, rate)))
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * phase / sample_rate)
    power = random.uniform(0.5, 6)
    depth = random.uniform(0.5, 1)
    return steady(random, n_times, sample_rate) * (1 - depth + depth * swell**power)


def bursts(random: np.random.Generator, n_times: int, sample_rate: float) -> np.ndarray:
    """Draw knocks, clicks and rubs at times without a rhythm."""
    waveform = np.zeros(n_times)
    n = 1 + random.poisson(random.uniform(0.3, 6) * n_times / sample_rate)
    for first in random.integers(0, n_times, n):
        length = int(sample_rate * np.exp(random.uniform(np.log(0.004), np.log(0.4))))
        part = waveform[first : first + length]
        shape = np.exp(-random.uniform(1, 6) * np.arange(len(part)) / length)
        low, high = np.sort(random.uniform(20, sample_rate / 2.2, 2))
        time = np.arange(len(part)) / sample_rate
        rub = np.sin(2 * np.pi * (low + (high - low) * random.random()) * time)
        rub = rub if random.random() < 0.4 else random.normal(size=len(part))
        part += np.exp(random.normal(0, 0.7)) * shape * rub
    return waveform


def beeps(random: np.random.Generator, n_times: int, sample_rate: float) -> np.ndarray:
    """Draw tones that come and go, many of them regularly, as alarms do."""
    time = np.arange(n_times) / sample_rate
    frequency = np.exp(random.uniform(np.log(40), np.log(sample_rate / 2.3)))
    chords = [frequency * ratio for ratio in (1, 2, 3)[: random.integers(1, 4)]]
    tone = sum(np.sin(2 * np.pi * f * time + 6 * random.random()) for f in chords)
    if random.random() < 0.25:
        return tone
    period = np.exp(random.uniform(np.log(0.15), np.log(3)))
    share = random.uniform(0.05, 0.8)
    shift = _slow(random, n_times, sample_rate, 1 / period)
    shift = shift * random.choice([0, 0, 0.3])
    on = (time / period + shift + random.random()) % 1 < share
    ramp = np.hanning(max(3, int(random.uniform(0.002, 0.03) * sample_rate)))
    return tone * np.convolve(on, ramp / ramp.sum(), "same")


def sweeps(random: np.random.Generator, n_times: int, sample_rate: float) -> np.ndarray:
    """Draw tones that glide, as voices and sirens do."""
    glide = _slow(random, n_times, sample_rate, random.uniform(0.3, 3))
    middle = np.exp(random.uniform(np.log(80), np.log(400)))
    frequency = np.clip(
        middle * np.exp(random.uniform(0.1, 0.7) * glide), 20, sample_rate / 2.2
    )
    angle = 2 * np.pi * np.cumsum(frequency) / sample_rate
    voice = sum(np.sin(k * angle) / k for k in range(1, random.integers(2, 6)))
    gate = _slow(random, n_times, sample_rate, random.uniform(0.5, 5))
    return voice * np.clip(gate + random.uniform(0, 1.5), 0, None)


KINDS: tuple[Draw, ...] = (steady, swelling, bursts, beeps, sweeps)
SHARES = (0.35, 0.25, 0.15, 0.15, 0.10)


def _slow(
    random: np.random.Generator, n_times: int, sample_rate: float, rate: float
) -> np.ndarray:
    """Draw a curve of unit variance that changes `rate` times a second."""
    n = max(2, int(np.ceil(rate * n_times / sample_rate)) + 2)
    places = np.linspace(0, n - 1, n_times)
    return np.interp(places, np.arange(n), random.normal(size=n))


def _unit(waveform: np.ndarray) -> np.ndarray:
    return waveform / max(float(np.sqrt(np.mean(np.square(waveform)))), 1e-9)
