"""Waveforms in memory: check them and change their sample rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr

__all__ = ["RecordingError", "check_waveform", "resample"]

_SMALLEST = np.finfo(np.float32).tiny  # below it, float32 loses digits


class RecordingError(ValueError):
    """Raised when a recording is not audio, or is empty, truncated, NaN or silent."""


def check_waveform(
    waveform: Any, *, name: str = "waveform", allow_silence: bool = False
) -> np.ndarray:
    """Check that an array is a usable waveform, and return it as float32.

    Parameters
    ----------
    waveform : array-like of shape (n_times,)
        Real numbers.
    name : str, default="waveform"
        What error messages call it.
    allow_silence : bool, default=False
        If True, accept a waveform whose values are all the same.

    Returns
    -------
    waveform : ndarray of shape (n_times,), float32

    Raises
    ------
    RecordingError
        If it is not one-dimensional and numeric, or is empty or silent (all values are
        the same), or holds NaN, infinite or extremely large values.

    Examples
    --------
    >>> from skheart.audio import check_waveform
    >>> check_waveform([0, 1, -1])
    array([ 0.,  1., -1.], dtype=float32)
    """
    expected = f"{name} must be a one-dimensional array of real numbers"
    try:
        array = np.asarray(waveform)
    except ValueError:
        raise RecordingError(f"{expected}, got rows of unequal length.") from None
    if array.ndim != 1 or array.dtype.kind not in "fiu":
        hint = ""
        if array.ndim == 2:
            hint = "; if its columns are channels, pass waveform.mean(axis=1)"
        raise RecordingError(
            f"{expected}, got shape {array.shape} and dtype {array.dtype}{hint}."
        )
    if len(array) == 0:
        raise RecordingError(f"{name} holds no sound: its length is zero.")
    with np.errstate(over="ignore", invalid="ignore"):
        array = array.astype(np.float32, copy=False)
        energy = np.dot(array, array)  # not finite if a value is not
    if not np.isfinite(energy):
        raise RecordingError(
            f"{name} holds NaN or infinite values, or values too large to be squared; "
            "repair or leave out the recording."
        )
    if not allow_silence and is_silent(array):
        raise RecordingError(
            f"{name} is silent: all of its {len(array)} values are {array[0] + 0:g}; "
            "check the stethoscope or leave out the recording."
        )
    return array


def is_silent(array: np.ndarray) -> bool:
    """Return whether all values of a waveform are the same."""
    # The first values of most recordings already differ.
    return all(np.ptp(part) <= _SMALLEST for part in (array[:100], array))


def full_scale(array: np.ndarray) -> np.ndarray:
    """Return integers of 8 to 32 bits as -1 to 1, as sound files store them."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize > 4:
        return array
    half = 2.0 ** (8 * array.dtype.itemsize - 1)
    return (array - (half if array.dtype.kind == "u" else 0.0)) / half


def resample(
    waveform: np.ndarray, input_sample_rate: float, sample_rate: float
) -> np.ndarray:
    """Resample a waveform with soxr's high-quality band-limited filter.

    Parameters
    ----------
    waveform : ndarray of shape (n_times,), float32
    input_sample_rate, sample_rate : float
        Rates before and after, in Hz.

    Returns
    -------
    waveform : ndarray, float32
        At `sample_rate`, with at least one value.

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.audio import resample
    >>> tone = np.sin(2 * np.pi * 50 * np.arange(8000) / 4000).astype(np.float32)
    >>> resample(tone, 4000, 2000).shape
    (4000,)
    """
    if input_sample_rate == sample_rate:
        return waveform
    resampled = soxr.resample(waveform, input_sample_rate, sample_rate, quality="HQ")
    return resampled if len(resampled) else waveform[:1]
