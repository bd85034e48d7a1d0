"""Indices of the envelope: how regularly the loudness rises and falls.

The envelope is the amplitude between 25 and 200 Hz, a hundred times a second.
"""

from __future__ import annotations

import numpy as np

from skheart.quality.spectrum import HEART_BAND
from skheart.segmentation.frames import F_MAX, F_MIN, FRAME_RATE, N_BANDS
from skheart.spectrogram.bands import band_edges

_CYCLES = (0.3, 3.5)  # Hz, of heartbeats
_PART = 8.0  # seconds of which a cyclic spectrum is computed
_N_FFT = 4096
_SHORTEST, _LONGEST = 0.27, 2.0  # seconds from one beat to the next
_ENTROPY_STEP = 4  # frames: 25 values a second
_ENTROPY_PART = 500  # values: 20 seconds
_TEMPLATE = 2  # values that must be near each other
_NEAR = 0.2  # standard deviations
_SECOND = int(FRAME_RATE)
_CONSTANT = 1e-12  # variance over the mean square that is only rounding


def envelope_of(decibels: np.ndarray) -> np.ndarray:
    """Return the envelope of :func:`skheart.segmentation.frames.decibels`."""
    middles = band_edges(N_BANDS, F_MIN, F_MAX, "mel")[1:-1]
    n = int(np.sum(middles < HEART_BAND[1]))
    power = 10 ** (decibels[:, :n].astype(np.float64) / 10)
    return np.sqrt(power.sum(axis=1))


def periodicity(envelope: np.ndarray) -> float:
    """Return the peak of the cyclic spectrum over its mean, as a logarithm to base 10.

    The spectrum is the mean of those of parts of 8 seconds that overlap by half.
    """
    n = min(len(envelope), round(_PART * FRAME_RATE))
    parts = np.lib.stride_tricks.sliding_window_view(envelope, n)[:: max(1, n // 2)]
    parts = parts - parts.mean(axis=1, keepdims=True)
    power = np.zeros(1 + _N_FFT // 2)
    least = _CONSTANT * np.mean(np.square(envelope))
    for part in parts * np.hanning(n):
        loudness = np.mean(np.square(part))
        if loudness > least:  # each part counts the same
            power += np.square(np.abs(np.fft.rfft(part, _N_FFT))) / loudness
    cycles = np.fft.rfftfreq(_N_FFT, 1 / FRAME_RATE)
    inside = power[(cycles >= _CYCLES[0]) & (cycles <= _CYCLES[1])]
    return float(np.log10(inside.max() / inside.mean())) if inside.any() else 0.0


def autocorrelation(envelope: np.ndarray) -> float:
    """Return the highest peak of the autocorrelation at the lags of heartbeats."""
    n = len(envelope)
    lags = np.arange(round(_SHORTEST * FRAME_RATE), round(_LONGEST * FRAME_RATE) + 1)
    lags = lags[lags < n - 2]
    centred = envelope - envelope.mean()
    energy = np.r_[0, np.cumsum(np.square(centred))]
    if len(lags) < 3 or energy[-1] <= _CONSTANT * np.square(envelope).sum():
        return 0.0
    n_fft = 1 << (2 * n - 1).bit_length()
    together = np.fft.irfft(np.square(np.abs(np.fft.rfft(centred, n_fft))), n_fft)
    scale = np.sqrt(energy[n - lags] * (energy[-1] - energy[lags]))
    correlation = together[lags] / np.maximum(scale, 1e-9 * energy[-1])
    inner = correlation[1:-1]
    peaks = inner[(inner >= correlation[:-2]) & (inner >= correlation[2:])]
    return float(np.clip(peaks.max(initial=0.0), 0, 1))


def sample_entropy(envelope: np.ndarray) -> float:
    """Return the sample entropy: how unlike what follows is after alike stretches.

    It is that of parts of up to 20 seconds, at 25 values a second; their mean.
    """
    n = len(envelope) // _ENTROPY_STEP
    values = envelope[: n * _ENTROPY_STEP].reshape(n, _ENTROPY_STEP).mean(axis=1)
    n_parts = max(1, round(n / _ENTROPY_PART))
    return float(np.mean([_entropy(part) for part in np.array_split(values, n_parts)]))


def _entropy(values: np.ndarray) -> float:
    values = values.astype(np.float32)
    near = np.abs(values[:, np.newaxis] - values) <= _NEAR * values.std()
    n = len(values) - _TEMPLATE
    alike = near[:n, :n].copy()
    for shift in range(1, _TEMPLATE):
        alike &= near[shift : shift + n, shift : shift + n]
    still = alike & near[_TEMPLATE:, _TEMPLATE:]
    # Each value is near itself: that does not count.
    n_alike, n_still = int(alike.sum()) - n, int(still.sum()) - n
    if n_alike <= 0:
        return float(np.log(max(n, 2)))
    return float(-np.log(max(n_still, 1) / n_alike))


def deviation(envelope: np.ndarray) -> float:
    """Return the standard deviation of the envelope over its mean."""
    return float(envelope.std() / envelope.mean())


def contrast(envelope: np.ndarray) -> float:
    """Return how much louder the sounds are than the pauses, in dB."""
    low, high = np.percentile(envelope, [25, 90])
    return float(20 * np.log10(high / low))


def bursts(envelope: np.ndarray) -> float:
    """Return how much the loudest seconds exceed the usual ones, in dB."""
    n = len(envelope) // _SECOND
    seconds = np.square(envelope[: n * _SECOND]).reshape(n, _SECOND).mean(axis=1)
    middle, high = np.percentile(seconds, [50, 95])
    return float(10 * np.log10(high / middle))
