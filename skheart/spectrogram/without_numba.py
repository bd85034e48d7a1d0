"""The functions of `kernels` in numpy, for an installation without numba."""

from __future__ import annotations

import numpy as np

_BLOCK = 512  # frames at a time, so that memory does not grow with the recording


def standardize(values: np.ndarray, least: np.float32) -> None:
    """Subtract the mean, and divide by the deviation if it is above `least`; in place.

    The values are float32.
    """
    values -= np.float32(values.mean(dtype=np.float64))
    deviation = np.float32(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    if deviation > least:
        values /= deviation


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

    See the function of this name in `kernels`.
    """
    n_frames, n_half = bands.shape[1], cosines.shape[1]
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_window)[::n_hop]
    for begin in range(0, n_frames, _BLOCK):
        part = frames[begin : min(begin + _BLOCK, n_frames)]
        later, earlier = part[:, n_window - n_half :], part[:, n_half:0:-1]
        real = cosines @ (later + earlier).T
        imaginary = sines @ (later - earlier).T
        bands[:, begin : begin + _BLOCK] = filters @ (real**2 + imaginary**2)
    np.maximum(bands, amin, out=bands)
