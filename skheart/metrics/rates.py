"""Sensitivity and specificity."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skheart._core.checks import check_option
from skheart.metrics.positive_classes import positive_class
from skheart.metrics.validation import (
    check_labels,
    check_same_length,
    check_sample_weight,
    encode,
    label_list,
    sorted_labels,
    warn_undefined,
)


def sensitivity_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    pos_label: Any = None,
    average: str | None = "binary",
    sample_weight: ArrayLike | None = None,
) -> float | np.ndarray:
    """Compute the share of the positive recordings that are predicted positive.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_recordings,)
        True and predicted labels.
    pos_label : label, default=None
        The positive class; all other labels are negative. By default, of two labels,
        the one that is not a word for a healthy heart (absent, healthy, negative,
        normal), and of two numbers the larger one.
    average : {"binary", "macro"} or None, default="binary"
        ``"binary"`` scores `pos_label`; ``"macro"`` averages the scores of every label
        against the rest; None returns them, for the sorted labels of both arrays.
    sample_weight : array-like of shape (n_recordings,), default=None
        How much each recording counts; not negative.

    Returns
    -------
    sensitivity : float or ndarray of shape (n_classes,)
        Between 0 and 1, or NaN where no recording is positive. Such labels are left
        out of the macro average. An array only with ``average=None``.

    Raises
    ------
    ValueError
        If the lengths differ, `pos_label` is none of the labels, or neither it nor
        another `average` is given and the positive class does not follow from the
        labels.

    Warns
    -----
    UndefinedMetricWarning
        If no recording is positive; the score is then NaN.

    See Also
    --------
    specificity_score : The same for the negative recordings.

    Notes
    -----
    It is *not* the probability that a positive prediction is right (that is the
    positive predictive value, which depends on the prevalence of the disease), and
    alone it means little: predicting every recording positive gives 1.

    Examples
    --------
    >>> from skheart.metrics import sensitivity_score
    >>> y_true = ["murmur", "murmur", "murmur", "murmur", "normal", "normal"]
    >>> y_pred = ["murmur", "murmur", "murmur", "normal", "normal", "murmur"]
    >>> sensitivity_score(y_true, y_pred, pos_label="murmur")
    0.75
    """
    return _rate("sensitivity", y_true, y_pred, pos_label, average, sample_weight)


def specificity_score(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    pos_label: Any = None,
    average: str | None = "binary",
    sample_weight: ArrayLike | None = None,
) -> float | np.ndarray:
    """Compute the share of the negative recordings that are predicted negative.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_recordings,)
        True and predicted labels.
    pos_label : label, default=None
        The positive class, as of :func:`sensitivity_score`; all others are negative.
    average : {"binary", "macro"} or None, default="binary"
        As of :func:`sensitivity_score`.
    sample_weight : array-like of shape (n_recordings,), default=None
        How much each recording counts; not negative.

    Returns
    -------
    specificity : float or ndarray of shape (n_classes,)
        Between 0 and 1, or NaN where no recording is negative.

    Raises
    ------
    ValueError
        As :func:`sensitivity_score`.

    Warns
    -----
    UndefinedMetricWarning
        If no recording is negative; the score is then NaN.

    See Also
    --------
    sensitivity_score : The same for the positive recordings.

    Notes
    -----
    It is *not* the probability that a negative prediction is right, and alone it means
    little: predicting every recording negative gives 1. With three or more classes a
    negative recording that is predicted as another negative class counts as right.

    Examples
    --------
    >>> from skheart.metrics import specificity_score
    >>> y_true = ["murmur", "murmur", "murmur", "murmur", "normal", "normal"]
    >>> y_pred = ["murmur", "murmur", "murmur", "normal", "normal", "murmur"]
    >>> specificity_score(y_true, y_pred, pos_label="murmur")
    0.5
    """
    return _rate("specificity", y_true, y_pred, pos_label, average, sample_weight)


def _rate(
    quantity: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    pos_label: Any,
    average: str | None,
    sample_weight: ArrayLike | None,
) -> float | np.ndarray:
    check_option("average", average, ("binary", "macro", None))
    y_true = check_labels("y_true", y_true)
    y_pred = check_labels("y_pred", y_pred)
    check_same_length(y_true=y_true, y_pred=y_pred)
    weight = check_sample_weight(sample_weight, len(y_true))
    labels = sorted_labels("y_true and y_pred", y_true, y_pred)
    truth = encode("y_true", y_true, labels)
    answer = encode("y_pred", y_pred, labels)
    if average == "binary":
        if pos_label is None and len(labels) == 1:
            warn_undefined(
                f"{quantity} needs pos_label where only {label_list(labels)} occurs; "
                "the score is NaN.",
                stacklevel=4,
            )
            return np.nan
        wanted = [_positive_code(labels, pos_label)]
    elif pos_label is not None:
        raise ValueError(
            f"pos_label must be None with average={average!r}, got {pos_label!r}."
        )
    else:
        wanted = list(range(len(labels)))

    rates = np.full(len(wanted), np.nan)
    for i, code in enumerate(wanted):
        asked = truth == code if quantity == "sensitivity" else truth != code
        total = weight[asked].sum()
        if total > 0:
            right = asked & ((truth == code) == (answer == code))
            rates[i] = weight[right].sum() / total
    defined = ~np.isnan(rates)
    if not defined.any():
        kind = "positive" if quantity == "sensitivity" else "negative"
        warn_undefined(
            f"{quantity} needs a {kind} recording in y_true, got only "
            f"{label_list(sorted_labels('y_true', y_true))}; the score is NaN.",
            stacklevel=4,
        )
    if average is None:
        return rates
    return float(rates[defined].mean()) if defined.any() else np.nan


def _positive_code(labels: np.ndarray, pos_label: Any) -> int:
    """Return the index of the positive class, -1 if no recording has it."""
    names = labels.tolist()
    if len(names) == 1 and pos_label not in (None, *names):
        return -1
    return names.index(positive_class(names, pos_label))
