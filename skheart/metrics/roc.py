"""The ROC curve with a band over patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_curve
from sklearn.utils import check_random_state

_N_POINTS = 201


class RocBand(NamedTuple):
    """A ROC curve at equally spaced false positive rates, with its band.

    Attributes
    ----------
    false_positive_rate : ndarray of shape (n_points,)
        1 - specificity, from 0 to 1.
    sensitivity : ndarray of shape (n_points,)
    low, high : ndarray of shape (n_points,)
        Ends of the band, at each point by itself.
    """

    false_positive_rate: np.ndarray
    sensitivity: np.ndarray
    low: np.ndarray
    high: np.ndarray


def roc_band(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 500,
    random_state: int | np.random.RandomState | None = None,
) -> RocBand:
    """Compute the ROC curve, and its band by bootstrap over patients.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_recordings,)
        Which recordings are positive.
    y_score : array-like of shape (n_recordings,)
        Scores that rise with the positive class.
    groups : array-like of shape (n_recordings,), default=None
        The patient of each recording. By default each recording is a patient.
    confidence : float, default=0.95
        Share of resampled curves inside the band, at each false positive rate.
    n_resamples : int, default=500
        Number of resamples of patients; those with one class only are ignored.
    random_state : int, RandomState or None, default=None
        Seed of the resamples.

    Returns
    -------
    band : RocBand
        Named tuple ``(false_positive_rate, sensitivity, low, high)``.

    Examples
    --------
    >>> from skheart.metrics import roc_band
    >>> band = roc_band([True, False] * 20, [0.8, 0.2] * 20, random_state=0)
    >>> float(band.sensitivity[1]), float(band.low[1])
    (1.0, 1.0)
    """
    positive = np.asarray(y_true, dtype=bool)
    scores = np.asarray(y_score, dtype=float)
    places = np.linspace(0, 1, _N_POINTS)

    def curve(weight: np.ndarray | None = None) -> np.ndarray:
        false, true, _ = roc_curve(positive, scores, sample_weight=weight)
        return np.interp(places, false, true)

    patients = np.arange(len(scores)) if groups is None else np.asarray(groups)
    patient = np.unique(patients, return_inverse=True)[1]
    n_patients = patient.max() + 1
    rng = check_random_state(random_state)
    curves = []
    for _ in range(n_resamples):
        drawn = rng.randint(n_patients, size=n_patients)
        weight = np.bincount(drawn, minlength=n_patients)[patient]
        if weight[positive].any() and weight[~positive].any():
            curves.append(curve(weight))
    tail = (1 - confidence) / 2
    low, high = np.quantile(curves, [tail, 1 - tail], axis=0)
    return RocBand(places, curve(), low, high)
