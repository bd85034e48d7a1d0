"""Changes of a batch that imitate other stethoscopes and other rooms.

All functions change spectrograms of shape (n, n_bands, n_frames, 1) in place. Their
unit is the standard deviation of a recording's spectrogram.
"""

from __future__ import annotations

import numpy as np

DECIBELS = 11.0  # standard deviation of a spectrogram in dB, median of the corpora


def mix_styles(
    X: np.ndarray,
    place: np.ndarray,
    share: float,
    random: np.random.Generator,
    alpha: float = 0.3,
) -> None:
    """Mix mean and deviation of each band with those of a recording from elsewhere.

    This is Freq-MixStyle with partners of another database: a recording keeps its
    course over time, but partly takes over the other's distribution over frequency.

    Parameters
    ----------
    X : ndarray
    place : ndarray of shape (n,)
        Database of each recording.
    share : float
        Share of the recordings that are changed.
    random : numpy.random.Generator
    alpha : float
        Parameter of the beta distribution of the weights.

    References
    ----------
    .. [1] F. Schmid et al., "Efficient large-scale audio tagging via transformer-to-CNN
       knowledge distillation" and its entries to DCASE 2022 and 2023, arXiv 2305.07499.
    """
    mean = X.mean(axis=2, keepdims=True)
    deviation = X.std(axis=2, keepdims=True) + 1e-3
    for row in np.flatnonzero(random.random(len(X)) < share):
        elsewhere = np.flatnonzero(place != place[row])
        if not len(elsewhere):
            continue
        partner = random.choice(elsewhere)
        kept = random.beta(alpha, alpha)
        new_mean = kept * mean[row] + (1 - kept) * mean[partner]
        new_deviation = kept * deviation[row] + (1 - kept) * deviation[partner]
        X[row] = (X[row] - mean[row]) / deviation[row] * new_deviation + new_mean


def vary_response(
    X: np.ndarray,
    share: float,
    random: np.random.Generator,
    deviation: float = 7.0,
    n_knots: int = 5,
) -> None:
    """Add a smooth random gain over frequency, like the response of another device.

    `deviation` is that of the gains at the knots, in dB.
    """
    n_bands = X.shape[1]
    at = np.linspace(0, n_knots - 1, n_bands)
    for row in np.flatnonzero(random.random(len(X)) < share):
        gains = random.normal(0, deviation / DECIBELS, n_knots)
        gain = np.interp(at, np.arange(n_knots), gains)
        X[row] += gain[:, np.newaxis, np.newaxis].astype(X.dtype)


def add_noise(
    X: np.ndarray,
    share: float,
    random: np.random.Generator,
    lowest: float = 5.0,
    highest: float = 30.0,
) -> None:
    """Add steady coloured noise at a random signal-to-noise ratio, in dB.

    The power of the noise changes smoothly over frequency, and in each frame and band
    by chance, as that of real noise does.
    """
    _, n_bands, n_frames, _ = X.shape
    for row in np.flatnonzero(random.random(len(X)) < share):
        power = 10 ** (X[row, :, :, 0] * (DECIBELS / 10))
        slope = np.interp(
            np.linspace(0, 3, n_bands), np.arange(4), random.normal(0, 6, 4)
        )
        noise = 10 ** (slope[:, np.newaxis] / 10) * random.gamma(
            4, 0.25, (n_bands, n_frames)
        )
        ratio = 10 ** (random.uniform(lowest, highest) / 10)
        noise *= power.mean() / (noise.mean() * ratio)
        X[row, :, :, 0] = np.log10(power + noise) * (10 / DECIBELS)
        X[row] -= X[row].mean()
        X[row] /= X[row].std() + 1e-3
