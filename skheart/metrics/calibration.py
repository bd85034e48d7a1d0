"""How well probabilities agree with what happens."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skheart._core.checks import check_number
from skheart.metrics.positive_classes import positive_class
from skheart.metrics.thresholds import proportion_interval
from skheart.metrics.validation import (
    check_labels,
    check_same_length,
    check_scores,
    sorted_labels,
)


def at_prevalence(
    y_prob: ArrayLike, prevalence: float, *, measured: float = 0.5
) -> np.ndarray:
    """Convert probabilities to those at another prevalence, by Bayes' rule.

    The models of the package give probabilities for classes that are equally common.
    Where a tenth of the patients have a murmur, the same sound is less likely one.

    Parameters
    ----------
    y_prob : float or array-like
        Probability of the positive class.
    prevalence : float
        Share of positive recordings (or patients) where the answer is used.
    measured : float, default=0.5
        The same where the probabilities hold.

    Returns
    -------
    y_prob : ndarray of the same shape

    Raises
    ------
    ValueError
        If a probability is not between 0 and 1, or a prevalence is not within them.

    Notes
    -----
    The odds are multiplied by the ratio of the odds of both prevalences. This holds if
    positive recordings sound alike in both places, and negative ones too.

    Examples
    --------
    >>> from skheart.metrics import at_prevalence
    >>> at_prevalence([0.5, 0.9], 0.1).round(3).tolist()
    [0.1, 0.5]
    """
    check_number("prevalence", prevalence, high=1, closed="neither")
    check_number("measured", measured, high=1, closed="neither")
    y_prob = np.asarray(y_prob, dtype=float)
    if not ((y_prob >= 0) & (y_prob <= 1)).all():
        raise ValueError("y_prob must be between 0 and 1.")
    up = prevalence / measured
    down = (1 - prevalence) / (1 - measured)
    return y_prob * up / (y_prob * up + (1 - y_prob) * down)


def calibration_bins(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    *,
    pos_label: Any = None,
    n_bins: int = 10,
) -> list[dict[str, float]]:
    """Compare probabilities with shares, in bins of equally many.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels, of recordings or of patients.
    y_prob : array-like of shape (n,)
        Probability of the positive class.
    pos_label : label, default=None
        The positive class, as in :func:`sensitivity_score`.
    n_bins : int, default=10
        Maximum number of bins.

    Returns
    -------
    bins : list of dict
        By rising probability: ``n``, the mean ``probability``, the ``share`` that is
        positive, and ``low`` and ``high``, the 95 % Wilson interval of the share.

    Raises
    ------
    ValueError
        If lengths differ or a probability is not between 0 and 1.

    Examples
    --------
    >>> from skheart.metrics import calibration_bins
    >>> bins = calibration_bins([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.9], n_bins=2)
    >>> [(one["n"], one["probability"], one["share"]) for one in bins]
    [(2, 0.2, 0.0), (2, 0.8, 1.0)]
    """
    positive, y_prob = _checked(y_true, y_prob, pos_label, n_bins)
    order = np.argsort(y_prob, kind="stable")
    bins = []
    for rows in np.array_split(order, min(n_bins, len(order))):
        share = proportion_interval(float(positive[rows].sum()), len(rows))
        bins.append(
            {
                "n": len(rows),
                "probability": float(y_prob[rows].mean()),
                "share": share.value,
                "low": share.low,
                "high": share.high,
            }
        )
    return bins


def expected_calibration_error(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    *,
    pos_label: Any = None,
    n_bins: int = 10,
) -> float:
    """Compute the mean difference between probabilities and shares, over bins.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels, of recordings or of patients.
    y_prob : array-like of shape (n,)
        Probability of the positive class.
    pos_label : label, default=None
        The positive class, as in :func:`sensitivity_score`.
    n_bins : int, default=10
        Maximum number of bins, which have equally many members.

    Returns
    -------
    error : float
        Between 0 and 1; 0 is best. It is *not* a measure of how well the classes are
        separated, and it is never 0 for a small sample, by chance alone.

    Raises
    ------
    ValueError
        If lengths differ or a probability is not between 0 and 1.

    References
    ----------
    Nixon, J. et al. "Measuring calibration in deep learning." CVPR Workshops, 2019.
    arXiv:1904.01685

    Examples
    --------
    >>> from skheart.metrics import expected_calibration_error
    >>> round(expected_calibration_error([0, 0, 1, 1], [0.2, 0.2, 0.8, 0.8]), 3)
    0.2
    """
    bins = calibration_bins(y_true, y_prob, pos_label=pos_label, n_bins=n_bins)
    gaps = [abs(one["probability"] - one["share"]) for one in bins]
    return float(np.average(gaps, weights=[one["n"] for one in bins]))


def _checked(
    y_true: ArrayLike, y_prob: ArrayLike, pos_label: Any, n_bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which are positive, and their probabilities."""
    check_number("n_bins", n_bins, integer=True)
    y_true = check_labels("y_true", y_true)
    y_prob = check_scores("y_prob", y_prob)
    check_same_length(y_true=y_true, y_prob=y_prob)
    if y_prob.ndim != 1 or y_prob.min() < 0 or y_prob.max() > 1:
        raise ValueError("y_prob must be one probability, from 0 to 1, for each label.")
    labels = sorted_labels("y_true", y_true)
    if len(labels) == 1 and pos_label is None:
        raise ValueError("pos_label must be given if y_true has one class only.")
    if len(labels) > 1 or pos_label in labels.tolist():
        pos_label = positive_class(labels, pos_label)
    return y_true == pos_label, y_prob
