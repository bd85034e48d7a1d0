"""Bootstrap interval of the AUROC over patients."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from skheart._core.checks import check_number
from skheart.metrics.auroc import auroc_score, class_areas, classes_of
from skheart.metrics.validation import (
    check_labels,
    check_same_length,
    check_scores,
    encode,
    sorted_labels,
)

_LARGEST_DRAW = 1_000_000  # entries of a weight matrix at once: 8 MB


class AUROCInterval(NamedTuple):
    """An AUROC and its confidence interval.

    Attributes
    ----------
    auroc : float
        The score of all recordings.
    low, high : float
        Ends of the interval.
    """

    auroc: float
    low: float
    high: float


def auroc_confidence_interval(
    y_true: ArrayLike,
    y_score: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    confidence: float = 0.95,
    n_resamples: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> AUROCInterval:
    """Percentile bootstrap interval of the AUROC, drawn over patients.

    Each resample draws as many patients as there are, with replacement and all of their
    recordings, and scores them. The interval lies between two percentiles of these.

    Parameters
    ----------
    y_true : array-like of shape (n_recordings,)
        Labels of any one kind.
    y_score : array-like of shape (n_recordings,) or (n_recordings, n_classes)
        Scores as for :func:`auroc_score`.
    groups : array-like of shape (n_recordings,), default=None
        The patient of each recording. By default every recording is a patient of its
        own; where patients have several the interval is then too narrow.
    labels : array-like of shape (n_classes,), default=None
        The classes in the order of the columns, as in :func:`auroc_score`.
    confidence : float, default=0.95
        Share of intervals meant to hold the true value, between 0 and 1.
    n_resamples : int, default=2000
        Number of resamples.
    random_state : int, RandomState or None, default=None
        Seed of the draws; None gives another result at each call.

    Returns
    -------
    interval : AUROCInterval
        Named tuple ``(auroc, low, high)``; with three or more classes of the macro
        average. All NaN where `y_true` has one class only.

    Raises
    ------
    ValueError
        If the arguments do not fit each other, there is only one patient, or more than
        half of the resamples lack a class.

    Warns
    -----
    UndefinedMetricWarning
        If `y_true` has one class only.

    See Also
    --------
    auroc_score : The score itself.

    Notes
    -----
    A resample that lacks a class which `y_true` has is drawn again, so that every one
    scores the same average.

    The interval tells how far the figure depends on *which patients were tested*. It
    does *not* cover training again with another seed or other training data, nor
    another hospital or stethoscope. It is too narrow with a few dozen patients, and
    where the classes are perfectly separated it is [1, 1], which is no certainty.

    References
    ----------
    Efron, B. and Tibshirani, R. J. "An Introduction to the Bootstrap." Chapman & Hall,
    1993, chapter 13. doi:10.1201/9780429246593

    Examples
    --------
    >>> import numpy as np
    >>> from skheart.metrics import auroc_confidence_interval
    >>> rng = np.random.default_rng(0)
    >>> patients = np.arange(100).repeat(2)
    >>> y_true = np.where(patients % 4 == 0, "Present", "Absent")
    >>> y_score = rng.normal(loc=(y_true == "Present") * 1.5)
    >>> auroc, low, high = auroc_confidence_interval(
    ...     y_true, y_score, groups=patients, random_state=0)
    >>> bool(low < auroc < high)
    True
    """
    check_number("confidence", confidence, high=1, closed="neither")
    check_number("n_resamples", n_resamples, integer=True)
    rng = check_random_state(random_state)
    y_true = check_labels("y_true", y_true)
    y_score = check_scores("y_score", y_score)
    groups = (
        np.arange(len(y_true)) if groups is None else check_labels("groups", groups)
    )
    check_same_length(y_true=y_true, y_score=y_score, groups=groups)
    patients = sorted_labels("groups", groups)
    if len(patients) < 2:
        raise ValueError("groups must name two patients or more, got 1.")

    auroc = auroc_score(y_true, y_score, labels=labels)
    if np.isnan(auroc):
        return AUROCInterval(np.nan, np.nan, np.nan)
    classes = classes_of(y_true, y_score, labels)
    codes = encode("y_true", y_true, classes)
    patient = encode("groups", groups, patients)
    has_class = np.zeros((len(patients), len(classes)))
    has_class[patient, codes] = 1
    present = has_class.any(axis=0)

    aurocs = []
    n_left, n_lacking = n_resamples, 0
    while n_left > 0:
        n_draws = min(n_left, max(1, _LARGEST_DRAW // len(y_true)))
        counts = _draw_patients(rng, len(patients), n_draws)
        kept = (counts @ has_class > 0)[:, present].all(axis=1)
        areas = class_areas(codes, y_score, classes, counts[kept][:, patient])
        aurocs.append((areas if len(areas) == 1 else areas[present]).mean(axis=0))
        n_left -= kept.sum()
        n_lacking += (~kept).sum()
        if n_lacking > n_resamples:
            raise ValueError(
                "groups must name enough patients of every class for a bootstrap, got "
                f"{len(patients)} patients of which more than half of the resamples "
                "lack a class."
            )
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(aurocs), [tail, 1 - tail])
    return AUROCInterval(float(auroc), float(low), float(high))


def _draw_patients(
    rng: np.random.RandomState, n_patients: int, n_draws: int
) -> np.ndarray:
    """Return how often each patient is drawn, of shape (n_draws, n_patients)."""
    drawn = rng.randint(n_patients, size=(n_draws, n_patients))
    drawn += n_patients * np.arange(n_draws)[:, np.newaxis]
    counts = np.bincount(drawn.ravel(), minlength=n_draws * n_patients)
    return counts.reshape(n_draws, n_patients).astype(float)
