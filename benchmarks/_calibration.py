"""Calibrated probabilities of two classes, and the operating points of the cards.

All figures are from networks that were not trained on the patient. What is fitted for
the patients of a fold (the scaling, a threshold) is fitted on those of the other folds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from _corpora import HEADS, N_FOLDS, Corpora
from _joint import COLUMNS
from _scores import drawn_by_patient, probabilities
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from skheart.metrics import (
    at_prevalence,
    calibration_bins,
    choose_threshold,
    expected_calibration_error,
    predictive_values,
    proportion_interval,
)
from skheart.metrics.patients import rows_of_groups

# The class that the operating point on a card detects.
DETECTED = {
    "murmur": "murmur",
    "abnormal": "abnormal",
    "murmur3": "Present",
    "pascal": "murmur",
}
SENSITIVITY = 0.9  # of the operating point
PREVALENCES = (0.02, 0.1, 0.5)
N_RESAMPLES = 1000


def log_odds(logits: np.ndarray, head: str) -> np.ndarray:
    """Return the log odds of the first of two classes; the logit is of the second."""
    return -logits[:, COLUMNS[head].start].astype(float)


def scaling(odds: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Return the slope and the intercept that make log odds true at a prevalence of ½.

    The classes are weighted to be equally common (Platt's method). Nothing is changed
    without recordings of both classes, as in a quick run with one fold.
    """
    if len(np.unique(positive)) < 2:
        return 1.0, 0.0
    model = LogisticRegression(C=1e6, class_weight="balanced")
    model.fit(odds[:, np.newaxis], positive)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def scaled(corpora: Corpora, logits: np.ndarray, head: str) -> np.ndarray:
    """Return the true log odds of all recordings, with the scaling of other folds."""
    odds, known = log_odds(logits, head), _known(corpora, logits, head)
    result = np.full(len(corpora), np.nan)
    for k in range(N_FOLDS):
        others = known & (corpora.fold != k)
        here = corpora.fold == k
        slope, intercept = scaling(odds[others], corpora.codes[head][others] == 0)
        result[here] = slope * odds[here] + intercept
    return result


def true_probabilities(corpora: Corpora, logits: np.ndarray, head: str) -> np.ndarray:
    """Return the probabilities, (n, 2), after the scaling of other folds."""
    positive = expit(scaled(corpora, logits, head))
    return np.column_stack([positive, 1 - positive])


def calibration(corpora: Corpora, logits: np.ndarray, head: str) -> dict[str, Any]:
    """Return the entry "calibration" of a card; see :class:`skheart.ModelCard`."""
    rows = np.flatnonzero(_known(corpora, logits, head))
    part, positive = corpora.take(rows), corpora.codes[head][rows] == 0
    slope, intercept = scaling(log_odds(logits[rows], head), positive)
    p = true_probabilities(corpora, logits, head)[rows, 0]
    return {
        "positive": HEADS[head][0],
        "recordings": len(part),
        "slope": round(slope, 4),
        "intercept": round(intercept, 4),
        **_compared(positive, p, part.group, part.fold),
    }


def patient_calibration(corpora: Corpora, logits: np.ndarray) -> dict[str, Any]:
    """Return the same by patient of CirCor: the maximum over the recordings."""
    p = true_probabilities(corpora, logits, "murmur")[:, 0]
    asked = np.isfinite(p) & (corpora.corpus == "circor2022")
    rows = np.flatnonzero(asked & (corpora.word != "Unknown"))
    part, p = corpora.take(rows), p[rows]
    _, rows_of = rows_of_groups(part.visit)
    first = np.array([own[0] for own in rows_of])
    highest = np.array([p[own].max() for own in rows_of])
    positive = part.word[first] != "Absent"
    return {
        "positive": "murmur",
        **_compared(positive, highest, part.group[first], part.fold[first]),
    }


def _compared(
    positive: np.ndarray, p: np.ndarray, group: np.ndarray, fold: np.ndarray
) -> dict[str, Any]:
    """Compare probabilities with shares; intervals count each patient once."""
    bins = calibration_bins(positive, p, pos_label=True)
    order = np.split(
        np.argsort(p, kind="stable"), np.cumsum([one["n"] for one in bins])[:-1]
    )
    for one, members in zip(bins, order, strict=True):
        n_patients = len(np.unique(group[members]))
        interval = proportion_interval(one["share"] * n_patients, n_patients)
        one |= {"patients": n_patients, "low": interval.low, "high": interval.high}
    prevalence = float(positive.mean())
    true = at_prevalence(p, prevalence)
    errors = [
        expected_calibration_error(positive[fold == k], true[fold == k], pos_label=True)
        for k in np.unique(fold)
    ]
    return {
        "prevalence": round(prevalence, 4),
        "patients": len(np.unique(group)),
        "error": {
            "mean": round(float(np.mean(errors)), 4),
            "folds": _rounded(errors),
            "together": round(
                expected_calibration_error(positive, true, pos_label=True), 4
            ),
        },
        "bins": [
            {k: round(v, 4) if isinstance(v, float) else v for k, v in one.items()}
            for one in bins
        ],
    }


def operating_point(corpora: Corpora, logits: np.ndarray, head: str) -> dict[str, Any]:
    """Return the entry "operating_point" of a card, by recording.

    The threshold is that of all folds together. Sensitivity and specificity are those
    of each fold with the threshold of the other folds. With more than two classes, the
    probability is that of the network, and all other classes are negative.
    """
    rows = np.flatnonzero(_known(corpora, logits, head))
    detected = HEADS[head].index(DETECTED[head])
    part, positive = corpora.take(rows), corpora.codes[head][rows] == detected
    if len(HEADS[head]) == 2:
        p = true_probabilities(corpora, logits, head)[rows, detected]
    else:
        p = probabilities(logits[rows], head)[:, detected]
    above = np.zeros(len(p), bool)
    threshold = _threshold(positive, p)
    for k in np.unique(part.fold):
        here = part.fold == k
        others = ~here if not here.all() else here  # a quick run has one fold
        above[here] = p[here] >= _threshold(positive[others], p[others])
    drawn = drawn_by_patient(part.group, N_RESAMPLES)
    samples = [_rates(positive[one], above[one]) for one in drawn]
    return {
        "positive": DETECTED[head],
        "threshold": round(threshold, 4),
        "wanted_sensitivity": SENSITIVITY,
        **{
            name: {
                "value": round(value, 4),
                "low": round(float(np.quantile([s[name] for s in samples], 0.025)), 4),
                "high": round(float(np.quantile([s[name] for s in samples], 0.975)), 4),
            }
            for name, value in _rates(positive, above).items()
        },
    }


def _rates(positive: np.ndarray, above: np.ndarray) -> dict[str, float]:
    sensitivity = float(above[positive].mean())
    specificity = float((~above[~positive]).mean())
    rates = {"sensitivity": sensitivity, "specificity": specificity}
    for prevalence in PREVALENCES:
        ppv, npv = predictive_values(sensitivity, specificity, prevalence=prevalence)
        rates |= {f"ppv at {prevalence:g}": ppv, f"npv at {prevalence:g}": npv}
    return rates


def _threshold(positive: np.ndarray, p: np.ndarray) -> float:
    return choose_threshold(positive, p, pos_label=True, sensitivity=SENSITIVITY)


def _known(corpora: Corpora, logits: np.ndarray, head: str) -> np.ndarray:
    return (corpora.codes[head] >= 0) & np.isfinite(logits).all(axis=1)


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]
