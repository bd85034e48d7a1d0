"""How long a beat and its systole last, from the network's probabilities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skheart.segmentation.frames import FRAME_RATE

SHORTEST, LONGEST = 0.27, 2.0  # of a beat, in seconds: 30 to 222 beats per minute
_SHORTEST_SYSTOLE, _LONGEST_SYSTOLE = 0.11, 0.55  # from S1 to S2, in seconds
_NEARLY = 0.85  # of the highest peak: an earlier one this high is the period


class Period(NamedTuple):
    """The beat of a recording; NaN and a certainty of 0 where there is none."""

    beat: float  # seconds from one first sound to the next
    systole: float  # seconds from the first sound to the second
    certainty: float  # 0 to 1: correlation of the phases with those one beat later


def period(probability: np.ndarray) -> Period:
    """Estimate the length of beat and systole from the probabilities of the phases.

    First and second sounds have opposite signs, so that a systole that is as long as
    the diastole is not taken for a beat.
    """
    n_frames = len(probability)
    lags = np.arange(round(SHORTEST * FRAME_RATE), round(LONGEST * FRAME_RATE) + 1)
    lags = lags[lags < n_frames - 2]
    nothing = Period(np.nan, np.nan, 0.0)
    if len(lags) < 3:
        return nothing
    first, second = probability[:, 0], probability[:, 2]
    signed = first - second
    n_fft = 1 << (2 * n_frames - 1).bit_length()
    transform = np.fft.rfft(signed, n_fft)
    together = np.fft.irfft(np.abs(transform) ** 2, n_fft)[:n_frames]
    energy = np.r_[0, np.cumsum(signed**2)]
    if energy[-1] < 1e-3 * n_frames:
        return nothing
    # Each lag is divided by the energy of the two parts that overlap.
    scale = np.sqrt(energy[n_frames - lags] * (energy[-1] - energy[lags])) + 1e-9
    correlation = together[lags] / scale
    # Few overlapping beats are weak evidence.
    correlation *= np.sqrt(1 - lags / n_frames)
    inner = correlation[1:-1]
    peak = (inner >= correlation[:-2]) & (inner >= correlation[2:]) & (inner > 0)
    places = np.flatnonzero(peak) + 1
    if len(places) == 0:
        return nothing
    high = places[correlation[places] >= _NEARLY * correlation[places].max()]
    place = int(high[0])
    beat = (lags[0] + place + _vertex(correlation[place - 1 : place + 2])) / FRAME_RATE
    cross = np.fft.irfft(
        np.conj(np.fft.rfft(first, n_fft)) * np.fft.rfft(second, n_fft), n_fft
    )
    low = round(_SHORTEST_SYSTOLE * FRAME_RATE)
    high_lag = round(min(_LONGEST_SYSTOLE, 0.7 * beat) * FRAME_RATE)
    if high_lag <= low + 1:
        return nothing
    systole = (low + int(np.argmax(cross[low : high_lag + 1]))) / FRAME_RATE
    certainty = float(np.clip(correlation[place], 0, 1))
    return Period(float(beat), float(systole), certainty)


def _vertex(values: np.ndarray) -> float:
    """Return where the parabola through three values is highest: -0.5 to 0.5."""
    left, middle, right = values
    curve = left - 2 * middle + right
    return (
        0.0 if curve >= 0 else float(np.clip(0.5 * (left - right) / curve, -0.5, 0.5))
    )
