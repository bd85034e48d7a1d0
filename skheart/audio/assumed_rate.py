"""Doubt about the sample rate of waveforms that came without one.

At half of the right rate hearts beat half as often, and at twice the rate twice as
often. One recording proves nothing: hearts at 45 and at 180 beats per minute exist. The
median of many recordings is rarely there. The spectrum does not help: stethoscopes
differ by more than an octave.
"""

from __future__ import annotations

import math
import warnings
from itertools import islice

import numpy as np

from skheart.audio.recordings import Recording

_ENOUGH = 30  # recordings with a clear heartbeat, of which the median is taken
_MOST = 100  # recordings among which these are searched
_LONGEST, _SHORTEST = 1.2, 0.42  # seconds between beats that a median is believed
_LAGS = slice(30, 200)  # hundredths of a second: 30 to 200 beats per minute
_SIGNIFICANCE = 4.0  # standard deviations of the autocorrelation of noise
_DURATION = 10.0  # seconds of each recording that are used


def warn_about_rate(
    recordings: list[Recording], sample_rate: float, *, stacklevel: int
) -> None:
    """Warn if waveforms without a rate seem not to be at `sample_rate`."""
    waveforms = [
        recording.source
        for recording in recordings
        if isinstance(recording.source, np.ndarray) and recording.rate is None
    ]
    if len(waveforms) < _ENOUGH:
        return
    some = waveforms[:: math.ceil(len(waveforms) / _MOST)]
    # In an order that is always the same, but has the first ones from the whole call.
    order = np.random.default_rng(0).permutation(len(some))
    estimates = (beat_period(some[row], sample_rate) for row in order)
    clear = (estimate for estimate in estimates if estimate is not None)
    periods = list(islice(clear, _ENOUGH))
    period = float(np.median(periods)) if len(periods) == _ENOUGH else 1.0
    if _SHORTEST <= period <= _LONGEST:
        return
    likely = sample_rate * (2 if period > _LONGEST else 0.5)
    warnings.warn(
        f"Waveforms are taken to be sampled at {sample_rate:g} Hz, at which their "
        f"median heart rate is {60 / period:.0f} beats per minute. If they were "
        f"sampled at {likely:g} Hz, set input_sample_rate={likely:g}; if not, set "
        f"input_sample_rate={sample_rate:g} to confirm the rate.",
        UserWarning,
        stacklevel=stacklevel + 1,
    )


def beat_period(waveform: np.ndarray, sample_rate: float) -> float | None:
    """Estimate the time between two beats, in seconds; None where it is not clear.

    It is the highest peak of the autocorrelation of the logarithm of the envelope.
    """
    hop = round(sample_rate / 100)
    if waveform.ndim != 1 or waveform.dtype.kind not in "fiu" or hop < 2:
        return None
    waveform = waveform[: round(_DURATION * sample_rate)].astype(np.float64)
    n_steps = len(waveform) // hop
    if n_steps < 2 * _LAGS.stop:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        waveform -= waveform.mean()
        steps = waveform[: n_steps * hop].reshape(n_steps, hop)
        envelope = np.sqrt(np.einsum("ij,ij->i", steps, steps))
        if not 0 < envelope.max() < np.inf:  # silent, or not finite
            return None
        envelope = np.log(envelope + 1e-3 * envelope.max())
        envelope -= envelope.mean()
        spectrum = np.abs(np.fft.rfft(envelope, 2 * n_steps)) ** 2
        correlation = np.fft.irfft(spectrum)[: _LAGS.stop]
    lag = _LAGS.start + int(np.argmax(correlation[_LAGS]))
    if correlation[lag] * math.sqrt(n_steps) < _SIGNIFICANCE * correlation[0]:
        return None
    return lag / 100
