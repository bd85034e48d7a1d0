"""The figures of an evaluation, by recording and by patient."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import confusion_matrix

from skheart._core.checks import check_number
from skheart._core.decisions import Decision, labels_of
from skheart.metrics import (
    auroc_confidence_interval,
    auroc_score,
    calibration_bins,
    expected_calibration_error,
    predictive_values,
    proportion_interval,
)
from skheart.metrics.patients import answer_patients, default_pooling, patient_labels
from skheart.report.description import EXACT, plain


def evaluate_answers(
    y_true: ArrayLike,
    probabilities: ArrayLike,
    *,
    classes: ArrayLike,
    groups: ArrayLike | None = None,
    decision: Decision | None = None,
    prevalence: float | None = None,
    random_state: int = 0,
) -> dict[str, Any]:
    """Compute the figures of a model's answers, by recording and by patient.

    Parameters
    ----------
    y_true : array-like of shape (n_recordings,)
        True labels.
    probabilities : array-like of shape (n_recordings, n_classes)
        What the model answers.
    classes : array-like of shape (n_classes,)
        The labels in the order of the columns.
    groups : array-like of shape (n_recordings,), default=None
        The patient of each recording. By default each recording is a patient.
    decision : Decision, default=None
        The positive class, thresholds, and how a patient's recordings are pooled. By
        default the most probable class, and each class is compared with the rest.
    prevalence : float, default=None
        Share of positive patients for which predictive values are computed. By default
        the share in `y_true`.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    figures : dict
        As JSON has it, with None where a figure is undefined:

        - ``classes``, ``positive``, ``threshold``, ``patient_threshold``, ``pooling``;
        - ``by_recording`` and ``by_patient``, each with ``n``, ``auroc``, ``accuracy``,
          ``majority`` (the class and its share), ``confusion`` (rows: true class) and
          ``rates``: for each class that is compared, ``sensitivity``, ``specificity``,
          ``ppv``, ``npv``, and the ``prevalence`` that the last two are for;
        - ``calibration``: ``error``, ``bins``, by recording; None without `positive`.

        Intervals are ``{"value", "low", "high"}``, at 95 %: of the AUROC by bootstrap
        over patients, of shares by Wilson's formula, in which each patient counts once.
        ``by_patient`` is None if patients have recordings with different labels and
        there is no positive class.

    Raises
    ------
    ValueError
        If lengths differ or a label is not one of `classes`.

    Examples
    --------
    >>> from skheart.report import evaluate_answers
    >>> y_true = ["murmur", "normal", "murmur", "normal"]
    >>> p = [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]]
    >>> figures = evaluate_answers(y_true, p, classes=["murmur", "normal"])
    >>> figures["by_recording"]["accuracy"]["value"]
    0.75
    """
    truth = np.asarray(y_true).astype(str)
    scores = np.asarray(probabilities, dtype=float)
    names = np.asarray(classes).astype(str)
    patients = np.arange(len(truth)) if groups is None else np.asarray(groups)
    decision = decision or Decision()
    check_number("prevalence", prevalence, high=1, closed="neither", optional=True)
    _check(truth, scores, names, patients)
    if decision.positive is not None:
        decision = replace(decision, positive=str(decision.positive))
    positive = decision.positive
    settings: dict[str, Any] = {
        "compared": names.tolist() if positive is None else [positive],
        "positive": positive,
        "prevalence": prevalence,
        "random_state": random_state,
    }
    answers = labels_of(scores, names, decision)
    by_recording = _figures(truth, scores, answers, names, patients, settings)
    labels = patient_labels(truth, patients, positive)
    by_patient = None
    if labels is not None:
        answered = answer_patients(scores, names, patients, decision)
        by_patient = _figures(
            labels,
            answered.probabilities,
            answered.prediction,
            names,
            answered.groups,
            settings,
        )
    pooling = decision.pooling or default_pooling(decision)
    if decision.patient_model is not None:
        pooling = "patient model"
    calibration = None
    if positive is not None:
        of_positive = scores[:, names.tolist().index(positive)]
        calibration = {
            "error": expected_calibration_error(
                truth == positive, of_positive, pos_label=True
            ),
            "bins": calibration_bins(truth == positive, of_positive, pos_label=True),
        }
    figures = {
        "classes": names.tolist(),
        "positive": positive,
        "threshold": decision.threshold,
        "patient_threshold": decision.patient_threshold,
        "pooling": pooling,
        "by_recording": by_recording,
        "by_patient": by_patient,
        "calibration": calibration,
    }
    return plain(figures, EXACT)


def _figures(
    truth: np.ndarray,
    scores: np.ndarray,
    answers: np.ndarray,
    names: np.ndarray,
    groups: np.ndarray,
    settings: dict[str, Any],
) -> dict[str, Any]:
    found, counts = np.unique(truth, return_counts=True)
    return {
        "n": len(truth),
        "n_patients": len(np.unique(groups)),
        "auroc": _auroc(truth, scores, names.tolist(), groups, settings),
        "accuracy": _share(answers == truth, groups),
        "majority": {
            "class": str(found[counts.argmax()]),
            "share": float(counts.max() / len(truth)),
        },
        "confusion": confusion_matrix(truth, answers, labels=names).tolist(),
        "rates": {
            name: rates_of(
                truth == name, answers == name, groups, settings["prevalence"]
            )
            for name in settings["compared"]
        },
    }


def _auroc(
    truth: np.ndarray,
    scores: np.ndarray,
    labels: list[str],
    groups: np.ndarray,
    settings: dict[str, Any],
) -> dict[str, float]:
    """Return the AUROC of the positive class, or the mean over all classes."""
    positive = settings["positive"]
    if positive is not None:
        scores = scores[:, labels.index(positive)]
        labels = ["rest", "positive"]
        truth = np.where(truth == positive, *labels[::-1])
    if len(np.unique(truth)) < 2:
        return dict.fromkeys(("value", "low", "high"), np.nan)
    try:
        interval = auroc_confidence_interval(
            truth,
            scores,
            groups=groups,
            labels=labels,
            random_state=settings["random_state"],
        )
    except ValueError:  # too few patients
        value = auroc_score(truth, scores, labels=labels)
        return {"value": float(value), "low": np.nan, "high": np.nan}
    return dict(zip(("value", "low", "high"), map(float, interval), strict=True))


def rates_of(
    positive: np.ndarray,
    called: np.ndarray,
    groups: np.ndarray,
    prevalence: float | None = None,
) -> dict[str, Any]:
    """Return the rates of one class against the rest."""
    sensitivity = _share(called[positive], groups[positive])
    specificity = _share(~called[~positive], groups[~positive])
    if prevalence is None:
        prevalence = float(positive.mean())
    values = {
        end: predictive_values(sensitivity[end], specificity[end], prevalence)
        for end in ("value", "low", "high")
    }
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "prevalence": prevalence,
        "ppv": {end: both[0] for end, both in values.items()},
        "npv": {end: both[1] for end, both in values.items()},
    }


def _share(right: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Return a share and its interval, in which each patient counts once."""
    n_patients = len(np.unique(groups))
    share = float(right.mean()) if len(right) else 0.0
    return proportion_interval(share * n_patients, n_patients)._asdict()


def _check(
    truth: np.ndarray, scores: np.ndarray, names: np.ndarray, groups: np.ndarray
) -> None:
    if scores.shape != (len(truth), len(names)) or len(groups) != len(truth):
        raise ValueError(
            f"probabilities must have shape ({len(truth)}, {len(names)}), one row for "
            f"each label, and groups one entry, got {scores.shape} and {len(groups)}."
        )
    unknown = np.setdiff1d(truth, names)
    if len(unknown):
        raise ValueError(
            f"y_true must hold only the classes {names.tolist()}, got "
            f"{unknown.tolist()[0]!r}."
        )
