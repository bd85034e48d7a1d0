"""Sensitivity and specificity."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skheart._core.checks import check_option
from skheart.metrics.validation import (
    HEALTHY_WORDS,
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
    """Share of the positive recordings that are called positive.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_recordings,)
        True and predicted labels.
    pos_label : label, default=None
        The positive label, usually the disease; all others are negative. By default
        the second of two labels in sorted order, which is right for ``"Absent"`` and
        ``"Present"`` and the wrong way round for ``"murmur"`` and ``"normal"``: where
        the second is a word for a healthy heart, a warning says so.
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
        If the lengths differ, `pos_label` is none of the labels, or there are three or
        more labels and neither `pos_label` nor another `average` is given.

    Warns
    -----
    UndefinedMetricWarning
        If no recording is positive; the score is then NaN.
    UserWarning
        If by default a word for a healthy heart is the positive label.

    See Also
    --------
    specificity_score : The same for the negative recordings.

    Notes
    -----
    It is *not* the chance that a positive answer is right (that is the positive
    predictive value, which depends on how frequent the disease is), and alone it
    means little: calling every recording positive has a sensitivity of 1.

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
    """Share of the negative recordings that are not called positive.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_recordings,)
        True and predicted labels.
    pos_label : label, default=None
        The positive label, as in :func:`sensitivity_score`; all others are negative.
    average : {"binary", "macro"} or None, default="binary"
        ``"binary"`` scores `pos_label`; ``"macro"`` averages the scores of every label
        against the rest; None returns them, for the sorted labels of both arrays.
    sample_weight : array-like of shape (n_recordings,), default=None
        How much each recording counts; not negative.

    Returns
    -------
    specificity : float or ndarray of shape (n_classes,)
        Between 0 and 1, or NaN where no recording is negative. Such labels are left
        out of the macro average. An array only with ``average=None``.

    Raises
    ------
    ValueError
        As :func:`sensitivity_score`.

    Warns
    -----
    UndefinedMetricWarning
        If no recording is negative; the score is then NaN.
    UserWarning
        If by default a word for a healthy heart is the positive label.

    See Also
    --------
    sensitivity_score : The same for the positive recordings.

    Notes
    -----
    It is *not* the chance that a negative answer is right, and alone it means little:
    calling no recording positive has a specificity of 1. With three or more classes a
    negative recording that is called another wrong negative label counts as right.

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
                f"{quantity} cannot tell which label is positive where only "
                f"{label_list(labels)} occurs; pass pos_label, the score is NaN.",
                stacklevel=4,
            )
            return np.nan
        wanted = [_positive_code(quantity, labels, pos_label)]
    elif pos_label is not None:
        raise ValueError(
            f"pos_label must be None with average={average!r}, got {pos_label!r}."
        )
    else:
        wanted = range(len(labels))

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


def _positive_code(quantity: str, labels: np.ndarray, pos_label: Any) -> int:
    """Return the index of the positive label, -1 if it is absent."""
    names = labels.tolist()
    if pos_label is not None:
        if pos_label in names:
            return names.index(pos_label)
        if len(names) == 1:
            return -1
        raise ValueError(
            f"pos_label must be one of {label_list(labels)}, got {pos_label!r}."
        )
    if len(names) > 2:
        raise ValueError(
            "pos_label must be given for more than two labels, or average='macro', "
            f"got the labels {label_list(labels)}."
        )
    if str(names[1]).lower() in HEALTHY_WORDS:
        warnings.warn(
            f"pos_label is not given, so {quantity} takes {names[1]!r}, the second of "
            f"{label_list(labels)}, as positive; pass pos_label={names[0]!r} if that "
            "is the disease.",
            UserWarning,
            stacklevel=4,
        )
    return 1
