"""From the answers for recordings to one answer for each patient."""

from __future__ import annotations

from typing import Any

import numpy as np

from skheart._core.decisions import Decision
from skheart.metrics.pooling import pool_by_group


def default_pooling(decision: Decision) -> str:
    """Return how probabilities are pooled if the model does not say."""
    return "mean" if decision.positive is None else "max"


def pool_answers(
    probabilities: np.ndarray,
    classes: np.ndarray,
    groups: np.ndarray,
    decision: Decision,
) -> tuple[np.ndarray, np.ndarray]:
    """Pool the probabilities of each patient's recordings.

    Of two classes, the probability of the positive one is pooled, and the other one is
    the rest of 1. The pooled probabilities of other models are divided by their sum.

    Returns
    -------
    probabilities : ndarray of shape (n_patients, n_classes)
    patients : ndarray of shape (n_patients,)
        Sorted.
    """
    how = decision.pooling or default_pooling(decision)
    if len(classes) == 2 and decision.positive is not None:
        column = classes.tolist().index(decision.positive)
        pooled = pool_by_group(probabilities[:, column], groups, how=how)
        values = np.empty((len(pooled.groups), 2))
        values[:, column], values[:, 1 - column] = pooled.y_score, 1 - pooled.y_score
        return values, pooled.groups
    pooled = pool_by_group(probabilities, groups, how=how)
    return pooled.y_score / pooled.y_score.sum(axis=1, keepdims=True), pooled.groups


def patient_labels(
    y_true: np.ndarray, groups: np.ndarray, positive: Any
) -> np.ndarray | None:
    """Return the label of each patient, in the order of the sorted patients.

    A patient with one positive recording is positive. None if the recordings of a
    patient have different labels and there is no positive class to decide.
    """
    try:
        return pool_by_group(
            np.zeros(len(y_true)), groups, y_true=y_true, pos_label=positive
        ).y_true
    except ValueError:
        return None
