"""Area under the receiver operating characteristic."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from skheart._core.checks import check_option
from skheart.metrics.positive_classes import positive_class
from skheart.metrics.validation import (
    check_labels,
    check_same_length,
    check_sample_weight,
    check_scores,
    encode,
    label_list,
    sorted_labels,
    warn_undefined,
)


def auroc_score(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    labels: ArrayLike | None = None,
    average: str | None = "macro",
    sample_weight: ArrayLike | None = None,
) -> float | np.ndarray:
    """Compute the area under the receiver operating characteristic curve (AUROC).

    For two classes it is the probability that a positive recording has a higher score
    than a negative one, ties counting one half. For more classes it is the mean of the
    areas of each class against the rest.

    Parameters
    ----------
    y_true : array-like of shape (n_recordings,)
        Labels of any one kind.
    y_score : array-like of shape (n_recordings,) or (n_recordings, n_classes)
        Probabilities, logits or any other scores that increase with the evidence for a
        class. With two classes, scores of the positive class, or two columns of which
        the second is read. With more, one column for each class.
    labels : array-like of shape (n_classes,), default=None
        The classes in the order of the columns, like `classes_` of an estimator; of two
        classes the second is the positive one. By default the labels found in `y_true`,
        sorted; for one-dimensional scores of two classes, the positive class is that of
        :func:`sensitivity_score`.
    average : {"macro", "weighted"} or None, default="macro"
        With three or more classes: the plain mean over classes, the mean weighted by
        how many recordings each has, or None for the area of each class.
    sample_weight : array-like of shape (n_recordings,), default=None
        How much each recording counts; not negative.

    Returns
    -------
    auroc : float or ndarray of shape (n_classes,)
        Between 0 and 1; 0.5 is what scores without information give on average. NaN
        where it is undefined. An array only for three or more classes with
        ``average=None``; it is NaN at the classes that `y_true` lacks.

    Raises
    ------
    ValueError
        If lengths, the number of columns or labels do not fit each other, or a score
        is NaN.

    Warns
    -----
    UndefinedMetricWarning
        If `y_true` (where the weight is not zero) has one class only.

    See Also
    --------
    auroc_scorer : The same for ``scoring=`` in model selection.
    auroc_confidence_interval : How far the figure could be off.

    Notes
    -----
    Classes of `labels` that are absent from `y_true` have no area and are left out of
    the average, provided two are present; :func:`sklearn.metrics.roc_auc_score`
    raises there. Averages over different sets of classes are not comparable.

    The AUROC judges the order of the scores only. It is *not* an accuracy and says
    nothing about any threshold, about calibration, or about the share of the positive
    answers that are right, which in screening may be small at an AUROC of 0.95.
    Recordings of one patient are not independent: see :func:`pool_by_group`.

    References
    ----------
    Hanley, J. A. and McNeil, B. J. "The meaning and use of the area under a receiver
    operating characteristic (ROC) curve." Radiology 143(1), 1982.
    doi:10.1148/radiology.143.1.7063747

    Examples
    --------
    >>> from skheart.metrics import auroc_score
    >>> y_true = ["Absent", "Absent", "Present", "Present"]
    >>> auroc_score(y_true, [0.1, 0.4, 0.35, 0.8])
    0.75

    Three classes of which one does not occur; its column is left out:

    >>> y_score = [[0.7, 0.2, 0.1], [0.5, 0.2, 0.3], [0.2, 0.1, 0.7], [0.1, 0.3, 0.6]]
    >>> auroc_score(y_true, y_score, labels=["Absent", "Unknown", "Present"])
    1.0
    """
    check_option("average", average, ("macro", "weighted", None))
    y_true = check_labels("y_true", y_true)
    y_score = check_scores("y_score", y_score)
    check_same_length(y_true=y_true, y_score=y_score)
    weight = check_sample_weight(sample_weight, len(y_true))
    classes = classes_of(y_true, y_score, labels)
    codes = encode("y_true", y_true, classes)

    class_weight = np.bincount(codes, weights=weight, minlength=len(classes))
    present = class_weight > 0
    if present.sum() < 2:
        came = f"only {label_list(classes[present])}" if present.any() else "none"
        warn_undefined(
            f"AUROC needs recordings of two classes in y_true, got {came}; "
            "the score is NaN."
        )
        binary = len(classes) < 3 or average is not None
        return np.nan if binary else np.full(len(classes), np.nan)

    areas = class_areas(codes, y_score, classes, weight)[:, 0]
    if len(areas) == 1:
        return float(areas[0])
    if average is None:
        return areas
    shares = present if average == "macro" else class_weight
    return float(np.average(areas[present], weights=shares[present]))


def classes_of(
    y_true: np.ndarray, y_score: np.ndarray, labels: ArrayLike | None
) -> np.ndarray:
    """Return the classes of the columns; of two, the positive one is the second."""
    if labels is not None:
        classes = np.asarray(labels)
        if classes.ndim != 1 or not 2 <= len(classes) == len(set(classes.tolist())):
            raise ValueError(
                "labels must be two or more different labels in the order of the "
                f"columns of y_score, got {labels!r}."
            )
        return classes
    classes = sorted_labels("y_true", y_true)
    if y_score.ndim == 1 and len(classes) == 2:
        positive = positive_class(classes, name="labels")
        return classes if classes.tolist()[1] == positive else classes[::-1]
    return classes


def class_areas(
    codes: np.ndarray, y_score: np.ndarray, classes: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Return the area of each class against the rest, or the one of two classes.

    `weight` has shape (n_recordings,) or (n_draws, n_recordings); the areas have shape
    (n_classes, n_draws), or (1, n_draws) of two classes.
    """
    n_classes, columns = len(classes), y_score.shape[1:]
    if columns != (n_classes,) and (n_classes, columns) != (2, ()):
        expected = f"({len(codes)}, {n_classes})"
        if n_classes == 2:
            expected = f"({len(codes)},) or {expected}"
        raise ValueError(
            f"y_score must have shape {expected} for the classes "
            f"{label_list(classes)}, got {y_score.shape}; labels= names the columns."
        )
    weight = np.atleast_2d(weight)
    if n_classes == 2:
        score = y_score if y_score.ndim == 1 else y_score[:, 1]
        return np.array([_area(codes == 1, score, weight)])
    return np.array(
        [_area(codes == c, y_score[:, c], weight) for c in range(n_classes)]
    )


def _area(positive: np.ndarray, score: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the area under the curve for each row of `weight`, NaN if undefined.

    The share of (positive, negative) pairs in the right order, ties one half: for each
    distinct score, the positives there times the negatives below it.
    """
    order = np.argsort(score, kind="stable")
    score, positive, weight = score[order], positive[order], weight[:, order]
    starts = np.flatnonzero(np.concatenate(([True], score[1:] != score[:-1])))
    positives = np.add.reduceat(weight * positive, starts, axis=1)
    negatives = np.add.reduceat(weight * ~positive, starts, axis=1)
    up_to = np.cumsum(negatives, axis=1)
    wins = (positives * (up_to - negatives / 2)).sum(axis=1)
    pairs = positives.sum(axis=1) * up_to[:, -1]
    area = np.full(len(weight), np.nan)
    np.divide(wins, pairs, out=area, where=pairs > 0)
    return np.minimum(area, 1.0)  # sums of fractional weights may round above 1
