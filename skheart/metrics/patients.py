"""From the answers for recordings to one answer for each patient."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skheart._core.decisions import Decision, labels_of
from skheart._core.patient_model import PatientModel
from skheart.metrics.pooling import pool_by_group, rows_of_groups
from skheart.metrics.positive_classes import positive_class


class PatientAnswers(NamedTuple):
    """The predictions for patients, one entry for each.

    Attributes
    ----------
    groups : ndarray of shape (n_patients,)
        The patients, sorted.
    prediction : ndarray of shape (n_patients,)
        The class; None where no recording of the patient could be used.
    probabilities : ndarray of shape (n_patients, n_classes)
        NaN where no recording could be used.
    n_recordings : ndarray of shape (n_patients,)
        How many recordings were used.
    errors : ndarray of shape (n_patients,)
        Why recordings could not be used; "" if all were used.
    """

    groups: np.ndarray
    prediction: np.ndarray
    probabilities: np.ndarray
    n_recordings: np.ndarray
    errors: np.ndarray


def decision_of(
    decision: Decision,
    classes: list[Any],
    positive: Any = None,
    threshold: float | None = None,
    *,
    prefix: str = "",
) -> Decision:
    """Return the decision of a model, with what the user sets.

    Of two classes, the positive one follows from the words if nobody names it. Messages
    put `prefix` before the names of parameters.
    """
    if positive is None and decision.positive is not None:
        positive = decision.positive
    if len(classes) == 2 or positive is not None:
        positive = positive_class(classes, positive, name=f"{prefix}positive")
    settings = vars(decision) | {"positive": positive}
    if decision.positive not in (None, positive):  # thresholds of the other class
        settings |= {"threshold": None, "patient_threshold": None, "chosen": {}}
    if threshold is not None:
        if len(classes) != 2:
            raise ValueError(
                f"{prefix}threshold needs a model of two classes, got "
                f"{', '.join(map(str, classes))}."
            )
        settings |= {"threshold": threshold, "patient_threshold": threshold}
        settings["chosen"] = {}
    return Decision(**settings)


def default_pooling(decision: Decision) -> str:
    """Return how probabilities are pooled if the model does not say."""
    return "mean" if decision.positive is None else "max"


def answer_patients(
    probabilities: np.ndarray,
    classes: np.ndarray,
    groups: np.ndarray,
    decision: Decision,
    *,
    errors: np.ndarray | None = None,
) -> PatientAnswers:
    """Answer for each patient, from the recordings that could be used.

    `errors` says why a recording cannot be used, "" where it can; by default all can.
    """
    if errors is None:
        errors = np.full(len(groups), "", dtype=object)
    usable = errors == ""
    patients, rows_of = rows_of_groups(groups)
    values = np.full((len(patients), len(classes)), np.nan)
    if usable.any():
        pooled, known = pool_answers(
            probabilities[usable], classes, groups[usable], decision
        )
        values[np.searchsorted(patients, known)] = pooled
    answered = np.isfinite(values).all(axis=1)
    prediction = np.full(len(patients), None, dtype=object)
    prediction[answered] = labels_of_patients(values[answered], classes, decision)
    if answered.all():
        prediction = prediction.astype(classes.dtype)
    reasons = [_reason(errors[rows]) for rows in rows_of]
    return PatientAnswers(
        patients,
        prediction,
        values,
        np.array([int(usable[rows].sum()) for rows in rows_of]),
        np.array(reasons, dtype=object),
    )


def _reason(errors: np.ndarray) -> str:
    """Return how many recordings of a patient cannot be used, and why the first."""
    failed = errors[errors != ""]
    if not len(failed):
        return ""
    return f"{len(failed)} of {len(errors)} recordings cannot be used: {failed[0]}"


def labels_of_patients(
    values: np.ndarray, classes: np.ndarray, decision: Decision
) -> np.ndarray:
    """Return the class of each patient, from probabilities of patients."""
    model = decision.patient_model
    weights = None if model is None else model.weights
    return labels_of(values, classes, decision.of_patients(), weights=weights)


def pool_answers(
    probabilities: np.ndarray,
    classes: np.ndarray,
    groups: np.ndarray,
    decision: Decision,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities, (n_patients, n_classes), and the sorted patients.

    A patient model computes them. Without one, the recordings' probabilities are
    pooled. Of two classes, the probability of the positive one is pooled, and the other
    one is the rest of 1. The pooled probabilities of other models are divided by their
    sum.
    """
    if decision.patient_model is not None:
        return _by_model(decision.patient_model, probabilities, classes, groups)
    how = decision.pooling or default_pooling(decision)
    if len(classes) == 2 and decision.positive is not None:
        column = classes.tolist().index(decision.positive)
        pooled = pool_by_group(probabilities[:, column], groups, how=how)
        values = np.empty((len(pooled.groups), 2))
        values[:, column], values[:, 1 - column] = pooled.y_score, 1 - pooled.y_score
        return values, pooled.groups
    pooled = pool_by_group(probabilities, groups, how=how)
    return pooled.y_score / pooled.y_score.sum(axis=1, keepdims=True), pooled.groups


def _by_model(
    model: PatientModel,
    probabilities: np.ndarray,
    classes: np.ndarray,
    groups: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    patients, rows_of = rows_of_groups(groups)
    features = [
        model.compute_features(probabilities[rows], classes.tolist())
        for rows in rows_of
    ]
    return model.predict_proba(features), patients


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
