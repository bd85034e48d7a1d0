"""The part of a spectrogram that is compiled: it does not hold the interpreter's lock.

A recording takes a quarter of a millisecond. As thirty calls to numpy, each of which
releases the lock and acquires it again, two threads are no faster than one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skheart.spectrogram import without_numba

try:
    import numba
except ModuleNotFoundError:  # requirements/inference.txt is without it
    numba = None

# Sums in any order, so that several values are computed at a time.
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"arcp", "contract", "nsz", "reassoc"},
}
_BLOCK = 512  # frames at a time, so that intermediate values stay in the CPU's cache


class Compiled:
    """A function compiled at its first call, with the machine code kept on disk.

    Without numba, `plain` is called, a slower function with the same results. By
    default, that is the function itself.
    """

    def __init__(
        self, function: Callable[..., Any], *, plain: Callable[..., Any] | None = None
    ) -> None:
        self._function = function
        if numba is None:
            self._call = plain or function
            return
        try:
            self._call = numba.njit(cache=True, **_OPTIONS)(function)
        except RuntimeError:  # there is no folder that can be written
            self._call = numba.njit(**_OPTIONS)(function)

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._call(*arguments)
        except OSError:  # the disk is full
            self._call = numba.njit(**_OPTIONS)(self._function)
            return self._call(*arguments)


@partial(Compiled, plain=without_numba.standardize)
def standardize(values: np.ndarray, least: np.float32) -> None:
    """Subtract the mean, and divide by the deviation if it is above `least`; in place.

    The values are float32 and contiguous.
    """
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


@partial(Compiled, plain=without_numba.band_power)
def band_power(
    bands: np.ndarray,
    padded: np.ndarray,
    n_window: int,
    n_hop: int,
    cosines: np.ndarray,
    sines: np.ndarray,
    filters: np.ndarray,
    amin: np.float32,
) -> None:
    """Compute the power in bands, at least `amin`, and write it to `bands`.

    A frame is the sum of two, one symmetric about its middle and one antisymmetric. The
    real part of its Fourier transform is that of the first, the imaginary part that of
    the second, and half of each determines the other half. The transform is therefore
    two products of matrices, which contain the taper as well.

    All arrays are float32: `bands` is (n_bands, n_frames) and contiguous, `padded` the
    waveform with zeros before and after, `cosines` and `sines` (n_bins, n_window // 2),
    `filters` (n_bands, n_bins).
    """
    (n_bands, n_frames), (n_bins, n_half) = bands.shape, cosines.shape
    n_block = min(_BLOCK, n_frames)
    sums = np.empty((n_block, n_half), dtype=np.float32)
    differences = np.empty_like(sums)
    power = np.empty((n_bins, n_block), dtype=np.float32)
    imaginary = np.empty_like(power)
    for begin in range(0, n_frames, n_block):
        n_these = min(n_block, n_frames - begin)
        for frame in range(n_these):
            start = (begin + frame) * n_hop
            later = padded[start + n_window - n_half : start + n_window]
            earlier = padded[start + 1 : start + 1 + n_half]
            for step in range(n_half):
                one, other = later[step], earlier[n_half - 1 - step]
                sums[frame, step] = one + other
                differences[frame, step] = one - other
        # In a last block that is shorter, the rest is computed but not used.
        np.dot(cosines, sums.T, power)
        np.dot(sines, differences.T, imaginary)
        power *= power
        imaginary *= imaginary
        power += imaginary
        for band in range(n_bands):
            target = bands[band, begin : begin + n_these]
            target[:] = np.float32(0)
            for number in range(n_bins):
                weight, source = filters[band, number], power[number]
                if weight != 0:  # few are not
                    for frame in range(n_these):
                        target[frame] += weight * source[frame]
            for frame in range(n_these):
                if target[frame] < amin:  # not if it is NaN
                    target[frame] = amin
