"""Vary training batches: gains over the bands, masked bands and masked frames."""

from __future__ import annotations

import numpy as np


def augment(X: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Vary a batch: a smooth gain over the bands, masked bands and masked frames.

    At strength 1 the gain has a standard deviation of half the spectrogram's, and up to
    a sixth of the bands and two times a tenth of the frames become the mean. The array
    is changed in place.
    """
    n, n_bands, n_frames, _ = X.shape
    knots = random.normal(0, 0.5 * strength, (n, 5))
    place = np.linspace(0, 4, n_bands)
    left = np.minimum(place.astype(int), 3)
    share = place - left
    gain = knots[:, left] * (1 - share) + knots[:, left + 1] * share
    deviation = X.std(axis=(1, 2, 3), keepdims=True)
    mean = X.mean(axis=(1, 2, 3))
    X += (gain[:, :, np.newaxis, np.newaxis] * deviation).astype(X.dtype)
    for _ in range(2):
        _mask(np.swapaxes(X, 1, 2), mean, 0.1 * strength * n_frames, random)
    _mask(X, mean, strength * n_bands / 6, random)
    return X


def _mask(
    X: np.ndarray, mean: np.ndarray, widest: float, random: np.random.Generator
) -> None:
    """Set a random stretch of axis 1 of each spectrogram to its mean."""
    widths = random.integers(0, int(min(widest, X.shape[1] - 1)) + 1, len(X))
    starts = random.integers(0, X.shape[1] - widths + 1)
    for spectrogram, start, width, value in zip(X, starts, widths, mean, strict=True):
        spectrogram[start : start + width] = value
