"""Sounds that are no heart sounds: what must not get a confident answer.

They are drawn by other functions than the noise that the segmenter and the table of
`skheart.quality` are trained on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import lfilter

Draw = Callable[[np.random.Generator, int, float], np.ndarray]

RATES = (2000.0, 4000.0, 8000.0, 44_100.0)  # Hz
# Resonances of vowels of a grown man, in Hz; other voices are up to 1.3 times higher.
VOWELS = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}
_WIDTHS = (80, 100, 150)  # of the resonances, in Hz


def draw_other(random: np.random.Generator, kind: str) -> tuple[np.ndarray, float]:
    """Draw a sound of 5 to 20 seconds; return it with its sampling rate."""
    rate = float(random.choice(RATES))
    n = int(random.uniform(5, 20) * rate)
    waveform = KINDS[kind](random, n, rate)
    waveform = waveform / max(float(np.abs(waveform).max()), 1e-9)
    # A microphone's own noise, 30 to 70 dB below the peak.
    waveform = waveform + 10 ** random.uniform(-3.5, -1.5) * random.normal(size=n)
    return (random.uniform(0.05, 0.7) * waveform).astype(np.float32), rate


def white_noise(random: np.random.Generator, n: int, rate: float) -> np.ndarray:
    return random.normal(size=n)


def coloured_noise(random: np.random.Generator, n: int, rate: float) -> np.ndarray:
    """Draw pink to brown noise above 15 Hz, as of a room, wind or a fan."""
    frequency = np.fft.rfftfreq(n, 1 / rate)
    size = np.where(frequency > 15, 1 / np.maximum(frequency, 15), 0)
    size = size ** random.uniform(0.5, 1.2)
    return np.fft.irfft(size * np.exp(2j * np.pi * random.random(len(size))), n)


def tone(random: np.random.Generator, n: int, rate: float) -> np.ndarray:
    """Draw a steady tone with overtones, such as mains hum."""
    first = np.exp(random.uniform(np.log(40), np.log(0.4 * rate)))
    time = np.arange(n) / rate
    angle = 2 * np.pi * first * time
    overtones = [k for k in (1, 2, 3, 4) if k * first < 0.45 * rate]
    loudness = random.random(len(overtones)) * (random.random() < 0.5)
    loudness[0] = 1
    return sum(a * np.sin(k * angle) for a, k in zip(loudness, overtones, strict=True))


def beeps(random: np.random.Generator, n: int, rate: float) -> np.ndarray:
    """Draw short tones at the rate of hearts, as a patient monitor makes them."""
    beat = 60 / random.uniform(40, 150)  # seconds
    highest = min(0.42 * rate, 2000)
    frequency = np.exp(random.uniform(np.log(150), np.log(highest)))
    length = random.uniform(0.04, min(0.25, 0.5 * beat))
    wobble = random.choice([0, 0, 0.01, 0.04])  # of the beat
    double = random.random() < 0.25  # a second beep in each beat
    pitch = random.choice([1, 1, 1.25, 0.8]) if double else 1
    waveform = np.zeros(n)
    start = random.uniform(0, beat)
    while start < n / rate:
        _add_beep(waveform, rate, start, length, frequency, random)
        if double:
            later = start + random.uniform(0.3, 0.45) * beat
            _add_beep(waveform, rate, later, length, pitch * frequency, random)
        start += beat * max(0.5, random.normal(1, wobble))
    return waveform


def _add_beep(
    waveform: np.ndarray,
    rate: float,
    start: float,
    length: float,
    frequency: float,
    random: np.random.Generator,
) -> None:
    first = int(start * rate)
    part = waveform[first : first + int(length * rate)]
    time = np.arange(len(part)) / rate
    ramp = np.minimum(1, np.minimum(time, time[::-1]) / 0.005)
    part += ramp * np.sin(2 * np.pi * frequency * time)


def speech(random: np.random.Generator, n: int, rate: float) -> np.ndarray:
    """Draw syllables: a voice's pulses and hiss through the resonances of vowels.

    It is computed at 8000 Hz and, for lower rates, without what they cannot hold.
    """
    base = 8000.0
    n_base = int(n / rate * base) + 1
    scale = random.uniform(1, 1.3)
    voice = random.uniform(85, 250)  # Hz
    waveform = np.zeros(n_base)
    start = random.uniform(0, 0.5)
    while start < n_base / base - 0.1:
        length = random.uniform(0.12, 0.35)
        first = int(start * base)
        part = waveform[first : first + int(length * base)]
        if random.random() < 0.6:  # a consonant before the vowel
            head = part[: int(random.uniform(0.02, 0.08) * base)]
            head += random.uniform(0.02, 0.2) * np.diff(
                random.normal(size=len(head) + 1)
            )
        vowel = VOWELS[str(random.choice(list(VOWELS)))]
        loudness = np.exp(random.normal(0, 0.3))
        part += loudness * _vowel(random, len(part), base, voice, vowel, scale)
        start += length + random.uniform(0, 0.06)
        if random.random() < 0.12:  # a pause
            start += random.uniform(0.2, 1.0)
    return _at_rate(waveform, base, rate, n)


def _vowel(
    random: np.random.Generator,
    n: int,
    rate: float,
    voice: float,
    resonances: tuple[int, int, int],
    scale: float,
) -> np.ndarray:
    glide = np.linspace(1, random.uniform(0.8, 1.2), n)
    cycle = np.cumsum(voice * glide * (1 + 0.01 * random.normal(size=n))) / rate
    pulses = np.diff(np.floor(cycle), prepend=0.0) > 0
    x = lfilter([1.0], [1.0, -0.95], pulses + 0.02 * random.normal(size=n))
    for frequency, width in zip(resonances, _WIDTHS, strict=True):
        radius = np.exp(-np.pi * width / rate)
        angle = 2 * np.pi * min(frequency * scale, 0.45 * rate) / rate
        b = [1 - 2 * radius * np.cos(angle) + radius**2]
        x = lfilter(b, [1, -2 * radius * np.cos(angle), radius**2], x)
    x = np.diff(x, prepend=0.0)  # the lips
    shape = np.sin(np.pi * (np.arange(n) + 0.5) / max(n, 1)) ** 0.5
    return shape * x / max(float(np.sqrt(np.mean(x**2))), 1e-9) if n else x


def knocks(random: np.random.Generator, n: int, rate: float) -> np.ndarray:
    """Draw taps, steps and rubbing at irregular times."""
    waveform = np.zeros(n)
    for start in np.cumsum(random.exponential(random.uniform(0.2, 1.5), 200)):
        first = int(start * rate)
        if first >= n:
            break
        part = waveform[first : first + int(random.uniform(0.02, 0.3) * rate)]
        time = np.arange(len(part)) / rate
        decay = np.exp(-time * random.uniform(15, 80))
        ring = np.sin(2 * np.pi * random.uniform(40, 0.2 * rate) * time)
        hiss = random.normal(size=len(part))
        part += random.uniform(0.2, 1) * decay * (ring + random.random() * hiss)
    return waveform


def _at_rate(waveform: np.ndarray, base: float, rate: float, n: int) -> np.ndarray:
    import soxr

    return np.resize(soxr.resample(waveform, base, rate, quality="HQ"), n)


KINDS: dict[str, Draw] = {
    "white noise": white_noise,
    "coloured noise": coloured_noise,
    "tones": tone,
    "beeps": beeps,
    "speech": speech,
    "knocks": knocks,
}
