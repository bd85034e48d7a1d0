"""Indices of the waveform and of its spectrum."""

from __future__ import annotations

import numpy as np

from skheart.segmentation.frames import SAMPLE_RATE

HEART_BAND = (25.0, 200.0)  # Hz, in which most of the energy of heart sounds is
_WINDOW = 1024  # values at `SAMPLE_RATE`: about half a second
_HOP = _WINDOW // 2
_LOWEST_TONE = 100.0  # Hz: the sounds of a heart are narrow lines below
_LINE, _AROUND = 8.0, 40.0  # Hz on each side: of a tone, and of what surrounds it
_FLAT = 3  # equal values in a row at a limit


def clipped_share(waveform: np.ndarray) -> float:
    """Return the share of values in runs of three or more at the highest or lowest."""
    clipped = 0
    for limit in (waveform.max(), waveform.min()):
        at_limit = np.r_[False, waveform == limit, False]
        change = np.flatnonzero(np.diff(at_limit))
        lengths = change[1::2] - change[::2]
        clipped += int(lengths[lengths >= _FLAT].sum())
    return clipped / len(waveform)


def log_kurtosis(waveform: np.ndarray) -> float:
    """Return the logarithm of the kurtosis: fourth moment over squared second one."""
    square = np.square(waveform - waveform.mean(), dtype=np.float64)
    variance = max(float(square.mean()), 1e-30)
    return float(np.log(max(float(np.mean(np.square(square))) / variance**2, 1.0)))


def power_spectrum(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and the mean power of windows of half a second.

    The waveform is at `SAMPLE_RATE` and at least a window long.
    """
    windows = np.lib.stride_tricks.sliding_window_view(waveform, _WINDOW)[::_HOP]
    taper = np.hanning(_WINDOW).astype(np.float32)
    power = np.zeros(1 + _WINDOW // 2)
    for first in range(0, len(windows), 256):  # memory does not grow with the length
        part = np.fft.rfft(windows[first : first + 256] * taper, axis=1)
        power += np.square(np.abs(part)).sum(axis=0)
    return np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE), power / len(windows)


def band_share(frequency: np.ndarray, power: np.ndarray) -> float:
    """Return the share of the power that is in the band of heart sounds."""
    low, high = HEART_BAND
    inside = (frequency >= low) & (frequency <= high)
    return float(power[inside].sum() / max(float(power.sum()), 1e-30))


def tonality(frequency: np.ndarray, power: np.ndarray) -> float:
    """Return how much of the power is a tone above 100 Hz, 0 to 1.

    It is the share of the strongest line in all power, times its share in the power
    around it: a beep is a narrow line, a murmur is broad.
    """
    audible = power * (frequency >= HEART_BAND[0])
    line = _sums(audible, round(_LINE / frequency[1]))
    around = _sums(audible, round(_AROUND / frequency[1]))
    place = int(np.argmax(line * (frequency >= _LOWEST_TONE)))
    total = max(float(audible.sum()), 1e-30)
    return float(line[place] / max(around[place], 1e-30) * line[place] / total)


def _sums(values: np.ndarray, n: int) -> np.ndarray:
    """Return the sum of each value with the n before and after."""
    return np.convolve(values, np.ones(2 * n + 1), "same")
