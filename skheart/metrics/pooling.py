"""From scores of recordings to scores of patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from skheart._core.checks import check_option
from skheart.metrics.validation import (
    check_labels,
    check_same_length,
    check_scores,
    label_list,
    sorted_labels,
)

_POOLS: dict[str, Any] = {"mean": np.mean, "median": np.median, "max": np.max}
_How = str | Callable[[np.ndarray], float]


class PooledScores(NamedTuple):
    """Scores, names and labels of patients, in the same order.

    Attributes
    ----------
    y_score : ndarray of shape (n_patients,) or (n_patients, n_classes)
        Pooled scores.
    groups : ndarray of shape (n_patients,)
        The patients, sorted.
    y_true : ndarray of shape (n_patients,) or None
        Their labels, if labels of recordings were given.
    """

    y_score: np.ndarray
    groups: np.ndarray
    y_true: np.ndarray | None


def pool_by_group(
    y_score: ArrayLike,
    groups: ArrayLike,
    *,
    how: _How | Sequence[_How] = "mean",
    y_true: ArrayLike | None = None,
    pos_label: Any = None,
) -> PooledScores:
    """Pool the scores of each patient's recordings into one score a patient.

    Parameters
    ----------
    y_score : array-like of shape (n_recordings,) or (n_recordings, n_classes)
        Scores of recordings; columns are pooled one by one.
    groups : array-like of shape (n_recordings,)
        The patient of each recording.
    how : {"mean", "median", "max"}, callable, or list of them, default="mean"
        How to pool. ``"max"`` suits a murmur that is audible at one location only, but
        rises with the number of recordings. A callable takes the scores of one patient
        (of one class) as a 1-D ndarray in the order given, and returns a number. A list
        or tuple pools each class in its own way, such as ``("mean", "max", "mean")``
        for Absent, Present and Unknown.
    y_true : array-like of shape (n_recordings,), default=None
        Labels of recordings, to be pooled too.
    pos_label : label, default=None
        A patient with this label at any recording has it as a whole. The other
        patients, and by default all, must have one label at all of their recordings.

    Returns
    -------
    pooled : PooledScores
        Named tuple ``(y_score, groups, y_true)`` with one row a patient, sorted.

    Raises
    ------
    ValueError
        If lengths differ, a score is NaN, the recordings of a patient disagree about
        its label, or `how` does not return a number.

    See Also
    --------
    auroc_score : To be given the pooled labels and scores.

    Notes
    -----
    Pooled probabilities are *not* calibrated probabilities of patients; the medians or
    maxima of several classes do not even add up to 1.

    Examples
    --------
    >>> from skheart.metrics import pool_by_group
    >>> y_score, patients, y_true = pool_by_group(
    ...     [0.9, 0.1, 0.2, 0.3],
    ...     ["p2", "p2", "p1", "p1"],
    ...     how="max",
    ...     y_true=["Present", "Absent", "Absent", "Absent"],
    ...     pos_label="Present",
    ... )
    >>> y_score
    array([0.3, 0.9])
    >>> patients.tolist(), y_true.tolist()
    (['p1', 'p2'], ['Absent', 'Present'])
    """
    y_score = check_scores("y_score", y_score)
    columns = y_score.reshape(len(y_score), -1)
    n_classes = columns.shape[1]
    hows: list[Any] = list(how) if isinstance(how, list | tuple) else [how] * n_classes
    for one in hows:
        if not callable(one):
            check_option("how", one, tuple(_POOLS))
    if len(hows) != n_classes:
        raise ValueError(
            f"how must name one way of pooling for each of the {n_classes} columns of "
            f"y_score, got {len(hows)}; a single way, as how='mean', pools them all."
        )
    if pos_label is not None and y_true is None:
        raise ValueError(
            f"pos_label must come with y_true, got pos_label={pos_label!r} alone."
        )
    groups = check_labels("groups", groups)
    labels = None if y_true is None else check_labels("y_true", y_true)
    check_same_length(y_score=y_score, groups=groups, y_true=labels)

    patients, rows = rows_of_groups(groups)
    pooled = np.array(
        [[_pool(columns[r, c], one) for c, one in enumerate(hows)] for r in rows]
    )
    if labels is not None:
        kept = [
            r[_label_row(labels[r], pos_label, patient)]
            for r, patient in zip(rows, patients.tolist(), strict=True)
        ]
        labels = labels[kept]
    pooled = pooled.reshape(len(rows), *y_score.shape[1:])
    return PooledScores(pooled, patients, labels)


def rows_of_groups(groups: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the sorted groups, and the rows of each."""
    names, code = np.unique(groups, return_inverse=True)
    order = np.argsort(code, kind="stable")
    return names, np.split(order, np.cumsum(np.bincount(code))[:-1])


def _pool(scores: np.ndarray, how: Any) -> float:
    """Return one number for the scores of a patient."""
    result = how(scores) if callable(how) else _POOLS[how](scores)
    if np.shape(result) != ():
        raise ValueError(
            f"how must return one number for the scores of a patient, got {result!r}."
        )
    return float(result)


def _label_row(labels: np.ndarray, pos_label: Any, patient: Any) -> int:
    """Return the index of a recording that has the label of the whole patient."""
    names = labels.tolist()
    if pos_label is not None and pos_label in names:
        return names.index(pos_label)
    if len(set(names)) > 1:
        raise ValueError(
            "y_true must be the same for all recordings of a patient, got "
            f"{label_list(sorted_labels('y_true', labels))} for patient {patient!r}; "
            "pos_label= names a label that counts if any recording has it."
        )
    return 0
