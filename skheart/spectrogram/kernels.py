"""The spectrogram as one compiled call that holds no lock of the interpreter.

A recording takes a third of a millisecond. Made of thirty calls to numpy, each of
which gives the interpreter's lock back and takes it again, two threads are no faster
than one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# Sums in any order, so that they are computed several values at a time.
_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"arcp", "contract", "nsz", "reassoc"},
}
_ROOT_2 = np.float32(np.sqrt(2.0))
_DECIBELS = np.float32(10 / np.log(10))
_LOG_2 = np.float32(np.log(2.0))
# log(1 + x) = x - x**2 / 2 + x**3 * p(x) for 1 + x between the roots of 1/2 and 2, to
# the last digit of single precision: Chebyshev's points, highest power first.
_POINTS = np.cos(np.pi * (np.arange(64) + 0.5) / 64)
_POINTS = (1 / np.sqrt(2) - 1) + (np.sqrt(2) - 1 / np.sqrt(2)) * (_POINTS + 1) / 2
_LOG = np.polyfit(
    _POINTS,
    (np.log1p(_POINTS) - _POINTS + _POINTS**2 / 2) / _POINTS**3,
    6,
    w=np.abs(_POINTS) ** 3 + 1e-4,
).astype(np.float32)


_inner = numba.njit(**_OPTIONS)


class _Compiled:
    """A function compiled at its first call; other processes find the machine code."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        try:
            self._call = numba.njit(cache=True, **_OPTIONS)(function)
        except RuntimeError:  # there is no folder for it
            self._call = numba.njit(**_OPTIONS)(function)

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._call(*arguments)
        except OSError:  # it cannot be written: a full disk
            self._call = numba.njit(**_OPTIONS)(self._function)
            return self._call(*arguments)


@_inner
def _standardize(values: np.ndarray, least: np.float32) -> Any:
    """Take the mean, and divide by the deviation above `least`, which is given."""
    total = 0.0
    for place in range(values.size):
        total += values[place]
    mean = np.float32(total / values.size)
    squares = 0.0
    for place in range(values.size):
        value = values[place] - mean
        values[place] = value
        squares += np.float64(value) * np.float64(value)
    deviation = np.float32(np.sqrt(squares / values.size))
    if deviation > least:
        for place in range(values.size):
            values[place] /= deviation
    return deviation


@_inner
def _to_decibels(power: np.ndarray, amin: np.float32) -> None:
    """Replace power by decibels."""
    for place in range(power.size):
        if power[place] < amin:  # not of NaN, which stays
            power[place] = amin
    bits = power.view(np.int32)
    for place in range(power.size):
        # A number is 2**exponent times one between 1 and 2, or the halves of these.
        given, written = power[place], bits[place]
        exponent = np.float32((written >> 23) - 127)
        bits[place] = (written & 0x007FFFFF) | 0x3F800000
        value = power[place]
        upper = value > _ROOT_2
        value = value * np.float32(0.5) if upper else value
        exponent = exponent + np.float32(1) if upper else exponent
        x = value - np.float32(1)
        p = _LOG[0]
        p = p * x + _LOG[1]
        p = p * x + _LOG[2]
        p = p * x + _LOG[3]
        p = p * x + _LOG[4]
        p = p * x + _LOG[5]
        p = p * x + _LOG[6]
        log = x - np.float32(0.5) * x * x + x * x * x * p + exponent * _LOG_2
        # 0x7F800000 and above, and below 0: infinite, and NaN of either sign.
        finite = (written < 0x7F800000) & (written >= 0)
        power[place] = log * _DECIBELS if finite else given


@_Compiled
def spectrogram(
    decibels: np.ndarray,
    waveform: np.ndarray,
    normalize: int,
    least: np.float32,
    padded: np.ndarray,
    lead: int,
    n_hop: int,
    cosines: np.ndarray,
    sines: np.ndarray,
    n_window: int,
    first: np.ndarray,
    places: np.ndarray,
    weights: np.ndarray,
    amin: np.float32,
    sums: np.ndarray,
    differences: np.ndarray,
    power: np.ndarray,
    imaginary: np.ndarray,
) -> Any:
    """Compute decibels in bands.

    A frame is the sum of two, one symmetric about its middle and one antisymmetric, and
    stays so under the taper. The real part of its Fourier transform is that of the
    first, the imaginary part that of the second, and half of each frame says all: the
    transform is two products of matrices, with the taper in them.

    Parameters
    ----------
    decibels : ndarray of shape (n_bands, n_frames)
        The result; contiguous.
    waveform : ndarray of shape (n_times,)
    normalize : {0, 1, 2}
        0 leaves all as it is. 1 and 2 standardise the waveform, and the spectrogram as
        a whole (1) or band by band (2).
    least : float32
        Deviation in dB up to which a spectrogram is not divided by it.
    padded : ndarray
        Room for the waveform with zeros before and after.
    lead : int
        Zeros before the waveform.
    n_hop, n_window : int
    cosines, sines : ndarray of shape (n_bins, n_window // 2)
    first : ndarray of shape (n_bands + 1,)
        Where the weights of each band begin, and those of the last end.
    places, weights : ndarray
        The frequencies that a band sums up, and their weights.
    amin : float32
        The smallest power.
    sums, differences : ndarray of shape (n_block, n_window // 2)
        Room for as many frames at a time.
    power, imaginary : ndarray of shape (n_bins, n_block)
        The same.

    Returns
    -------
    deviation : float32
        Of the waveform; 1 where it is left as it is.
    """
    n_times, (n_bands, n_frames) = waveform.size, decibels.shape
    n_block, n_half = sums.shape
    middle = n_window - n_half
    padded[:lead] = np.float32(0)
    padded[lead + n_times :] = np.float32(0)
    inside = padded[lead : lead + n_times]
    inside[:] = waveform
    deviation = np.float32(1)
    if normalize:
        deviation = _standardize(inside, np.float32(0))
    for begin in range(0, n_frames, n_block):
        n_these = min(n_block, n_frames - begin)
        for frame in range(n_these):
            start = (begin + frame) * n_hop
            later = padded[start + middle : start + n_window]
            # From the middle backwards.
            earlier = padded[start + n_window - middle - n_half + 1 :]
            one_sum, one_difference = sums[frame], differences[frame]
            for step in range(n_half):
                one, other = later[step], earlier[n_half - 1 - step]
                one_sum[step] = one + other
                one_difference[step] = one - other
        # Of a last block that is shorter, the rest is computed in vain.
        np.dot(cosines, sums.T, power)
        np.dot(sines, differences.T, imaginary)
        for row in range(power.shape[0]):
            real, other = power[row], imaginary[row]
            for frame in range(n_these):
                real[frame] = real[frame] * real[frame] + other[frame] * other[frame]
        for band in range(n_bands):
            target = decibels[band, begin : begin + n_these]
            target[:] = np.float32(0)
            for entry in range(first[band], first[band + 1]):
                weight, source = weights[entry], power[places[entry]]
                for frame in range(n_these):
                    target[frame] += weight * source[frame]
    flat = decibels.reshape(-1)
    _to_decibels(flat, amin)
    if normalize == 1:
        _standardize(flat, least)
    elif normalize == 2:
        for band in range(n_bands):
            _standardize(decibels[band], least)
    return deviation


@_Compiled
def standardize(values: np.ndarray, least: np.float32) -> Any:
    """Take the mean, and divide by the deviation where it is above `least`; in place.

    Parameters
    ----------
    values : ndarray of shape (n,), float32
        Contiguous.
    least : float32

    Returns
    -------
    deviation : float32
    """
    return _standardize(values, least)
