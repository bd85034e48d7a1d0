"""The quality of one recording, and why it is low."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skheart._core.checks import check_number
from skheart.audio.waveform import RecordingError, check_waveform, is_silent
from skheart.quality.indices import QUALITY_INDICES, indices_of
from skheart.quality.table import combined, packaged_table
from skheart.segmentation.frames import F_MAX
from skheart.spectrogram.blas import single_blas_thread

__all__ = ["Quality", "assess_quality", "signal_quality"]

_SHORTEST = 1.0  # seconds
_LEAST_RATE = 2 * F_MAX  # Hz
_GOOD = 0.5  # quality below which there is a reason
_CLIPPED = 0.005  # share of the values
_OUT_OF_BAND = 0.2  # share of the power in the band of heart sounds
_TONE = 0.3  # share of the power


@dataclass(frozen=True)
class Quality:
    """The quality of a recording, with reasons.

    Attributes
    ----------
    quality : float
        0 to 1: about the probability that an expert calls the recording good. It says
        nothing about whether the heart is healthy. 0 without a heartbeat.
    reasons : tuple of str
        Why it is low, such as ``"no heartbeat found"``; empty if it is not.
    indices : dict of str to float
        The indices of `QUALITY_INDICES`; NaN if the recording cannot be used.
    """

    quality: float
    reasons: tuple[str, ...]
    indices: dict[str, float]


def signal_quality(waveform: Any, *, sample_rate: float) -> float:
    """Compute the quality of a recording as a heart sound.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
        Real numbers.
    sample_rate : float
        In Hz.

    Returns
    -------
    quality : float
        0 to 1: about the probability that an expert calls the recording good. 0 if the
        waveform is silent, shorter than a second, sampled below 1600 Hz, holds NaN or
        infinite values, or has no heartbeat.

    Raises
    ------
    RecordingError
        If `waveform` is not one-dimensional and numeric.
    ValueError
        If `sample_rate` is not a positive number.

    See Also
    --------
    assess_quality : The same with reasons and indices.
    QualityTransformer : The same for many recordings.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.datasets import make_heart_sounds
    >>> from skheart.quality import signal_quality
    >>> sounds = make_heart_sounds(1, classes="normal", random_state=0)
    >>> noise = np.random.default_rng(0).normal(size=20_000)
    >>> heart = signal_quality(sounds.data[0], sample_rate=sounds.sample_rate)
    >>> heart > signal_quality(noise, sample_rate=2000)
    True
    """
    return assess_quality(waveform, sample_rate=sample_rate).quality


def assess_quality(waveform: Any, *, sample_rate: float) -> Quality:
    """Assess the quality of a recording as a heart sound, and say why it is low.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
        Real numbers.
    sample_rate : float
        In Hz.

    Returns
    -------
    quality : Quality
        With the attributes `quality`, `reasons` and `indices`.

    Raises
    ------
    RecordingError
        If `waveform` is not one-dimensional and numeric.
    ValueError
        If `sample_rate` is not a positive number.

    See Also
    --------
    signal_quality : The quality alone.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.quality import assess_quality
    >>> assess_quality(np.zeros(20_000), sample_rate=2000).reasons
    ('silent',)
    """
    check_number("sample_rate", sample_rate, unit="Hz")
    try:
        array = np.asarray(waveform)
    except ValueError:  # rows of unequal length
        array = np.zeros(0, dtype=object)
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        check_waveform(waveform)  # raises, and says what is wrong
    with single_blas_thread():
        return assessed(array, float(sample_rate))


def assessed(waveform: np.ndarray, sample_rate: float) -> Quality:
    """Assess a waveform of shape (n_times,)."""
    if reason := _unusable(waveform, sample_rate):
        return Quality(0.0, (reason,), dict.fromkeys(QUALITY_INDICES, np.nan))
    indices = indices_of(check_waveform(waveform), sample_rate)
    quality = float(combined(packaged_table(), indices))
    return Quality(quality, _reasons(quality, indices), indices)


def _unusable(waveform: np.ndarray, sample_rate: float) -> str:
    """Return why there is nothing to compute; "" if there is."""
    if len(waveform) < _SHORTEST * sample_rate:
        return "shorter than 1 s"
    if sample_rate < _LEAST_RATE:
        return f"sampled below {_LEAST_RATE:g} Hz"
    if not np.isfinite(waveform).all():
        return "NaN or infinite values"
    if is_silent(waveform):
        return "silent"
    try:
        check_waveform(waveform)
    except RecordingError:  # the squares of its values are infinite
        return "values too large"
    return ""


def _reasons(quality: float, indices: dict[str, float]) -> tuple[str, ...]:
    reasons = []
    if indices["clipped"] > _CLIPPED:
        reasons.append("clipped")
    if indices["heartbeat_share"] == 0:
        reasons.append("no heartbeat found")
    if quality < _GOOD:
        if indices["tonality"] > _TONE:
            reasons.append("a tone")
        if indices["band_share"] < _OUT_OF_BAND:
            reasons.append("little sound between 25 and 200 Hz")
        if not reasons or reasons == ["clipped"]:
            reasons.append("noisy")
    return tuple(reasons)
